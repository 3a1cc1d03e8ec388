"""What an application process adds to the history: changes in the kernel, and later how many flows each moved."""

from pathlib import Path

from linkbalancer.clock import MICROSECOND, MILLISECOND, Duration, Instant
from linkbalancer.daemon.loop import Loop, boottime
from linkbalancer.daemon.recording import Recording
from linkbalancer.drivers import flows
from linkbalancer.drivers.errors import DriverError
from linkbalancer.links import Vid
from linkbalancer.routing.marks import Marks

AFTER: Duration = 500 * MILLISECOND
APART: Duration = 60 * MILLISECOND
"""When the flows are counted: so long after a move, and one application after the other; a failover has priority."""


class Moves:
    """Tells the recorder of applications' moves; a source of the loop for the counting.

    Args:
        run_dir: where the recorder listens.
        teller: the process that steers them.
        marks: the bits of the connection mark.
        applications: how many there are on this gateway.
    """

    def __init__(self, run_dir: Path, teller: str, marks: Marks, applications: int) -> None:
        self._marks, self._applications = marks, applications
        self._recording = Recording(run_dir, teller, boottime())
        self._counts: dict[int, tuple[Instant, str, Vid]] = {}

    def attend(self, loop: Loop) -> None:
        """Have the loop send, and count, when it is time."""
        loop.watch(self._recording)
        loop.watch(self)

    def moved(self, app_id: int, application: str, before: Vid | None, vid: Vid, took: Duration) -> None:
        """Tell that an application's element in the kernel's map has been written; a first one moves no flows."""
        came = "" if before is None else f", was {before}"
        text = f"the map's element of {application} is VID {vid}{came}"
        self._tell("kernel", text, application, vid, took_us=took // MICROSECOND)
        if before is not None and flows.affordable(self._applications):
            self._counts[app_id] = boottime() + AFTER + app_id % flows.APPLICATIONS_MAX * APART, application, vid

    def deadline(self) -> Instant | None:
        """Return when flows are to be counted next (the loop asks)."""
        return min((due for due, _name, _vid in self._counts.values()), default=None)

    def expire(self, now: Instant) -> None:
        """Count the flows that are due; one count that fails is left out."""
        for app_id in [app_id for app_id, (due, _name, _vid) in self._counts.items() if due <= now]:
            _due, application, vid = self._counts.pop(app_id)
            try:
                found = flows.count(self._marks, app_id)
            except DriverError:
                continue
            many = "at least " if found >= flows.FLOWS_MAX else ""
            self._tell(
                "flows", f"{many}{found} flows of {application} are on VID {vid} now", application, vid, flows=found
            )

    def _tell(self, kind: str, text: str, application: str, vid: Vid, **fields: int) -> None:
        self._recording.tell(
            kind,
            text,
            subject=application,
            follows={"kind": "application", "app": application, "vid": vid},
            fields={"app": application, "vid": vid, **fields},
        )

"""What an application's process adds to the history: the change in the kernel, and later how many flows it moved."""

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
    """Tells the recorder of one application's moves; a source of the loop for the counting.

    Args:
        run_dir: where the recorder listens.
        application: its name.
        marks: the bits of the connection mark.
        applications: how many there are.
    """

    def __init__(self, run_dir: Path, application: str, marks: Marks, applications: int) -> None:
        self._application, self._marks, self._applications = application, marks, applications
        self._recording = Recording(run_dir, f"app:{application}", boottime())
        self._count_at: Instant | None = None
        self._moved: tuple[int, Vid] = (0, 0)

    def attend(self, loop: Loop) -> None:
        """Have the loop send, and count, when it is time."""
        loop.watch(self._recording)
        loop.watch(self)

    def moved(self, app_id: int, before: Vid | None, vid: Vid, took: Duration) -> None:
        """Tell that the application's element in the kernel's map has been written; a first one moves no flows."""
        came = "" if before is None else f", was {before}"
        self._tell(
            "kernel", f"the map's element of {self._application} is VID {vid}{came}", vid, took_us=took // MICROSECOND
        )
        if before is not None and flows.affordable(self._applications):
            self._moved = app_id, vid
            self._count_at = boottime() + AFTER + app_id % flows.APPLICATIONS_MAX * APART

    def deadline(self) -> Instant | None:
        """Return when the flows are to be counted (the loop asks)."""
        return self._count_at

    def expire(self, _now: Instant) -> None:
        """Count the flows; one count that fails is left out."""
        self._count_at = None
        app_id, vid = self._moved
        try:
            found = flows.count(self._marks, app_id)
        except DriverError:
            return
        many = "at least " if found >= flows.FLOWS_MAX else ""
        self._tell("flows", f"{many}{found} flows of {self._application} are on VID {vid} now", vid, flows=found)

    def _tell(self, kind: str, text: str, vid: Vid, **fields: int) -> None:
        self._recording.tell(
            kind,
            text,
            subject=self._application,
            follows={"kind": "application", "app": self._application, "vid": vid},
            fields={"app": self._application, "vid": vid, **fields},
        )

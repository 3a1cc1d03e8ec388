"""What an application process adds to the history: changes in the kernel, and later how many flows each moved."""

from pathlib import Path

from linkbalancer.clock import MICROSECOND, MILLISECOND, Duration, Instant
from linkbalancer.daemon.loop import Loop, boottime
from linkbalancer.daemon.recording import Recording
from linkbalancer.drivers import flows
from linkbalancer.drivers.errors import DriverError
from linkbalancer.engine.application import in_words
from linkbalancer.engine.sweeping import Remains, in_text
from linkbalancer.routing.balance import Aim, Pool, Target
from linkbalancer.routing.handover import Form
from linkbalancer.routing.marks import Marks

AFTER: Duration = 500 * MILLISECOND
APART: Duration = 60 * MILLISECOND
"""When the flows are counted: so long after a move, and one application after the other; a failover has priority."""

_FLOWS = {
    Form.MOVE: "",
    Form.KEEP: ", running flows stay where theirs works",
    Form.RESET: ", running flows are told to end",
    Form.HOLD: ", running flows stay where theirs works, else are told to end",
}


class Moves:
    """Tells the recorder of applications' moves; a source of the loop for the counting.

    Args:
        run_dir: where the recorder listens.
        teller: the process that steers them.
        marks: the bits of the connection mark.
        applications: how many there are on this gateway.
        ipv6: whether IPv6 is steered, so that its flows move too.
    """

    def __init__(self, run_dir: Path, teller: str, marks: Marks, applications: int, *, ipv6: bool = False) -> None:
        self._marks, self._applications, self._ipv6 = marks, applications, ipv6
        self._recording = Recording(run_dir, teller, boottime())
        self._counts: dict[int, tuple[Instant, str, Target]] = {}

    def attend(self, loop: Loop) -> None:
        """Have the loop send, and count, when it is time."""
        loop.watch(self._recording)
        loop.watch(self)

    def moved(
        self, app_id: int, application: str, before: Aim | None, aim: Aim, *, took: Duration, at: Instant
    ) -> None:
        """Tell that an application's element in the kernel's map was written at a time; a first one moves no flows."""
        to = aim.to
        came = "" if before is None or before.to == to else f", was {before.to}"
        text = f"the map's element of {application} is {in_words(to)}{came}{_FLOWS[aim.form]}"
        self._tell("kernel", text, application, to, at, took_us=took // MICROSECOND)
        if before is not None and before.to != to and aim.form is Form.MOVE and flows.affordable(self._applications):
            self._counts[app_id] = at + AFTER + app_id % flows.APPLICATIONS_MAX * APART, application, to

    def remained(self, remains: Remains, application: str) -> None:
        """Tell of translated flows that were found on a VID after their entries had been deleted, or may be there."""
        known = {} if remains.flows is None else {"flows": remains.flows}
        self._recording.tell(
            "left",
            in_text(remains, application),
            subject=application,
            follows={"kind": "application", "app": application},
            fields={"app": application, "vid": remains.vid, **known},
        )

    def deadline(self) -> Instant | None:
        """Return when flows are to be counted next (the loop asks)."""
        return min((due for due, _name, _to in self._counts.values()), default=None)

    def expire(self, now: Instant) -> None:
        """Count the flows that are due; one count that fails is left out."""
        for app_id in [app_id for app_id, (due, _name, _to) in self._counts.items() if due <= now]:
            _due, application, to = self._counts.pop(app_id)
            try:
                found = flows.count(self._marks, app_id, ipv6=self._ipv6)
            except DriverError:
                continue
            many = "at least " if found >= flows.FLOWS_MAX else ""
            text = f"{many}{found} flows of {application} are on {in_words(to)} now"
            self._tell("flows", text, application, to, boottime(), flows=found)

    def _tell(self, kind: str, text: str, application: str, to: Target, at: Instant, **fields: int) -> None:
        """Tell it; to a balanced step an application goes by whichever of its VIDs works."""
        place: dict[str, str | int] = {"app": application}
        if not isinstance(to, Pool):
            place["vid"] = to
        self._recording.tell(
            kind,
            text,
            subject=application,
            at=at,
            follows={"kind": "application", **place},
            fields={**place, **fields},
        )

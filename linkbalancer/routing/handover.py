"""What becomes of the flows of an application when it goes to another VID."""

from dataclasses import dataclass
from enum import Enum

from linkbalancer.clock import Duration, exactly


class Mode(Enum):
    """How running flows take part in a change of VID; where their VID works no more, all but `RESET` follow at once."""

    MOVE = "move"
    KEEP = "keep"
    DRAIN = "drain"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Handover:
    """A mode; with `DRAIN`, how long flows stay where they are."""

    mode: Mode = Mode.MOVE
    stay: Duration = 0

    def __str__(self) -> str:
        """Write it as a rule file does: `keep`, or `drain:60s`."""
        return f"{self.mode.value}:{exactly(self.stay)}" if self.mode is Mode.DRAIN else self.mode.value


MOVE = Handover()


class Form(Enum):
    """What becomes of flows that took another VID: they follow, stay or are reset; `HOLD` is stay, else reset."""

    MOVE = "vid"
    KEEP = "keep"
    RESET = "reset"
    HOLD = "hold"


_STAYING = frozenset({Mode.KEEP, Mode.DRAIN})
_ENDING = frozenset({Form.RESET, Form.HOLD})


@dataclass(frozen=True, slots=True)
class Manner:
    """How an application changes its VID: when the old one works no more, and when it does and another is better."""

    failover: Handover = MOVE
    failback: Handover = MOVE

    def form(self, *, leaves_working: bool) -> Form:
        """Return in which form it is pointed at another VID, by whether the one that it leaves works."""
        ends, stays = self.failover.mode is Mode.RESET, self.failback.mode in _STAYING
        if leaves_working and not stays:
            return Form.RESET if self.failback.mode is Mode.RESET else Form.MOVE
        if stays:
            return Form.HOLD if ends else Form.KEEP
        return Form.RESET if ends else Form.MOVE

    @property
    def ends_alike(self) -> bool:
        """Whether flows of a VID that dies are told to end in every form, or in none.

        Within a balanced step the kernel moves flows by itself, in whichever form the application is just then.
        """
        return len({form in _ENDING for form in self.forms}) == 1

    @property
    def stay(self) -> Duration | None:
        """How long flows may stay on a VID that works; None: as long as it does, or not at all."""
        return self.failback.stay if self.failback.mode is Mode.DRAIN else None

    @property
    def forms(self) -> frozenset[Form]:
        """Every form in which it may be found at rest."""
        drained = {Form.MOVE} if self.failback.mode is Mode.DRAIN else set()
        return frozenset({self.form(leaves_working=True), self.form(leaves_working=False), *drained})

    @property
    def resting(self) -> Form:
        """The form of an application that nobody has pointed anywhere yet."""
        return self.form(leaves_working=True)

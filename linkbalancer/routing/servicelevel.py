"""A service level: what an application asks of the link of its VID (`sla=` of a rule line).

    loss<1%,rtt<80ms,jitter<10ms,after:3s,back:30s,margin:20%

What is above a bound for `after` breaks the level. It is met again when all is below the bounds by `margin` for `back`:
a softer bound and a longer time, so that a figure that hovers at its bound moves nothing to and fro.
"""

from dataclasses import dataclass
from typing import Final

from linkbalancer.clock import SECOND, Duration, exactly

AFTER: Final[Duration] = 3 * SECOND
BACK: Final[Duration] = 30 * SECOND
MARGIN: Final = 0.2

LEVELS_MAX: Final = 8
"""Different service levels of one rule file: each link is judged by each of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLevel:
    """Bounds, of which there is at least one: shares 0..1 and nanoseconds; and how soon they count."""

    loss: float | None = None
    rtt: Duration | None = None
    jitter: Duration | None = None
    after: Duration = AFTER
    back: Duration = BACK
    margin: float = MARGIN

    @property
    def bounds(self) -> str:
        """The bounds as a rule file has them: `loss<1%,rtt<80ms`."""
        named = (("loss", _share(self.loss)), ("rtt", _time(self.rtt)), ("jitter", _time(self.jitter)))
        return ",".join(f"{name}<{bound}" for name, bound in named if bound)

    def __str__(self) -> str:
        """Write it as a rule file does, in one way only; what is as ever is left out."""
        said = [self.bounds]
        said += [f"after:{_time(self.after)}"] if self.after != AFTER else []
        said += [f"back:{_time(self.back)}"] if self.back != BACK else []
        said += [f"margin:{_share(self.margin)}"] if self.margin != MARGIN else []
        return ",".join(said)


def _time(duration: Duration | None) -> str:
    return "" if duration is None else exactly(duration)


def _share(share: float | None) -> str:
    return "" if share is None else f"{share * 100:.6g}%"

"""What one link is configured to be: its two addresses, its probe interval, and when silence means closed."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address

from linkbalancer.clock import MILLISECOND, Duration
from linkbalancer.links import DeviceName, LinkName, NodeName, OnProbeLoss, Role
from linkbalancer.lvrrp.tlv import NAME_LENGTH_MAX

DERIVED: Duration = -1
"""Stands for "take the default that follows from the other settings"."""

DEFAULT_PORT = 20112


class ProbeFunction(StrEnum):
    """How the time to the next query is found (mission L7).

    Always the same; drawn anew each time from a range; or from a range that grows in quiet times up to a ceiling.
    """

    FIXED = "fixed"
    RANDOM = "random"
    ADAPTIVE = "adaptive"


CEILING_INTERVALS = 5
"""The default ceiling of an adaptive pace, in longest intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """One end of a link (design 4, mission L7).

    Both ends call the link by the same `name`: it is part of the keys, so that a crossed link is noticed (L11).
    Queries are drawn from [`interval_min`, `interval_max`], equal values fix them; where `function` is adaptive the
    range grows in quiet times until its upper end is `ceiling` (default 5 times `interval_max`). A link that has proven
    no round trip for `detect` (default `misses` * `interval_max`) and left `misses` queries unanswered is closed; it
    reopens after `up_delay` (default `detect`) of unbroken proof. The controlled end uses of these the last two alone.
    `via` is the first router of a link that crosses others (L10).

    Raises:
        ValueError: a value is out of its range; the text is a sentence for the operator.
    """

    name: LinkName
    node: NodeName
    role: Role
    device: DeviceName
    local: IPv4Address
    peer: IPv4Address
    port: int = DEFAULT_PORT
    interval_min: Duration = 100 * MILLISECOND
    interval_max: Duration = 200 * MILLISECOND
    function: ProbeFunction = ProbeFunction.RANDOM
    ceiling: Duration = DERIVED
    misses: int = 3
    detect: Duration = DERIVED
    up_delay: Duration = DERIVED
    via: IPv4Address | None = None
    on_probe_loss: OnProbeLoss = OnProbeLoss.STOP
    insecure: bool = False

    @property
    def gateway(self) -> IPv4Address:
        """The next hop over the link: the far end itself, or the first router on the way there."""
        return self.peer if self.via is None else self.via

    def __post_init__(self) -> None:
        self._derive("detect", self.misses * self.interval_max)
        self._derive("ceiling", CEILING_INTERVALS * self.interval_max)
        self._derive("up_delay", self.detect)
        for what, name in (("link", self.name), ("node", self.node)):
            if not name.isprintable() or not 1 <= len(name.encode()) <= NAME_LENGTH_MAX:
                raise ValueError(f"the {what} name {name!r} must be 1 to {NAME_LENGTH_MAX} printable bytes")
        if not 1 <= self.port <= 0xFFFF:
            raise ValueError(f"port {self.port} is not within 1..65535")
        self._check_pace()
        if self.detect < self.interval_max:
            raise ValueError("the detect time must not be shorter than the longest probe interval")
        if self.up_delay < 0:
            raise ValueError("the delay before a link reopens must not be negative")

    def _derive(self, name: str, value: Duration) -> None:
        if getattr(self, name) == DERIVED:
            object.__setattr__(self, name, value)

    def _check_pace(self) -> None:
        if not MILLISECOND <= self.interval_min <= self.interval_max:
            raise ValueError("the probe interval must be at least 1 ms, and its lower end not above its upper end")
        if self.function is ProbeFunction.FIXED and self.interval_min != self.interval_max:
            raise ValueError("a fixed probe interval is one duration, not a range")
        if self.ceiling < self.interval_max:
            raise ValueError("the ceiling must not be below the longest probe interval")
        if self.misses < 1:
            raise ValueError("at least one query must be missed before a link is closed")

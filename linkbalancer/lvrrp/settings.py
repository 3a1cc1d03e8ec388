"""What one link is configured to be: its two addresses, its probe interval, and when silence means closed."""

from dataclasses import dataclass
from ipaddress import IPv4Address

from linkbalancer.clock import MILLISECOND, Duration
from linkbalancer.links import DeviceName, LinkName, NodeName, OnProbeLoss, Role
from linkbalancer.lvrrp.tlv import NAME_LENGTH_MAX

DERIVED: Duration = -1
"""Stands for "take the default that follows from the other settings"."""

DEFAULT_PORT = 20112


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """One end of a link (design 4, mission L7).

    Both ends call the link by the same `name`: it is part of the keys, so that a crossed link is noticed (L11).
    Queries are drawn from [`interval_min`, `interval_max`], equal values fix them. A link that has proven no round trip
    for `detect` (default `misses` * `interval_max`) and left `misses` queries unanswered is closed; it reopens after
    `up_delay` (default `detect`) of unbroken proof. The controlled end uses of these `detect` and `up_delay` alone.
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
        if self.detect == DERIVED:
            object.__setattr__(self, "detect", self.misses * self.interval_max)
        if self.up_delay == DERIVED:
            object.__setattr__(self, "up_delay", self.detect)
        for what, name in (("link", self.name), ("node", self.node)):
            if not name.isprintable() or not 1 <= len(name.encode()) <= NAME_LENGTH_MAX:
                raise ValueError(f"the {what} name {name!r} must be 1 to {NAME_LENGTH_MAX} printable bytes")
        if not 1 <= self.port <= 0xFFFF:
            raise ValueError(f"port {self.port} is not within 1..65535")
        if not MILLISECOND <= self.interval_min <= self.interval_max:
            raise ValueError("the probe interval must be at least 1 ms, and its lower end not above its upper end")
        if self.misses < 1:
            raise ValueError("at least one query must be missed before a link is closed")
        if self.detect < self.interval_max:
            raise ValueError("the detect time must not be shorter than the longest probe interval")
        if self.up_delay < 0:
            raise ValueError("the delay before a link reopens must not be negative")

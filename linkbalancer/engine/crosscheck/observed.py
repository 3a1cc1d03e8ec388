"""What was seen in the kernel of one flow, as plain values; None stands for what is not there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from linkbalancer.engine.crosscheck.iprule import IpRule
from linkbalancer.engine.preflight.finding import Finding
from linkbalancer.engine.preflight.observed import Unseen
from linkbalancer.links import Address, DeviceName, Mac, Vid
from linkbalancer.routing.balance import Target
from linkbalancer.routing.handover import Form
from linkbalancer.routing.packet import Packet


class Entrance(StrEnum):
    """Where a packet comes from, as far as steering goes."""

    LAN = "lan"
    LINK = "link"
    SELF = "self"
    OTHER = "other"

    @property
    def steers(self) -> bool:
        """Whether packets that come from there are sent to VIDs."""
        return self in {Entrance.LAN, Entrance.SELF}


@dataclass(frozen=True, slots=True)
class Flow:
    """A packet as it arrives here: `device` is None for one that this gateway itself sends.

    `guessed`: the device is the one that the way back to its source leaves by.
    """

    packet: Packet
    device: DeviceName | None
    entrance: Entrance
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The kernel's answer to where a packet would go; `error` is its errno, 0 when there is a way.

    `prefix` and `protocol` are those of the route that was found.
    """

    error: int = 0
    kind: str = "unicast"
    table: int = 0
    gateway: Address | None = None
    device: DeviceName | None = None
    prefix: str | None = None
    protocol: int | None = None

    @property
    def way(self) -> str:
        """Name it as an operator would."""
        if self.kind != "unicast":
            return self.kind
        return f"{self.gateway} over {self.device}" if self.gateway is not None else f"straight onto {self.device}"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A neighbour's entry: `state` as `ip neigh` names it, `ours` whether we pinned it, times in milliseconds ago."""

    state: str
    mac: Mac | None
    ours: bool
    confirmed_ms: int | None = None
    updated_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """A flow's entry in connection tracking; `reply`: our packet runs against the direction of its first one."""

    mark: int
    reply: bool
    answered: bool
    expires_s: int | None = None
    translated: str = ""
    source_translated: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that was asked of the kernel for one flow.

    `steering` is the map from applications to VIDs and balanced steps, None where our table is not there; `forms` says
    how they are pointed there (absent: `MOVE`), `standing` which VIDs work: there flows may stay, and balanced steps
    are divided; `generation` is the classifier's in use. `untracked` says why the flow's entry was not looked
    for, None where it was; `unchecked` is the answer when the entrance does not matter.
    """

    digest: str | None
    steering: Mapping[int, Target | None] | None
    rules: tuple[IpRule, ...]
    answer: Answer
    connection: Connection | None = None
    untracked: str | None = None
    unchecked: Answer | None = None
    reply: Answer | None = None
    neighbour: Neighbour | None = None
    carriers: Mapping[DeviceName, bool | None] = field(default_factory=dict)
    addresses: frozenset[tuple[DeviceName, Address]] = frozenset()
    switches: Mapping[str, str | None] = field(default_factory=dict)
    firewall: tuple[Finding, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    forms: Mapping[int, Form] = field(default_factory=dict)
    standing: frozenset[Vid] = frozenset()
    generation: int | None = None


ENTRY_STATES: Final = {
    0x01: "incomplete",
    0x02: "reachable",
    0x04: "stale",
    0x08: "delay",
    0x10: "probe",
    0x20: "failed",
    0x40: "noarp",
    0x80: "permanent",
}
"""NUD_*, linux/neighbour.h."""

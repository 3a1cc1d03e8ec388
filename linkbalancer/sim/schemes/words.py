"""What a gateway of an older scheme is told and what it wants: the nouns of its machine."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from linkbalancer.clock import Duration
from linkbalancer.links import Address, GroupState, Vid
from linkbalancer.vrrp.events import Heard
from linkbalancer.vrrp.group import Group

States: TypeAlias = dict[Vid, GroupState]


class Kind(Enum):
    """What is said over a link."""

    QUERY = auto()
    ANSWER = auto()
    NOTICE = auto()


@dataclass(frozen=True, slots=True)
class Word:
    """A datagram over the link: its kind, and the state of each of the sender's groups."""

    kind: Kind
    states: States


@dataclass(frozen=True, slots=True)
class Started:
    """The process begins."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The process ends in order."""


@dataclass(frozen=True, slots=True)
class Advert:
    """An advertisement of another gateway of the LAN."""

    vid: Vid
    heard: Heard


@dataclass(frozen=True, slots=True)
class Told:
    """A word of the peer."""

    word: Word


@dataclass(frozen=True, slots=True)
class LinkCarrier:
    """The link's device has carrier, or has none."""

    up: bool


@dataclass(frozen=True, slots=True)
class LegCarrier:
    """The LAN's device has carrier, or has none."""

    up: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline has come, or passed."""


Event: TypeAlias = Started | Leave | Advert | Told | LinkCarrier | LegCarrier | Tick


@dataclass(frozen=True, slots=True)
class Advertise:
    """Send an advertisement to the LAN."""

    vid: Vid
    heard: Heard


@dataclass(frozen=True, slots=True)
class Say:
    """Send a word to the peer."""

    word: Word


@dataclass(frozen=True, slots=True)
class Moved:
    """A group's state changed."""

    vid: Vid
    state: GroupState


Effect: TypeAlias = Advertise | Say | Moved


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gateway stands: its address on the LAN, its groups, and how it probes.

    `interval` is drawn anew from [low, high] for each probe, equal for fixed intervals; after `detect` without a word
    of the peer, the peer counts as faulty.
    """

    address: Address
    groups: tuple[Group, ...]
    interval: tuple[Duration, Duration]
    detect: Duration

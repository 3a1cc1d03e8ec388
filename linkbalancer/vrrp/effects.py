"""What a VRRP router wants done: every output of `router.Router`, in the order in which it must be done."""

from dataclasses import dataclass
from typing import TypeAlias

from linkbalancer.links import Address, DeviceName, Interface

Places: TypeAlias = tuple[tuple[DeviceName, tuple[Interface, ...]], ...]
"""Virtual IPs, by the device that they stand on."""


@dataclass(frozen=True, slots=True)
class SendAdvert:
    """Send an advertisement of the group at this priority (0: we leave).

    `source`: the address it is sent from where that is not the present primary: the one just lost, for a last word.
    """

    priority: int
    source: Address | None = None


@dataclass(frozen=True, slots=True)
class InstallAddresses:
    """Install the group's virtual IPs; those that are there already are fine."""


@dataclass(frozen=True, slots=True)
class ReleaseAddresses:
    """Remove the group's virtual IPs."""


@dataclass(frozen=True, slots=True)
class ExchangeAddresses:
    """Install the virtual IPs that the group has newly, announce them if `announce`, remove those it has no longer."""

    added: Places
    removed: Places
    announce: bool


@dataclass(frozen=True, slots=True)
class AnnounceAddresses:
    """Tell the LAN where the virtual IPs are: now, again, and from time to time (`engine.announcements`)."""


@dataclass(frozen=True, slots=True)
class Changed:
    """The state changed, and why; always the last effect.

    A router's states are `initialising`, `backup` and `master`, and old equals new when a start was refused. An
    observer reports changes of the Master instead: addresses, or `none`.
    """

    old: str
    new: str
    reason: str


Effect: TypeAlias = SendAdvert | InstallAddresses | ReleaseAddresses | ExchangeAddresses | AnnounceAddresses | Changed

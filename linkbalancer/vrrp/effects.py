"""What a VRRP router wants done: every output of `router.Router`, in the order in which it must be done."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class SendAdvert:
    """Send an advertisement of the group at this priority (0: we leave)."""

    priority: int


@dataclass(frozen=True, slots=True)
class InstallAddresses:
    """Install the group's virtual IPs; those that are there already are fine."""


@dataclass(frozen=True, slots=True)
class ReleaseAddresses:
    """Remove the group's virtual IPs."""


@dataclass(frozen=True, slots=True)
class AnnounceAddresses:
    """Tell the LAN where the virtual IPs are (gratuitous ARP)."""


@dataclass(frozen=True, slots=True)
class Changed:
    """The state changed, and why; always the last effect.

    A router's states are `initialising`, `backup` and `master`, and old equals new when a start was refused. An
    observer reports changes of the Master instead: addresses, or `none`.
    """

    old: str
    new: str
    reason: str


Effect: TypeAlias = SendAdvert | InstallAddresses | ReleaseAddresses | AnnounceAddresses | Changed

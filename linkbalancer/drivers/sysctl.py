"""The kernel's switches that a gateway of this kind needs, written only where they differ."""

import errno
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from linkbalancer.drivers.errors import DriverError
from linkbalancer.links import DeviceName

ROOT: Final = Path("/proc/sys/net")

_LONGEST: Final = 64

_EVERY_DEVICE: Final = {
    "send_redirects": "0",  # a next hop on the LAN is on purpose, hosts shall not learn a way round us
    "accept_redirects": "0",
    "rp_filter": "0",  # the two directions of a flow may cross different gateways; the larger of all and device counts
}
_LAN_DEVICE: Final = {
    "promote_secondaries": "1",  # a virtual IP that goes takes no other address of its prefix with it
}
_STRICTEST: Final = "ipv4/conf/all/rp_filter"
_GATEWAY: Final = {
    "ipv4/ip_forward": "1",
    # A gateway may see one direction of a connection only: neither windows nor handshakes can be judged.
    "netfilter/nf_conntrack_tcp_be_liberal": "1",
    "netfilter/nf_conntrack_tcp_loose": "1",
    # Where the answer goes another way only a SYN is seen; until that is forgotten what follows is nobody's.
    "netfilter/nf_conntrack_tcp_timeout_syn_sent": "5",
}
_GATEWAY_IPV6: Final = {"ipv6/conf/all/forwarding": "1"}


@dataclass(frozen=True, slots=True)
class Change:
    """A switch that was set: its path below /proc/sys/net, and its value before and after."""

    path: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"net/{self.path}: {self.old} -> {self.new}"


def wanted(
    lan_devices: Iterable[DeviceName], link_devices: Iterable[DeviceName], *, ipv6: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield path and value of every switch for these devices; those of IPv6 where that is steered."""
    yield from _GATEWAY.items()
    yield from _GATEWAY_IPV6.items() if ipv6 else ()
    lan_devices = tuple(lan_devices)
    for device in ("all", "default", *lan_devices, *link_devices):
        for name, value in _EVERY_DEVICE.items():
            yield f"ipv4/conf/{device}/{name}", value
    for device in lan_devices:
        for name, value in _LAN_DEVICE.items():
            yield f"ipv4/conf/{device}/{name}", value


def read(path: str) -> str | None:
    """Return a switch's value, None where there is none."""
    try:
        return _read(ROOT / path)
    except OSError:
        return None


def write(path: str, value: str) -> Change | None:
    """Set one switch; return what changed, None when it stood right. Raises DriverError (read-only, no such device)."""
    switch = ROOT / path
    try:
        old = _read(switch)
        if old == value:
            return None
        if path == _STRICTEST:
            _keep_strict(old)
        switch.write_text(value)
    except OSError as error:
        raise DriverError(f"set net/{path} to {value}", error.errno or errno.EIO) from error
    return Change(path, old, value)


def _read(switch: Path) -> str:
    """Return what a switch says, by one read: a dozen of them are compared every second. Raises OSError."""
    with switch.open("rb", buffering=0) as opened:
        return opened.read(_LONGEST).decode().strip()


def _keep_strict(everywhere: str) -> None:
    """Give each device what it had by the value for all, which is to be lowered: it is none of our devices' alone.

    The kernel takes the larger of the two. Who wants less on a device says so afterwards.
    """
    for switch in (ROOT / "ipv4/conf").glob("*/rp_filter"):
        if switch.parent.name not in {"all", "default"}:
            with suppress(OSError):
                if int(switch.read_text()) < int(everywhere):
                    switch.write_text(everywhere)


def apply(switches: Iterable[tuple[str, str]]) -> tuple[list[Change], list[DriverError]]:
    """Set switches; return what changed and what was refused, which stops none of the others."""
    changes: list[Change] = []
    refused: list[DriverError] = []
    for path, value in switches:
        try:
            change = write(path, value)
        except DriverError as error:
            refused.append(error)
        else:
            if change is not None:
                changes.append(change)
    return changes, refused

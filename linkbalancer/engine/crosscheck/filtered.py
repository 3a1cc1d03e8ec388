"""Why the kernel does not accept a packet's source on a device: the reverse path filter, or an impossible address."""

import errno
from typing import Final

from linkbalancer.engine.crosscheck.observed import Seen
from linkbalancer.links import DeviceName
from linkbalancer.routing.packet import Packet

SOURCE_REFUSED: Final = {errno.EINVAL, errno.EXDEV}
"""How the kernel says that a source may not come from there (a `blackhole` route answers the first too)."""


def refused_source(packet: Packet, device: DeviceName, seen: Seen) -> tuple[str, ...]:
    """Return why, and then what to do."""
    values = ((name, seen.switches.get(f"ipv4/conf/{name}/rp_filter")) for name in ("all", device))
    strict = {name: value for name, value in values if value not in {None, "0"}}
    if not strict:
        why = f"The source {packet.source} cannot come by {device}: it is an address of this host, or no host's."
        return why, f"ip route get {packet.source}"
    shown = ", ".join(f"net.ipv4.conf.{name}.rp_filter is {value}" for name, value in strict.items())
    why = f"Reverse path filter: an answer to {packet.source} would not leave by {device}, so what comes from there by"
    why += f" it is dropped without a word ({shown})."
    switches = " ".join(f"net.ipv4.conf.{name}.rp_filter=0" for name in strict)
    return why, f"sysctl -w {switches}", "linkbalancer doctor --fix"

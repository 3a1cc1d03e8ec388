"""The network devices of this namespace."""

from linkbalancer.engine.preflight.observed import Device
from linkbalancer.host.preflight.program import Json, ask_json


def read() -> dict[str, Device]:
    """Return every device. Raises UnseenError."""
    return parse(ask_json("ip", "-j", "-d", "link", "show"))


def parse(listed: Json) -> dict[str, Device]:
    """Return the devices of `ip -j -d link show`."""
    devices = {}
    for one in listed:
        info = one.get("linkinfo", {})
        name = one["ifname"]
        up = "UP" in one.get("flags", ())
        mtu = int(one.get("mtu", 0))
        devices[name] = Device(name, up, info.get("info_kind"), one.get("master"), info.get("info_slave_kind"), mtu)
    return devices

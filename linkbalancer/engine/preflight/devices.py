"""The devices that the configuration names: there, up, nobody's port, and with the addresses that they need."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network

from linkbalancer.engine.preflight import catalogue
from linkbalancer.engine.preflight.finding import Finding
from linkbalancer.engine.preflight.observed import Device, Observed, Wanted
from linkbalancer.links import Address, DeviceName, GroupId, Interface
from linkbalancer.vrrp.group import OWNER_PRIORITY

_PORTS = {"bridge", "bond", "team"}
BRIDGE_SWITCH = "bridge/bridge-nf-call-iptables"


def judge(wanted: Wanted, observed: Observed) -> Iterator[Finding]:
    """Yield what is wrong with devices and addresses."""
    for name in wanted.devices if observed.devices is not None else ():
        device = observed.devices.get(name) if observed.devices is not None else None
        if device is None:
            yield Finding(catalogue.DEVICE_MISSING, name, f"ip link show dev {name}: there is none")
        else:
            yield from _device(device, observed)
    yield from _narrow(wanted, observed.devices or {})
    if observed.addresses is not None:
        present = {name for name in wanted.devices if observed.devices is None or name in observed.devices}
        yield from _link_addresses(wanted, observed, present)
        for name in wanted.lan_devices:
            if name in present:
                yield from _lan_addresses(name, wanted, observed)


def _device(device: Device, observed: Observed) -> Iterator[Finding]:
    if not device.up:
        yield Finding(catalogue.DEVICE_DOWN, device.name, f"ip link show dev {device.name}: not UP")
    if device.master_kind in _PORTS:
        seen = f"ip link show dev {device.name}: master {device.master} ({device.master_kind})"
        yield Finding(catalogue.DEVICE_ENSLAVED, device.name, seen)
    if device.kind == "bridge" and observed.switches.get(BRIDGE_SWITCH) == "1":
        yield Finding(catalogue.BRIDGE_FILTER, device.name, f"net/{BRIDGE_SWITCH}: 1, and {device.name} is a bridge")


def _narrow(wanted: Wanted, devices: Mapping[DeviceName, Device]) -> Iterator[Finding]:
    """Yield the links that carry less in a packet than a LAN."""
    widest = max((devices[name] for name in wanted.lan_devices if name in devices), key=_mtu, default=None)
    for name, link in wanted.config.links.items():
        device = devices.get(link.device)
        if widest is not None and device is not None and 0 < device.mtu < widest.mtu:
            seen = f"ip link show: {device.name} mtu {device.mtu}, {widest.name} mtu {widest.mtu}"
            yield Finding(catalogue.MTU_NARROW, f"link {name} on {device.name}", seen)


def _mtu(device: Device) -> int:
    return device.mtu


def _link_addresses(wanted: Wanted, observed: Observed, present: set[DeviceName]) -> Iterator[Finding]:
    assert observed.addresses is not None
    for name, link in wanted.config.links.items():
        addresses = observed.addresses.get(link.device, ())
        if link.device in present and link.local not in {one.interface.ip for one in addresses}:
            seen = f"ip address show dev {link.device}: {_listed(addresses)}"
            yield Finding(catalogue.LINK_ADDRESS_MISSING, f"link {name}: {link.local} on {link.device}", seen)


def _lan_addresses(name: DeviceName, wanted: Wanted, observed: Observed) -> Iterator[Finding]:
    assert observed.addresses is not None
    addresses = observed.addresses.get(name, ())
    virtual = {one: group for group, one in _virtual_ips(name, wanted)}
    own = [one.interface for one in addresses if not one.ours and one.interface.ip not in virtual]
    seen = f"ip address show dev {name}: {_listed(addresses)}"
    groups = [group for group in wanted.config.groups.values() if group.device == name and group.mode == "member"]
    if not all(_has_source([one.network for one in group.virtual_ips], own) for group in groups):
        yield Finding(catalogue.LAN_ADDRESS_MISSING, name, seen)
    for one in addresses:
        if one.interface.ip in virtual and not one.ours:
            subject = f"{one.interface.ip} of VID {virtual[one.interface.ip]} on {name}"
            yield Finding(catalogue.VIRTUAL_IP_FIXED, subject, f"{seen}; it does not bear our tag")


def _virtual_ips(name: DeviceName, wanted: Wanted) -> Iterator[tuple[GroupId, Address]]:
    """Yield what VRRP puts on a device and takes away again; what its owner has always is none of it."""
    for group, one in wanted.config.groups.items():
        if one.priority != OWNER_PRIORITY:
            yield from ((group, address.ip) for address in one.vrrp(group).places().get(name, ()))


def _has_source(networks: Sequence[IPv4Network | IPv6Network], own: Sequence[Interface]) -> bool:
    """Tell whether a group's adverts have an address to come from: IPv6's a link-local one, else one of the LAN."""
    if networks[0].version == 6:
        return any(one.ip.is_link_local for one in own if one.version == 6)
    hosts = all(network.prefixlen == network.max_prefixlen for network in networks)  # these say nothing of the LAN
    return any(one.version == 4 and (hosts or any(one.ip in network for network in networks)) for one in own)


def _listed(addresses: tuple[object, ...]) -> str:
    return ", ".join(str(getattr(one, "interface", one)) for one in addresses) or "no address"

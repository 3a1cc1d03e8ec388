"""What Keepalived's configuration must say so that it runs groups of this gateway: all of it, or the bridge alone.

The bridge is the FIFO by which it tells its states, and a track file for each group, by which its priority is moved
without a reload.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final

from linkbalancer.clock import SECOND, Duration
from linkbalancer.config.keepalived.section import FIFO, FOLDER, MODE, track_file
from linkbalancer.config.load import Loaded
from linkbalancer.links import Family, Interface
from linkbalancer.vrrp.group import Group

FAULT_NUMBER: Final = -254
"""What a track file holds that nobody has written yet: a gateway whose links are not known serves nobody."""


@dataclass(frozen=True, slots=True)
class Delegated:
    """One group that Keepalived runs: the name of its instance, the group, and the file that moves its priority."""

    instance: str
    group: Group
    file: str

    @property
    def track(self) -> str:
        """The name of the track file in Keepalived's configuration."""
        return f"linkbalancer_{self.group.vid}{'_ipv6' if self.group.family is Family.IPV6 else ''}"


@dataclass(frozen=True, slots=True)
class Bridge:
    """What all of them share: the FIFO, and whose it is when Keepalived makes it (None: root's)."""

    fifo: str
    user: str | None = None


def places(loaded: Loaded, run_dir: str) -> tuple[str, str]:
    """Return where the FIFO and the track files are."""
    section, folder = loaded.config.keepalived, f"{run_dir}/{FOLDER}"
    return (
        f"{folder}/{FIFO}" if section.fifo is None else loaded.beside(section.fifo),
        folder if section.track_dir is None else loaded.beside(section.track_dir),
    )


def rendered(loaded: Loaded, run_dir: str, *, whole: bool = True) -> str | None:
    """Return the text for a configuration (see `render`), None where Keepalived runs no group of it."""
    fifo, track_dir = places(loaded, run_dir)
    some = [
        Delegated(one.instance or "", one.vrrp(group), f"{track_dir}/{track_file(group)}")
        for group, one in loaded.config.groups.items()
        if one.mode == MODE
    ]
    return render(Bridge(fifo, loaded.config.keepalived.user), some, loaded.path, whole=whole) if some else None


def render(bridge: Bridge, some: Iterable[Delegated], source: str, *, whole: bool = True) -> str:
    """Return the text to include from keepalived.conf.

    Args:
        bridge: what all groups share.
        some: the groups.
        source: the configuration that this is made from.
        whole: with the instances; else only what instances that are there already have to refer to.
    """
    delegated = sorted(some, key=lambda one: one.group.id)
    lines = [
        f"# Made by `linkbalancer keepalived render` from {source}: render it again after a change there.",
        "global_defs {",
        f"    vrrp_notify_fifo {bridge.fifo}{'' if bridge.user is None else f' {bridge.user}'}",
        "    vrrp_notify_priority_changes on",
        "}",
        *chain.from_iterable(_track_file(one) for one in delegated),
        *chain.from_iterable(_instance(one) if whole else _reference(one) for one in delegated),
    ]
    return "\n".join(lines) + "\n"


def _track_file(one: Delegated) -> Iterator[str]:
    yield from ("", f"track_file {one.track} {{", f'    file "{one.file}"', "    weight 1")
    yield from (f"    init_file {FAULT_NUMBER}", "}")


def _reference(one: Delegated) -> Iterator[str]:
    """Say what an instance that is there already needs."""
    group = one.group
    yield from ("", f"# in vrrp_instance {one.instance}, whose priority must be {group.priority}:")
    yield from ("#     track_file {", f"#         {one.track}", "#     }")


def _instance(one: Delegated) -> Iterator[str]:
    group = one.group
    yield from ("", f"vrrp_instance {one.instance} {{", "    state BACKUP", f"    interface {group.device}")
    yield from (f"    version {group.version}", f"    virtual_router_id {group.vid}", f"    priority {group.priority}")
    yield f"    advert_int {_seconds(group.advert_interval)}"
    yield from (f"    {line}" for line in _manners(group))
    yield from _block("track_file", [one.track])
    ttl = f"min_ttl {group.ttl[0]} max_ttl {group.ttl[1]}"
    yield from _block("unicast_peer", (f"{peer} {ttl}" for peer in group.peers))
    elsewhere = dict(group.elsewhere)
    yield from _block("virtual_ipaddress", (_address(address, elsewhere) for address in group.virtual_ips))
    yield from _block("virtual_ipaddress_excluded", (_address(address, elsewhere) for address in group.excluded_ips))
    yield "}"


def _manners(group: Group) -> Iterator[str]:
    """Yield what is said in a line each, and only where Keepalived would do otherwise."""
    if not group.preempt:
        yield "nopreempt"
    elif group.preempt_delay:
        yield f"preempt_delay {_seconds(group.preempt_delay)}"
    if not group.accept:
        yield "no_accept"
    if group.virtual_mac:
        yield f"use_vmac {group.address_device}"
    if group.source is not None:
        yield f"{'unicast' if group.peers else 'mcast'}_src_ip {group.source}"
    announcing = group.announcing
    yield from (f"garp_master_repeat {announcing.times}", f"garp_master_delay {announcing.again_after // SECOND}")
    yield f"garp_master_refresh {announcing.refresh // SECOND}"
    if group.password is not None:
        yield f'authentication {{\n        auth_type PASS\n        auth_pass "{_quoted(group.password)}"\n    }}'


def _block(keyword: str, lines: Iterable[str]) -> Iterator[str]:
    some = list(lines)
    if some:
        yield from (f"    {keyword} {{", *(f"        {line}" for line in some), "    }")


def _address(interface: Interface, elsewhere: Mapping[Interface, str]) -> str:
    device = elsewhere.get(interface)
    return str(interface) if device is None else f"{interface} dev {device}"


def _seconds(duration: Duration) -> str:
    whole, rest = divmod(duration, SECOND)
    return str(whole) if not rest else f"{whole}.{rest:09}".rstrip("0")


def _quoted(password: bytes) -> str:
    return "".join(chr(byte) if chr(byte).isalnum() else f"\\x{byte:02x}" for byte in password)

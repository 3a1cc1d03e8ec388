"""The shape of a simulated network, and the configuration texts that its gateways would have on their disks.

The texts go through the daemon's own `config.load`, so that a run also proves what an operator could write.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv4Interface

from linkbalancer.clock import MILLISECOND
from linkbalancer.config.load import Loaded, load
from linkbalancer.links import LinkName, Mac, NodeName, OnProbeLoss, Role, Vid
from linkbalancer.lvrrp.keys import Key
from linkbalancer.lvrrp.probing import REPEAT_MIN
from linkbalancer.lvrrp.settings import CEILING_INTERVALS, ProbeFunction
from linkbalancer.sim.wire import FAR, NEAR, SIDES, opposite

LAN_DEVICE = "eth0"
LINK_DEVICE = "eth1"
LINKS_MAX = 64
VIDS_MAX = 64


@dataclass(frozen=True, slots=True)
class Shape:
    """N links, M VIDs, and the timers.

    Every VID prefers a link of its own, in turn, except that a VID beyond the number of links (the last one of two
    links and three VIDs) is carried by link 1 alone and only observed elsewhere. `contrary`: the near side prefers
    another link than the far side for each of them, so that only LVrrp can bring the two together. `keepalived`: the
    gateways whose VRRP a Keepalived runs. `stopping`: the gateways whose `on_probe_loss` is stop, whatever `mode` says.
    `weight`: how near gateways weigh their links, as a configuration says it; `sla`: what all applications ask of
    theirs; nothing is measured of a simulated link that nobody hands to its agent.
    """

    links: int = 2
    vids: int = 3
    mode: OnProbeLoss = OnProbeLoss.DEMOTE
    advert_ms: int = 200
    probe_ms: tuple[int, int] = (100, 200)
    function: ProbeFunction = ProbeFunction.RANDOM
    misses: int = 3
    secret: bool = True
    contrary: bool = False
    keepalived: frozenset[NodeName] = frozenset()
    stopping: frozenset[NodeName] = frozenset()
    weight: str = ""
    sla: str = ""

    def __post_init__(self) -> None:
        """Refuse what has no addresses here."""
        if not (1 <= self.links <= LINKS_MAX and 1 <= self.vids <= VIDS_MAX):
            raise ValueError(f"1 to {LINKS_MAX} links and 1 to {VIDS_MAX} VIDs can be simulated")

    @property
    def detect_ms(self) -> int:
        """The longest silence that a link without loss is given, both ends alike."""
        longest = CEILING_INTERVALS * self.probe_ms[1] if self.function is ProbeFunction.ADAPTIVE else self.probe_ms[1]
        return max(self.misses * self.probe_ms[1], 2 * longest + (1 + self.misses) * REPEAT_MIN // MILLISECOND)

    @property
    def link_names(self) -> tuple[LinkName, ...]:
        """The links."""
        return tuple(f"l{number}" for number in range(1, self.links + 1))

    @property
    def node_names(self) -> tuple[NodeName, ...]:
        """The gateways, near ones first."""
        return tuple(f"{letter}{number}" for letter in "bf" for number in range(1, self.links + 1))

    def keys(self, link: LinkName) -> tuple[Key, ...]:
        """Return the keys of a link, as both ends have them."""
        return (Key(1, f"the secret of {link}, as both know".encode()),) if self.secret else ()

    def carriers(self, vid: Vid) -> tuple[LinkName, ...]:
        """Return the links that may carry a VID."""
        return self.link_names[:1] if vid == self.links + 1 and vid > 1 else self.link_names

    def base(self, vid: Vid, side: str, number: int) -> int:
        """Return the configured priority of a VID on a gateway: the preferred one first, then round in turn."""
        turns = (number - vid + (self.contrary and side == NEAR)) % self.links
        return 150 - turns * (100 // self.links)

    def applications(self) -> dict[str, tuple[Vid, ...]]:
        """Return the VIDs that each application prefers: one application a VID, and one for everything else."""
        vids = range(1, self.vids + 1)
        return {
            **{f"app{vid}": (vid, *(other for other in vids if other != vid)) for vid in vids},
            "rest": tuple(reversed(vids)),
        }

    def text(self, name: NodeName) -> str:
        """Write a gateway's configuration."""
        side, number = side_of(name), number_of(name)
        near = side == NEAR
        others = ", ".join(str(lan_address(side, other)) for other in range(1, self.links + 1) if other != number)
        low, high = self.probe_ms
        function = ", function: adaptive" if self.function is ProbeFunction.ADAPTIVE else ""
        credentials = f"key_file: keys/l{number}.key" if self.secret else "insecure: true"
        lines = [
            f"node: {name}",
            f"role: {Role.CONTROLLER if near else Role.CONTROLLED}",
            "lans:",
            f"  {LAN_DEVICE}: {{members: [{others}], targets: [{host_address(side)}]}}",
            "links:",
            f"  l{number}:",
            f"    device: {LINK_DEVICE}",
            f"    local: {link_address(side, number)}",
            f"    peer: {link_address(opposite(side), number)}",
            f"    {credentials}",
            f"    probe: {{interval: [{low}ms, {high}ms], misses: {self.misses}{function}}}",
            f"    on_probe_loss: {OnProbeLoss.STOP if name in self.stopping else self.mode}",
            *((f"    weight: {self.weight}",) if near and self.weight else ()),
            "groups:",
            *(self._group(name, vid) for vid in range(1, self.vids + 1)),
            "applications: apps.conf",
        ]
        return "\n".join(lines) + "\n"

    def _group(self, name: NodeName, vid: Vid) -> str:
        side, number = side_of(name), number_of(name)
        common = f"device: {LAN_DEVICE}, virtual_ips: [{virtual_ip(side, vid)}], advert_interval: {self.advert_ms}ms"
        if f"l{number}" not in self.carriers(vid):
            return f"  {vid}: {{{common}, mode: observe}}"
        mode = f", mode: keepalived, instance: V{vid}" if name in self.keepalived else ""
        return f"  {vid}: {{{common}, link: l{number}, priority: {self.base(vid, side, number)}{mode}}}"

    def rules(self) -> str:
        """Write the rule file, the same on every gateway."""
        lines = []
        for number, (name, vids) in enumerate(self.applications().items(), start=1):
            port, protocol = ("*", "*") if name == "rest" else (str(1000 + number), "tcp")
            level = f" sla={self.sla}" if self.sla else ""
            lines.append(f"App=* * * * {port} {protocol} [{' '.join(map(str, vids))}] name={name}{level}")
        return "\n".join(lines) + "\n"


@lru_cache(maxsize=256)
def loaded(shape: Shape, name: NodeName) -> Loaded:
    """Return a gateway's configuration as the daemon would load it."""
    files = {"linkbalancer.yaml": shape.text(name), "apps.conf": shape.rules()}

    def read(path: str) -> str:
        return files[path.rsplit("/", 1)[-1]]

    return load("linkbalancer.yaml", read)


def side_of(name: NodeName) -> str:
    """Return which side a gateway stands on."""
    return NEAR if name.startswith("b") else FAR


def number_of(name: NodeName) -> int:
    """Return the number of a gateway, which is that of its link."""
    return int(name[1:])


@cache
def mac_of(name: NodeName) -> Mac:
    """Return the MAC address of a gateway on its LAN."""
    return bytes((2, 0, 0, 0, SIDES.index(side_of(name)) + 1, number_of(name)))


@cache
def lan_address(side: str, number: int) -> IPv4Address:
    """Return a gateway's own address on its LAN."""
    return IPv4Address(f"192.168.{SIDES.index(side) + 1}.{number}")


@cache
def host_address(side: str) -> IPv4Address:
    """Return the address of a side's host."""
    return IPv4Address(f"192.168.{SIDES.index(side) + 1}.200")


@cache
def link_address(side: str, number: int) -> IPv4Address:
    """Return a gateway's address on its link."""
    return IPv4Address(f"10.0.{number}.{SIDES.index(side) + 1}")


@cache
def virtual_ip(side: str, vid: Vid) -> IPv4Interface:
    """Return the virtual IP of a VID on a LAN."""
    return IPv4Interface(f"192.168.{SIDES.index(side) + 1}.{100 + vid}/24")

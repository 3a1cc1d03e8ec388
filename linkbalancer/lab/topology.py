"""A topology: nodes, and the segments (LANs and links) that their devices are plugged into, derived from a directory.

LANs and links are one thing here, a segment: a bridge with a port for every device on it. What tells them apart is
that a link has two ends, both of them gateways.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from linkbalancer.config.model import Config
from linkbalancer.lab.document import TopologyDocument
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.routers import NEAR, Router, chain
from linkbalancer.lab.spreading import spreads_evenly
from linkbalancer.links import DeviceName, GroupId, LinkName, NodeName, Role, Vid

NODE_NAME = r"^[a-z0-9][a-z0-9-]{0,14}$"
"""Node names become names of bridge ports, which hold 15 characters."""

SIDES = {"near": Role.CONTROLLER, "far": Role.CONTROLLED}


@dataclass(frozen=True, slots=True)
class Port:
    """A node's device on a segment, its address there, and further ones with their prefix lengths."""

    node: NodeName
    device: DeviceName
    address: IPv4Interface
    more: tuple[IPv4Interface, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """A LAN or a link: whatever is plugged into one bridge. `name` is the LAN's or the link's.

    A link may cross `routers`, from near to far, with a bridge before, between and after them.
    """

    name: str
    ports: tuple[Port, ...]
    is_link: bool = False
    routers: tuple[Router, ...] = ()

    def port(self, node: NodeName) -> Port:
        """Return the port of a node; KeyError when it has none."""
        for port in self.ports:
            if port.node == node:
                return port
        raise KeyError(node)


@dataclass(frozen=True, slots=True)
class Host:
    """A host on a LAN with one default gateway; `more` are further addresses that it has there."""

    name: NodeName
    side: str
    address: IPv4Interface
    gateway: IPv4Address
    more: tuple[IPv4Address, ...] = ()

    @property
    def addresses(self) -> tuple[IPv4Address, ...]:
        """All its addresses, its own first."""
        return (self.address.ip, *self.more)


@dataclass(frozen=True, slots=True)
class Topology:
    """Two sites: gateways by name with their configuration, hosts, LANs and links.

    `even`: every VID is on every link, and all are spread evenly over them, so it is plain how many each one masters.
    """

    name: str
    gateways: Mapping[NodeName, Config]
    hosts: tuple[Host, ...]
    lans: tuple[Segment, ...]
    links: tuple[Segment, ...]
    even: bool = False

    @property
    def segments(self) -> tuple[Segment, ...]:
        """LANs, then links."""
        return self.lans + self.links

    @property
    def nodes(self) -> tuple[NodeName, ...]:
        """Gateways, then hosts, then the routers that links cross."""
        routers = (router.name for link in self.links for router in link.routers)
        return (*self.gateways, *(host.name for host in self.hosts), *routers)

    @property
    def most_gateways(self) -> int:
        """How many gateways and routers a packet may pass: two gateways on each side, else it has met one twice."""
        return 4 + max(len(link.routers) for link in self.links)

    def ports(self, node: NodeName) -> Iterator[tuple[Segment, Port]]:
        """Yield every port of a node and the segment that it is on."""
        for segment in self.segments:
            for port in segment.ports:
                if port.node == node:
                    yield segment, port

    def side(self, node: NodeName) -> str:
        """Return `near` or `far`: the side of a gateway."""
        return "near" if self.gateways[node].role is SIDES["near"] else "far"

    def side_gateways(self, side: str) -> tuple[NodeName, ...]:
        """Return the gateways of a side, in order."""
        return tuple(node for node in self.gateways if self.side(node) == side)

    def host(self, side: str) -> Host:
        """Return the host that traffic of a side comes from and goes to: its first."""
        return next(host for host in self.hosts if host.side == side)

    def link_of(self, node: NodeName, vid: Vid) -> LinkName | None:
        """Return the link behind a gateway's membership in a VID, None when it is no member."""
        group = self.gateways[node].groups.get(GroupId(vid))
        return None if group is None or group.mode == "observe" else group.link

    def links_of(self, vid: Vid) -> tuple[LinkName, ...]:
        """Return the links that carry a VID: those with a member at both ends."""
        return tuple(
            link.name for link in self.links if all(self.link_of(port.node, vid) == link.name for port in link.ports)
        )

    @property
    def translated(self) -> frozenset[LinkName]:
        """The links onto which a gateway lets nothing but under another source address."""
        return frozenset(
            name
            for config in self.gateways.values()
            for name, link in config.links.items()
            if link.nat.masquerade or link.nat.snat is not None
        )

    @property
    def vids(self) -> tuple[Vid, ...]:
        """Every VID that some gateway knows, in order."""
        return tuple(sorted({vid for config in self.gateways.values() for vid in config.vids}))


def derive(name: str, gateways: Mapping[NodeName, Config], document: TopologyDocument) -> Topology:
    """Join the gateways' files and `topology.yaml` to a topology; LabError says what does not fit."""
    _check_names(gateways, document)
    _check_routers(gateways, document)
    lans = tuple(_lan(lan, prefix, gateways, document) for lan, prefix in document.lans.items())
    topology = Topology(
        name=document.name or name,
        gateways=dict(gateways),
        hosts=tuple(_hosts(lans, gateways, document)),
        lans=lans,
        links=tuple(_links(gateways, document)),
    )
    if not topology.links:
        raise LabError("no two gateways have a link in common: there is nothing to rehearse")
    for side in SIDES:
        if not any(host.side == side for host in topology.hosts):
            raise LabError(f"topology.yaml names no host on the {side} LAN: traffic needs one on each side")
    return replace(topology, even=_even(topology))


def _even(topology: Topology) -> bool:
    everywhere = tuple(link.name for link in topology.links)
    return all(topology.links_of(vid) == everywhere for vid in topology.vids) and all(
        spreads_evenly(topology.gateways[port.node], link.name, topology.vids)
        for link in topology.links
        for port in link.ports
        if topology.side(port.node) == NEAR
    )


def _check_names(gateways: Mapping[NodeName, Config], document: TopologyDocument) -> None:
    for node in gateways:
        if node not in document.gateways:
            raise LabError(f"topology.yaml does not name gateway {node}: give its address on the LAN under `gateways`")
    for node in document.gateways:
        if node not in gateways:
            raise LabError(f"topology.yaml names gateway {node}, but there is no {node}/linkbalancer.yaml")
    for node in document.hosts:
        if node in gateways:
            raise LabError(f"topology.yaml names {node} twice: as a gateway and as a host")


def _check_routers(gateways: Mapping[NodeName, Config], document: TopologyDocument) -> None:
    known = {*gateways, *document.hosts}
    for link, routers in document.links.items():
        if not any(link in config.links for config in gateways.values()):
            raise LabError(f"topology.yaml names routers of link {link}, which no gateway has")
        for router in routers:
            if router.name in known:
                raise LabError(f"topology.yaml names {router.name} twice: give router {router.name} another name")
            known.add(router.name)


def _lan(name: str, prefix: IPv4Network, gateways: Mapping[NodeName, Config], document: TopologyDocument) -> Segment:
    ports = [
        Port(node, device, address)
        for node, devices in document.gateways.items()
        for device, address in devices.items()
        if address.ip in prefix
    ]
    for port in ports:
        for vid, group in gateways[port.node].groups.items():
            strangers = [ip for ip in group.virtual_ips if group.device == port.device and ip.ip not in prefix]
            if strangers:
                raise LabError(
                    f"{port.node}: VID {vid} has {strangers[0]} on {port.device}, outside LAN {name} ({prefix})"
                )
    ports += [
        Port(node, "eth0", host.address, tuple(IPv4Interface((ip, prefix.prefixlen)) for ip in host.more))
        for node, host in document.hosts.items()
        if host.address.ip in prefix
    ]
    for node, host in document.hosts.items():
        strays = [ip for ip in host.more if host.address.ip in prefix and ip not in prefix]
        if strays:
            raise LabError(f"topology.yaml: {node} has {strays[0]} outside LAN {name} ({prefix})")
    if not ports:
        raise LabError(f"topology.yaml: nobody has an address on LAN {name} ({prefix})")
    return Segment(name, tuple(ports))


def _hosts(
    lans: tuple[Segment, ...], gateways: Mapping[NodeName, Config], document: TopologyDocument
) -> Iterator[Host]:
    for name, host in document.hosts.items():
        lan = next((lan for lan in lans if any(port.node == name for port in lan.ports)), None)
        if lan is None:
            raise LabError(f"topology.yaml: the address of {name}, {host.address}, is on no LAN")
        roles = {gateways[port.node].role for port in lan.ports if port.node in gateways}
        if len(roles) != 1:
            raise LabError(f"LAN {lan.name} must have gateways of one role, controllers or controlled ones")
        side = next(side for side, role in SIDES.items() if role in roles)
        yield Host(name, side, host.address, host.gateway, host.more)


def _links(gateways: Mapping[NodeName, Config], document: TopologyDocument) -> Iterator[Segment]:
    ends: dict[LinkName, list[NodeName]] = {}
    for node, config in gateways.items():
        for link in config.links:
            ends.setdefault(link, []).append(node)
    for name, nodes in ends.items():
        if len(nodes) != 2:
            raise LabError(f"link {name} must have two ends, but is configured on {', '.join(nodes)}")
        first, second = (gateways[node].links[name] for node in nodes)
        if (first.local, first.peer) != (second.peer, second.local):
            raise LabError(f"link {name}: {nodes[0]} and {nodes[1]} must have each other's address as their peer")
        routers = _routers(name, nodes, gateways, document)
        yield Segment(name, tuple(_ends(name, nodes, gateways, routers)), is_link=True, routers=routers)


def _routers(
    name: LinkName, nodes: list[NodeName], gateways: Mapping[NodeName, Config], document: TopologyDocument
) -> tuple[Router, ...]:
    """Return the routers that a link crosses, which know the LANs behind its two ends."""
    ends = {
        side: next((node for node in nodes if gateways[node].role is role), nodes[0]) for side, role in SIDES.items()
    }
    lans = {
        side: [
            prefix
            for prefix in document.lans.values()
            if any(one.ip in prefix for one in document.gateways[node].values())
        ]
        for side, node in ends.items()
    }
    links = {side: gateways[node].links[name] for side, node in ends.items()}
    return chain(name, document.links.get(name, ()), links, lans)


def _ends(
    name: LinkName, nodes: list[NodeName], gateways: Mapping[NodeName, Config], routers: tuple[Router, ...]
) -> Iterator[Port]:
    """Yield the two ends of a link: on one wire, or on the first and the last of those between the routers."""
    links = {node: gateways[node].links[name] for node in nodes}
    length = 0 if routers else point_to_point(*(link.local for link in links.values())).prefixlen
    for node, link in links.items():
        if routers:
            near = gateways[node].role is SIDES[NEAR]
            length = (routers[0].near if near else routers[-1].far).network.prefixlen
        yield Port(node, link.device, IPv4Interface((link.local, length)))


def point_to_point(one: IPv4Address, other: IPv4Address) -> IPv4Network:
    """Return the smallest prefix that holds both addresses as hosts (never its first or last address)."""
    for length in range(30, 0, -1):
        network = IPv4Interface((one, length)).network
        hosts = network[1], network[-2]
        if all(hosts[0] <= address <= hosts[1] for address in (one, other)):
            return network
    raise LabError(f"{one} and {other} have no prefix in common")

"""A topology made of network namespaces: what is built, what can be cut, and what crosses each link.

Every node has a namespace, and so has every segment (LAN or link): there a bridge joins the far ends of the nodes'
devices. So a leg can lose its carrier (the bridge's port goes down) or fall silent, one way or both (the bridge drops
what comes from a port or goes to it), without the node's doing.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.lab.commands import ip, ip_json, nft, nft_json, shell
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.flows import Flow
from linkbalancer.lab.routers import FAR, NEAR, Router
from linkbalancer.lab.run import Run, kill_processes
from linkbalancer.lab.topology import Host, Port, Segment, Topology
from linkbalancer.links import LinkName, NodeName

TABLE: Final = "bridge lab"
_GONE_S: Final = 10
"""How long the kernel may take to let go of a deleted namespace's devices."""

_INDEX, _PEER_INDEX = 10, 100
"""Where the numbers of the nodes' devices begin, and those of the segments. The kernel tells of a carrier at once where
the two ends of a veth pair have different numbers, and takes up to a second where they happen to be the same."""

_STEADY_TCP: Final = "initcwnd 60000 initrwnd 1000 rto_min 2s"
"""Metrics of the hosts' routes. TCP answers an outage with pauses of its own, doubled each time; with a window that
never closes and a timer that does not strike within an outage, the first segment that gets through again ends the
gap, so that the gap is the network's and not TCP's (docs/drill.md)."""


_HOST_TCP: Final = {
    "net/ipv4/tcp_slow_start_after_idle": "0",
    "net/ipv4/tcp_no_metrics_save": "1",
    # Connections that differ in their TOS alone may come to one listener: who answers does so in kind.
    "net/ipv4/tcp_reflect_tos": "1",
}


class Network:
    """The namespaces of one run."""

    def __init__(self, topology: Topology, run: Run) -> None:
        self.topology: Final = topology
        self.run: Final = run
        self._flows: tuple[Flow, ...] = ()

    def build(self) -> None:
        """Create every segment and node, all plugged in."""
        for segment in self.topology.segments:
            self._build_segment(segment)
        for node in (*self.topology.gateways, *(host.name for host in self.topology.hosts)):
            self.build_node(node)
        for link in self.topology.links:
            for place, router in enumerate(link.routers):
                self._build_router(link, place, router)

    def segment_namespace(self, segment: Segment) -> str:
        """Return the namespace of a LAN or link."""
        return self.run.namespace(f"{'link' if segment.is_link else 'lan'}-{segment.name}")

    def _build_segment(self, segment: Segment) -> None:
        namespace = self.segment_namespace(segment)
        ip([f"netns add {namespace}"])
        _quiet_ipv6(namespace)
        for number in range(len(segment.routers) + 1):
            bridge = f"br{number}"
            ip(
                [
                    f"link add {bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
                    f"link set {bridge} up",
                ],
                namespace,
            )
        nft(
            f"table {TABLE} {{\n"
            " set cut_from { type ifname; }\n set cut_to { type ifname; }\n"
            " chain forward { type filter hook forward priority 0; policy accept;\n"
            "  iifname @cut_from drop\n  oifname @cut_to drop\n }\n}\n",
            namespace,
        )

    def build_node(self, node: NodeName) -> None:
        """Create a node as if it had just been switched on: devices, addresses, and a host's default route."""
        namespace = self.run.namespace(node)
        ip([f"netns add {namespace}"])
        ports = list(self.topology.ports(node))
        peer = f"peer name {node} index {_PEER_INDEX + self.topology.nodes.index(node)}"
        ip(
            f"link add {port.device} index {_INDEX + number} netns {namespace} "
            f"address {_mac(self.topology, segment, port)} type veth {peer} netns {self.segment_namespace(segment)}"
            for number, (segment, port) in enumerate(ports)
        )
        lines = ["link set lo up"]
        for segment, port in ports:
            self._plug(segment, node)
            lines += [f"addr add {one} broadcast + dev {port.device}" for one in (port.address, *port.more)]
            lines += [f"link set {port.device} up"]
        ip(lines, namespace)
        for host in self.topology.hosts:
            if host.name == node:
                _prepare_host(namespace, host)

    def _plug(self, segment: Segment, node: NodeName) -> None:
        """Plug a node's device into a segment: into the last bridge at the far end of a link with routers."""
        far = segment.is_link and self.topology.side(node) != "near"
        bridge = f"br{len(segment.routers) if far else 0}"
        ip([f"link set {node} master {bridge}", f"link set {node} up"], self.segment_namespace(segment))

    def _build_router(self, link: Segment, place: int, router: Router) -> None:
        """Create a router between two bridges of a link; it knows the ways to both sides, and forwards."""
        namespace, wire = self.run.namespace(router.name), self.segment_namespace(link)
        ip([f"netns add {namespace}"])
        _quiet_ipv6(namespace)
        _set(namespace, {"net/ipv4/ip_forward": "1"})
        lines = ["link set lo up"]
        for offset, (way, address) in enumerate(((NEAR, router.near), (FAR, router.far))):
            port = router.port(way)
            ip([f"link add {way} netns {namespace} type veth peer name {port} netns {wire}"])
            ip([f"link set {port} master br{place + offset}", f"link set {port} up"], wire)
            lines += [f"addr add {address} dev {way}", f"link set {way} up"]
        ip([*lines, *(f"route add {prefix} via {following}" for prefix, following in router.routes)], namespace)

    def remove_node(self, node: NodeName) -> None:
        """Switch a node off: nothing of it answers any more, and nothing of its kernel survives.

        Its legs fall silent first, so that nothing that dies can still say so.
        """
        for segment, _ in self.topology.ports(node):
            self.silence(segment, incoming=[node], outgoing=[node])
        namespace = self.run.namespace(node)
        kill_processes([namespace])
        with contextlib.suppress(LabError):
            ip([f"link set {port.device} down" for _, port in self.topology.ports(node)], namespace)
        ip([f"netns del {namespace}"])

    def restore_node(self, node: NodeName) -> None:
        """Switch a removed node on again."""
        for segment, _ in self.topology.ports(node):
            self._await_unplugged(segment, node)
            self.speak(segment)
        self.build_node(node)

    def _await_unplugged(self, segment: Segment, node: NodeName) -> None:
        # The kernel takes the devices of a deleted namespace away in its own time.
        deadline = time.monotonic() + _GONE_S
        namespace = self.segment_namespace(segment)
        while any(link["ifname"] == node for link in ip_json(["link", "show"], namespace)):
            if time.monotonic() > deadline:
                raise LabError(f"the kernel still holds {node}'s device on {segment.name} after {_GONE_S} s")
            time.sleep(20 * MILLISECOND / SECOND)

    def mac(self, segment: Segment, node: NodeName) -> str:
        """Return the MAC of a node's device on a segment."""
        return _mac(self.topology, segment, segment.port(node))

    def carrier(self, segment: Segment, nodes: Iterable[str], *, up: bool) -> None:
        """Take the carrier from the named nodes' devices on a segment (a router's: by its port), or give it back."""
        ip([f"link set {node} {'up' if up else 'down'}" for node in nodes], self.segment_namespace(segment))

    def silence(
        self, segment: Segment, *, incoming: Collection[NodeName] = (), outgoing: Collection[NodeName] = ()
    ) -> None:
        """Drop what comes from the `incoming` ports and what would leave by the `outgoing` ones; carrier stays."""
        lines = [
            f"add element {TABLE} {name} {{ {', '.join(_quoted(ports))} }}\n"
            for name, ports in (("cut_from", incoming), ("cut_to", outgoing))
            if ports
        ]
        nft("".join(lines), self.segment_namespace(segment))

    def speak(self, segment: Segment) -> None:
        """End every silence on a segment."""
        nft(f"flush set {TABLE} cut_from\nflush set {TABLE} cut_to\n", self.segment_namespace(segment))

    def count(self, flows: Iterable[Flow]) -> None:
        """Count the packets of these flows on every link from now on.

        The near host's address may be translated on the way, and its port: a datagram is known by what it says of its
        flow, a segment by the far host and its port, and by both ports where conversations share that one.
        """
        self._flows = tuple(flows)
        text = "".join(f"add counter {TABLE} f{flow.number}\n" for flow in self._flows)
        spoken = {str(flow.number): flow for flow in self._flows if flow.protocol == "udp"}
        text += _counted("ip protocol udp", "@th,96,32", spoken)
        segments = [flow for flow in self._flows if flow.protocol == "tcp"]
        asked = Counter(_asked(flow) for flow in segments)
        for direction, far, side in (("out", "daddr", "dport"), ("back", "saddr", "sport")):
            own = [flow for flow in segments if flow.direction == direction]
            # By its own port where several share the far one: then it is not translated, or keeps its port.
            alone = {_asked(flow): flow for flow in own if asked[_asked(flow)] == BOTH}
            shared = {f"{_asked(flow)} . {_asking(flow)}": flow for flow in own if asked[_asked(flow)] > BOTH}
            text += _counted("ip protocol tcp", f"ip {far} . th {side}", alone)
            other = "sport" if side == "dport" else "dport"
            text += _counted("ip protocol tcp", f"ip {far} . th {side} . th {other}", shared)
        for link in self.topology.links:
            nft(text, self.segment_namespace(link))

    def crossed(self) -> dict[LinkName, dict[int, int]]:
        """Return how many packets of each flow (by its number) every link has carried so far."""
        return {
            link.name: {
                int(entry["counter"]["name"][1:]): int(entry["counter"]["packets"])
                for entry in nft_json(["list", "counters", "table", *TABLE.split()], self.segment_namespace(link))
                if "counter" in entry
            }
            for link in self.topology.links
        }


BOTH: Final = 2
"""The flows of a conversation."""


def _asked(flow: Flow) -> str:
    """Write the far host's address and port."""
    address, port = (
        (flow.destination, flow.destination_port) if flow.direction == "out" else (flow.source, flow.source_port)
    )
    return f"{address} . {port}"


def _asking(flow: Flow) -> int:
    return flow.source_port if flow.direction == "out" else flow.destination_port


def _counted(protocol: str, key: str, flows: Mapping[str, Flow]) -> str:
    """Write the rule that counts flows by a key; nothing for none."""
    elements = ", ".join(f'{value} : "f{flow.number}"' for value, flow in flows.items())
    return f"add rule {TABLE} forward {protocol} counter name {key} map {{ {elements} }}\n" if elements else ""


def _quoted(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' for name in names]


def _mac(topology: Topology, segment: Segment, port: Port) -> str:
    # A computer that is switched off and on keeps its addresses.
    numbers = topology.nodes.index(port.node), topology.segments.index(segment)
    return "02:6c:62:00:{:02x}:{:02x}".format(*numbers)


def _quiet_ipv6(namespace: str) -> None:
    _set(namespace, {"net/ipv6/conf/all/disable_ipv6": "1", "net/ipv6/conf/default/disable_ipv6": "1"})


def _prepare_host(namespace: str, host: Host) -> None:
    _quiet_ipv6(namespace)
    _set(namespace, dict(_HOST_TCP))
    ip([f"route add default via {host.gateway} {_STEADY_TCP}"], namespace)


def _set(namespace: str, values: dict[str, str]) -> None:
    """Set sysctls of a namespace, by one child that enters it; a kernel without one of them does not need it."""
    script = "".join(
        f"[ ! -e /proc/sys/{path} ] || echo {value} > /proc/sys/{path}\n" for path, value in values.items()
    )
    shell(script, namespace)

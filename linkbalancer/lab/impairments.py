"""What a LAN or link may do to packets short of silence: lose some, be slow, fall in two, have its plugs changed.

Each is done in the segment's own namespace, where no gateway can see it, and undone by `repair` or by its like.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.lab.commands import ip, ip_json, nft, shell
from linkbalancer.lab.network import TABLE, Network
from linkbalancer.lab.topology import Port, Segment
from linkbalancer.links import NodeName

_SAMPLE: Final[Duration] = 500 * MILLISECOND
_LEAST: Final = 64_000
"""An idle link is made no slower than this, in bits a second."""

_LIMIT: Final = "1m"
_FLUSH: Final[Duration] = 50 * MILLISECOND
"""How long a quick link takes at most to deliver what waited for it when it was slow."""

_FEWEST: Final = 10
"""So many packets fit into any queue."""

_USUAL: Final = 1000
"""How many packets may wait at a device that nobody slows."""

_BURST: Final = "4k"
"""As little as lets whole frames pass: a burst would hide how slow the link is."""


def lose(network: Network, segment: Segment, nodes: Collection[NodeName], percent: int) -> None:
    """Lose so many percent of what these nodes send on a segment, by chance."""
    ports = ", ".join(f'"{node}"' for node in nodes)
    nft(
        f"add chain {TABLE} loss {{ type filter hook forward priority 1; policy accept; }}\n"
        f"add rule {TABLE} loss iifname {{ {ports} }} numgen random mod 100 < {percent} drop\n",
        network.segment_namespace(segment),
    )


def split(network: Network, segment: Segment, nodes: Collection[NodeName]) -> None:
    """Part these nodes of a segment from all others; on either side everybody hears everybody."""
    ports = ", ".join(f'"{node}"' for node in nodes)
    nft(
        f"add chain {TABLE} loss {{ type filter hook forward priority 1; policy accept; }}\n"
        f"add rule {TABLE} loss iifname {{ {ports} }} oifname != {{ {ports} }} drop\n"
        f"add rule {TABLE} loss iifname != {{ {ports} }} oifname {{ {ports} }} drop\n",
        network.segment_namespace(segment),
    )


def repair(network: Network, segment: Segment) -> None:
    """End loss and split."""
    nft(f"delete chain {TABLE} loss\n", network.segment_namespace(segment))


@dataclass(frozen=True, slots=True)
class Load:
    """What goes to a node, in a second."""

    bits: int
    packets: int


def slow(network: Network, segment: Segment, loads: Mapping[NodeName, Load], share: float, queue: Duration) -> None:
    """Let only this share of its load through to each node; packets wait up to a time, in order, then are dropped.

    The queue counts packets, as those of modems and cards do. One that counts octets, full of small packets, has hardly
    ever room for a larger one.
    """
    lines = []
    for node, load in loads.items():
        lines += _shaped(node, load, share)
        lines.append(f"tc qdisc add dev {node} parent 1:1 pfifo limit {_packets(load, share, queue)}")
    shell("\n".join(lines), network.segment_namespace(segment))


def quicken(network: Network, segment: Segment, nodes: Iterable[NodeName]) -> None:
    """End slowness: what waits is let through first, for it is not lost."""
    namespace = network.segment_namespace(segment)
    fast = f"root handle 1: tbf rate 1gbit burst {_LIMIT} limit {_LIMIT}"
    shell("".join(f"tc qdisc change dev {node} {fast}\n" for node in nodes), namespace)
    time.sleep(_FLUSH / SECOND)
    shell("".join(f"tc qdisc del dev {node} root\n" for node in nodes), namespace)


def shape(network: Network, segment: Segment, loads: Mapping[NodeName, Load], share: float, queue: Duration) -> None:
    """Have each end itself send only this share of its load, and network control before all else."""
    for port, load in _senders(segment, loads):
        lines = [
            f"ip link set {port.device} txqueuelen {_packets(load, share, queue)}",
            *_shaped(port.device, load, share),
            f"tc qdisc add dev {port.device} parent 1:1 pfifo_fast",
        ]
        shell("\n".join(lines), network.run.namespace(port.node))


def unshape(network: Network, segment: Segment) -> None:
    """Have both ends send as much as they like again."""
    for port in segment.ports:
        lines = f"tc qdisc del dev {port.device} root\nip link set {port.device} txqueuelen {_USUAL}\n"
        shell(lines, network.run.namespace(port.node))


def _senders(segment: Segment, loads: Mapping[NodeName, Load]) -> Iterator[tuple[Port, Load]]:
    """Yield each end and what goes to the other one."""
    one, other = segment.ports
    yield one, loads[other.node]
    yield other, loads[one.node]


def _shaped(device: str, load: Load, share: float) -> list[str]:
    rate = max(int(share * load.bits), _LEAST)
    return [f"tc qdisc add dev {device} root handle 1: tbf rate {rate}bit burst {_BURST} limit {_LIMIT}"]


def _packets(load: Load, share: float, queue: Duration) -> int:
    return max(int(share * load.packets * queue / SECOND), _FEWEST)


def offered(network: Network, segment: Segment) -> dict[NodeName, Load]:
    """Return what goes to each node of a segment, by a look at its ports."""
    began, earlier = time.monotonic_ns(), _sent(network, segment)
    time.sleep(_SAMPLE / SECOND)
    elapsed, later = time.monotonic_ns() - began, _sent(network, segment)
    return {
        node: Load(
            (there.bits - earlier[node].bits) * SECOND // elapsed,
            (there.packets - earlier[node].packets) * SECOND // elapsed,
        )
        for node, there in later.items()
    }


def _sent(network: Network, segment: Segment) -> dict[NodeName, Load]:
    """Return what has gone to each node so far."""
    nodes = {port.node for port in segment.ports}
    shown = ip_json(["-statistics", "link", "show"], network.segment_namespace(segment))
    sent = {one["ifname"]: one["stats64"]["tx"] for one in shown if one["ifname"] in nodes}
    return {node: Load(8 * int(one["bytes"]), int(one["packets"])) for node, one in sent.items()}


def swap(network: Network, one: tuple[Segment, NodeName], other: tuple[Segment, NodeName]) -> None:
    """Change the plugs of two nodes over, each into the other's segment; both lose their carrier for a moment."""
    for (source, node), (target, _) in ((one, other), (other, one)):
        there = network.segment_namespace(target)
        ip([f"link set {node} netns {there}"], network.segment_namespace(source))
        ip([f"link set {node} master br0", f"link set {node} up"], there)

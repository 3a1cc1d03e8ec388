"""What a LAN or link may do to packets short of silence: lose some, be slow, fall in two, have its plugs changed.

Each is done in the segment's own namespace, where no gateway can see it, and undone by `repair` or by its like.
"""

import time
from collections.abc import Collection, Iterable
from typing import Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.lab.commands import ip, nft, shell
from linkbalancer.lab.network import TABLE, Network
from linkbalancer.lab.topology import Segment
from linkbalancer.links import NodeName

_SAMPLE: Final[Duration] = 500 * MILLISECOND
_FRAME_BITS: Final = 8 * 106
"""The lab's datagrams as Ethernet frames."""

_LEAST: Final = 64_000
"""An idle link is made no slower than this, in bits a second."""

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


def slow(network: Network, segment: Segment, nodes: Iterable[NodeName], *, rate: str, queue: str) -> None:
    """Let no more than a rate through to these nodes; what is beyond it waits up to a time, then is dropped."""
    lines = (f"tc qdisc add dev {node} root tbf rate {rate} burst {_BURST} latency {queue}\n" for node in nodes)
    shell("".join(lines), network.segment_namespace(segment))


def offered(network: Network, link: Segment) -> int:
    """Return how many bits a second a link is given each way, by a look at the counted flows: the busier way's half."""
    began, earlier = time.monotonic_ns(), network.crossed()[link.name]
    time.sleep(_SAMPLE / SECOND)
    # Counting takes its time too, both times the same.
    elapsed, later = time.monotonic_ns() - began, network.crossed()[link.name]
    packets = sum(later[flow] - earlier.get(flow, 0) for flow in later)
    return max(_LEAST, packets * _FRAME_BITS * SECOND // (2 * elapsed))


def quicken(network: Network, segment: Segment, nodes: Iterable[NodeName]) -> None:
    """End slowness."""
    shell("".join(f"tc qdisc del dev {node} root\n" for node in nodes), network.segment_namespace(segment))


def swap(network: Network, one: tuple[Segment, NodeName], other: tuple[Segment, NodeName]) -> None:
    """Change the plugs of two nodes over, each into the other's segment; both lose their carrier for a moment."""
    for (source, node), (target, _) in ((one, other), (other, one)):
        there = network.segment_namespace(target)
        ip([f"link set {node} netns {there}"], network.segment_namespace(source))
        ip([f"link set {node} master br0", f"link set {node} up"], there)

"""What a LAN or link may do to packets short of silence: lose some, be slow, fall in two, have its plugs changed.

Each is done in the segment's own namespace, where no gateway can see it, and undone by `repair` or by its like.
"""

import time
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.lab.commands import ip, ip_json, nft, shell
from linkbalancer.lab.network import TABLE, Network
from linkbalancer.lab.topology import Segment
from linkbalancer.links import NodeName

_SAMPLE: Final[Duration] = 500 * MILLISECOND
_LEAST: Final = 64_000
"""An idle link is made no slower than this, in bits a second."""

_LIMIT: Final = "1m"
_FLUSH: Final[Duration] = 50 * MILLISECOND
"""How long a quick link takes at most to deliver what waited for it when it was slow."""

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


def slow(network: Network, segment: Segment, rates: Mapping[NodeName, int], queue: Duration) -> None:
    """Let no more than so many bits a second through to each node; the rest waits up to a time, then is dropped."""
    wait = f"{queue // MILLISECOND}ms"
    lines = (
        f"tc qdisc add dev {node} root tbf rate {max(rate, _LEAST)}bit burst {_BURST} latency {wait}\n"
        for node, rate in rates.items()
    )
    shell("".join(lines), network.segment_namespace(segment))


def quicken(network: Network, segment: Segment, nodes: Iterable[NodeName]) -> None:
    """End slowness: what waits is let through first, for it is not lost."""
    namespace = network.segment_namespace(segment)
    fast = f"root tbf rate 1gbit burst {_LIMIT} latency 1s"
    shell("".join(f"tc qdisc change dev {node} {fast}\n" for node in nodes), namespace)
    time.sleep(_FLUSH / SECOND)
    shell("".join(f"tc qdisc del dev {node} root\n" for node in nodes), namespace)


def offered(network: Network, segment: Segment) -> dict[NodeName, int]:
    """Return how many bits a second go to each node of a segment, by a look at its ports."""
    began, earlier = time.monotonic_ns(), _sent(network, segment)
    time.sleep(_SAMPLE / SECOND)
    elapsed, later = time.monotonic_ns() - began, _sent(network, segment)
    return {node: 8 * (octets - earlier[node]) * SECOND // elapsed for node, octets in later.items()}


def _sent(network: Network, segment: Segment) -> dict[NodeName, int]:
    """Return how many octets have gone to each node so far."""
    nodes = {port.node for port in segment.ports}
    shown = ip_json(["-statistics", "link", "show"], network.segment_namespace(segment))
    return {one["ifname"]: int(one["stats64"]["tx"]["bytes"]) for one in shown if one["ifname"] in nodes}


def swap(network: Network, one: tuple[Segment, NodeName], other: tuple[Segment, NodeName]) -> None:
    """Change the plugs of two nodes over, each into the other's segment; both lose their carrier for a moment."""
    for (source, node), (target, _) in ((one, other), (other, one)):
        there = network.segment_namespace(target)
        ip([f"link set {node} netns {there}"], network.segment_namespace(source))
        ip([f"link set {node} master br0", f"link set {node} up"], there)

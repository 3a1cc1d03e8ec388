"""Sync groups on real packets: ours and Keepalived between two LANs, each with both of its groups in a sync group."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.daemon.waiting import until
from tests.interop.makers import Gateway, Keepalived, Ours, Part
from tests.namespaces import Namespace

INTERVAL_MS = 500
LEGS = ("eth0", "eth1")
QUICK_S = 2.61 * INTERVAL_MS / 1000
"""The soonest that a master-down timer of priority 100 ends after anything: 3.61 intervals since the last advert."""


@dataclass
class Pair:
    """Two gateways between two LANs, `first` the better one; `bridges` are the LANs by the legs' names."""

    first: Gateway
    second: Gateway
    parts: dict[Gateway, tuple[Part, ...]]
    bridges: dict[str, Namespace]
    host: Namespace

    def states(self, gateway: Gateway) -> list[str | None]:
        """Return what a gateway says of its two groups."""
        return [gateway.state(part) for part in self.parts[gateway]]

    def becomes(self, gateway: Gateway, state: str, what: str, within_s: float = 30) -> float:
        """Wait until a gateway says one state of both groups; return how long that took."""
        began = time.monotonic()
        until(lambda: self.states(gateway) == [state] * 2, within_s, what)
        return time.monotonic() - began

    def leg(self, gateway: Gateway, device: str, *, up: bool) -> None:
        """Take the carrier from a gateway's leg, or give it back."""
        port = "first" if gateway is self.first else "second"
        self.bridges[device](f"ip link set {port} {'up' if up else 'down'}")

    def told(self, device: str) -> str:
        """Return where a host of a LAN was told that the virtual IP is."""
        shown = self.host(f"ip -o neigh show 192.0.{LEGS.index(device) + 1}.251 dev {device}").split()
        return shown[shown.index("lladdr") + 1] if "lladdr" in shown else "nowhere"

    def moved(self, gateway: Gateway) -> None:
        """Wait until the hosts of both LANs have been told of a gateway."""
        macs = {device: gateway.namespace(f"cat /sys/class/net/{device}/address").strip() for device in LEGS}
        until(lambda: macs == {device: self.told(device) for device in LEGS}, 5, "the hosts were told")


@contextmanager
def between(tmp_path: Path, first: type[Gateway], second: type[Gateway]) -> Iterator[Pair]:
    """Build the two LANs and start the gateways."""
    with ExitStack() as stack:
        bridges = {device: stack.enter_context(Namespace(f"lan{device}")) for device in LEGS}
        nodes = {name: stack.enter_context(Namespace(name)) for name in ("first", "second", "host")}
        nodes["host"]("sysctl -qw net.ipv4.conf.all.arp_accept=1")  # it learns from announcements alone
        for vid, (device, bridge) in enumerate(bridges.items(), 1):
            bridge("ip link add br0 type bridge stp_state 0 mcast_snooping 0", "ip link set br0 up")
            for number, (name, node) in enumerate(nodes.items(), 1):
                bridge(
                    f"ip link add {name} type veth peer name {device} netns {node.name}",
                    f"ip link set {name} master br0 up",
                )
                node(f"ip address add 192.0.{vid}.{number}/24 dev {device}", f"ip link set {device} up")
        gateways = {}
        for number, (kind, name, priority) in enumerate(((first, "first", 200), (second, "second", 100)), 1):
            gateway = kind(nodes[name], tmp_path / name)
            parts = tuple(
                Part(
                    vid=vid,
                    virtual=(f"192.0.{vid}.251/24",),
                    source=f"192.0.{vid}.{number}",
                    peer=f"192.0.{vid}.{3 - number}",
                    priority=priority,
                    interval_ms=INTERVAL_MS,
                    device=device,
                )
                for vid, device in enumerate(LEGS, 1)
            )
            gateway.configure(parts, together=True)
            stack.callback(gateway.wait)
            stack.callback(gateway.stop)
            gateway.start()
            gateways[gateway] = parts
        better, other = gateways
        pair = Pair(better, other, gateways, bridges, nodes["host"])
        pair.becomes(better, "master", "the better gateway is Master of both")
        pair.becomes(other, "backup", "the other gateway is Backup of both")
        if isinstance(other, Ours):
            until(lambda: hears(other), 10, "the other gateway hears the Master on both LANs")
        yield pair


def hears(gateway: Ours) -> bool:
    """Tell whether ours follows a Master in every group."""
    groups = gateway.status().get("groups", {})
    return bool(groups) and all(group["master"] not in (None, "self") for group in groups.values())


@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize(("first", "second"), [(Keepalived, Ours), (Ours, Ours), (Ours, Keepalived)])
def test_a_lost_carrier_moves_both_groups(
    tmp_path: Path, first: type[Gateway], second: type[Gateway], leg: str
) -> None:
    """The other gateway is Master of both LANs, ours without a master-down interval; back, the better one has both."""
    with between(tmp_path, first, second) as pair:
        pair.leg(pair.first, leg, up=False)
        took = pair.becomes(pair.second, "master", "the other gateway is Master of both")
        if second is Ours:
            assert took < QUICK_S
        pair.moved(pair.second)
        pair.becomes(pair.first, "fault", "the gateway without the leg is out on both")

        pair.leg(pair.first, leg, up=True)
        pair.becomes(pair.first, "master", "the better gateway is Master of both again")
        pair.becomes(pair.second, "backup", "the other gateway is Backup of both again")
        pair.moved(pair.first)

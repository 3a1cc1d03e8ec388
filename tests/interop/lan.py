"""A LAN of two gateways and a host: namespaces around a bridge, whose legs can be cut and whose halves can be parted.

ours ---+
        |--- lan (a bridge) --- host
theirs -+
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_interface
from typing import Any

from linkbalancer.links import Mac
from tests.interop.cases import Maker
from tests.namespaces import Namespace

HOST = "host"
SOURCES: dict[int, dict[str, str]] = {
    4: {"low": "192.0.2.1/24", "high": "192.0.2.2/24", HOST: "192.0.2.100/24"},
    6: {"low": "fe80::1/64", "high": "fe80::2/64", HOST: "fe80::100/64"},
}
"""The addresses that adverts are sent from, by family, and the host's."""
GLOBALS = {"low": "2001:db8::1/64", "high": "2001:db8::2/64", HOST: "2001:db8::100/64"}
VIRTUAL: dict[int, tuple[str, ...]] = {
    4: ("192.0.2.251/24", "192.0.2.252/24"),
    6: ("fe80::251/64", "2001:db8::251/64"),
}
"""The virtual IPs; the last is what the host talks to."""


def port(leg: str) -> str:
    """Return the name of a leg's port at the bridge."""
    return f"p-{leg}"


@dataclass(frozen=True, slots=True)
class Lan:
    """The LAN, built."""

    bridge: Namespace
    nodes: dict[str, Namespace]
    macs: dict[str, Mac]

    def cut(self, leg: str) -> None:
        """Take the carrier from a leg."""
        _ip(self.bridge, f"link set {port(leg)} down")

    def restore(self, leg: str) -> None:
        """Give the carrier back."""
        _ip(self.bridge, f"link set {port(leg)} up")

    def part(self) -> None:
        """Let the gateways not hear each other; the host hears both."""
        _ip(self.bridge, *(f"link set {port(maker)} type bridge_slave isolated on" for maker in Maker))

    def join(self) -> None:
        """Let them hear each other again."""
        _ip(self.bridge, *(f"link set {port(maker)} type bridge_slave isolated off" for maker in Maker))

    def reboot(self, leg: str, virtual: tuple[str, ...]) -> None:
        """Take from a gateway's kernel what does not outlive it: virtual IPs, and the devices of virtual MACs."""
        node = self.nodes[leg]
        _ip(node, *(f"link del {one['ifname']}" for one in _shown(node, "link show") if _is_upper(one)))
        gone = {ip_interface(one).ip for one in virtual}
        present = (ip_interface(f"{one['local']}/{one['prefixlen']}") for one in self._addresses(leg))
        _ip(node, *(f"address del {one} dev eth0" for one in present if one.ip in gone))

    def neighbour(self, address: str) -> Mac | None:
        """Return where the host sends what is meant for an address, None if it does not know."""
        for entry in _shown(self.nodes[HOST], f"neighbour show to {address} dev eth0"):
            if "lladdr" in entry and not {"FAILED", "INCOMPLETE"} & set(entry["state"]):
                return bytes.fromhex(entry["lladdr"].replace(":", ""))
        return None

    def _addresses(self, leg: str) -> Iterator[dict[str, Any]]:
        for device in _shown(self.nodes[leg], "address show dev eth0"):
            yield from device["addr_info"]


@contextmanager
def built(low: Maker) -> Iterator[Lan]:
    """Build a LAN in which one gateway has the lower addresses, and remove it afterwards."""
    with ExitStack() as stack:
        bridge = stack.enter_context(Namespace("lan"))
        legs = {low: "low", low.other: "high", HOST: HOST}
        _ip(bridge, "link add br0 type bridge stp_state 0 mcast_snooping 0", "link set br0 up addrgenmode none")
        lan = Lan(bridge, {}, {})
        for number, (leg, kind) in enumerate(legs.items(), 1):
            node = lan.nodes[str(leg)] = stack.enter_context(Namespace(str(leg)))
            lan.macs[str(leg)] = bytes([2, 0, 0, 0, 0, number])
            mac = lan.macs[str(leg)].hex(":")
            there = f"peer name eth0 address {mac} netns {node.name}"
            _ip(
                bridge,
                f"link add {port(leg)} type veth {there}",
                f"link set {port(leg)} master br0 addrgenmode none up",
            )
            addresses = (SOURCES[4][kind], SOURCES[6][kind], GLOBALS[kind])
            words = (f"address add {one} dev eth0{' nodad' if ':' in one else ''}" for one in addresses)
            _ip(node, "link set eth0 addrgenmode none", "link set eth0 up", *words)
            if leg != HOST:
                node("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
        yield lan


def _is_upper(device: dict[str, Any]) -> bool:
    return "link" in device and device["ifname"] != "eth0"


def _ip(node: Namespace, *commands: str) -> None:
    """Carry out several commands of `ip` in a namespace."""
    words = ["ip", "-netns", node.name, "-batch", "-"]
    done = subprocess.run(words, input="\n".join(commands), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{commands}: {done.stderr}"


def _shown(node: Namespace, command: str) -> list[dict[str, Any]]:
    """Return what `ip` shows of a namespace."""
    words = ["ip", "-netns", node.name, "-json", *command.split()]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout or "[]"))

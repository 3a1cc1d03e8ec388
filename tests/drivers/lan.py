"""A LAN whose switch hears everything: gateways and hosts on one bridge, and who sent what with which MAC."""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address

from tests.namespaces import Namespace

_OUTGOING = 4


@dataclass
class Lan:
    """A bridge `br0` with a port for each namespace, whose own device is `eth0`."""

    switch: Namespace
    stack: ExitStack
    count: int = 0
    members: dict[str, Namespace] = field(default_factory=dict)

    def join(self, name: str, *addresses: str, ipv6: bool = True) -> Namespace:
        """Return a new namespace on the LAN, with these addresses on `eth0`; it says nothing by itself."""
        member = self.stack.enter_context(Namespace(name))
        member("sysctl -qw net.ipv6.conf.default.addr_gen_mode=1 net.ipv6.conf.all.addr_gen_mode=1")
        if not ipv6:
            member("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
        port = f"p{len(self.members)}"
        self.switch.connect(port, member, "eth0")
        self.switch(f"ip link set {port} master br0")
        for address in addresses:
            nodad = " nodad" if ":" in address else ""
            member(f"ip addr add {address} dev eth0{nodad}")
        self.members[name] = member
        return member

    def port_of(self, member: Namespace) -> str:
        """Return the bridge's port to a member."""
        return f"p{list(self.members.values()).index(member)}"

    @contextmanager
    def tap(self, member: Namespace) -> Iterator["Tap"]:
        """Hear every frame that a member sends, at the switch."""
        with self.switch.entered():
            heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
            heard.bind((self.port_of(member), 0x0003))
        with heard:
            yield Tap(heard)


@dataclass(frozen=True)
class Tap:
    """What a member has sent since the tap was opened."""

    heard: socket.socket

    def frames(self) -> list[bytes]:
        """Return the frames that came since the last call."""
        found: list[bytes] = []
        while True:
            try:
                frame, origin = self.heard.recvfrom(2048)
            except BlockingIOError:
                return found
            if origin[2] != _OUTGOING:
                found.append(frame)

    def sent_from(self, mac: bytes) -> list[bytes]:
        """Return the frames that came from a MAC since the last call."""
        return [frame for frame in self.frames() if frame[6:12] == mac]


@contextmanager
def lan() -> Iterator[Lan]:
    """Yield a LAN with nobody on it."""
    with ExitStack() as stack:
        switch = stack.enter_context(Namespace("switch"))
        switch("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
        switch("ip link add br0 type bridge mcast_snooping 0", "ip link set br0 up")
        yield Lan(switch, stack)


def mac_of(member: Namespace, device: str = "eth0") -> bytes:
    """Return a member's MAC."""
    return bytes.fromhex(member(f"cat /sys/class/net/{device}/address").strip().replace(":", ""))


def ping(member: Namespace, address: str, seconds: float = 2.0, source: str | None = None) -> bool:
    """Return whether an address answers a member's echo request; link-local ones are asked on its `eth0`."""
    target = ip_address(address)
    family, protocol, kind = (
        (socket.AF_INET, socket.IPPROTO_ICMP, 8)
        if target.version == 4
        else (socket.AF_INET6, socket.IPPROTO_ICMPV6, 128)
    )
    with member.entered():
        asking = socket.socket(family, socket.SOCK_RAW, protocol)
        place = (address, 0) if target.version == 4 else (address, 0, 0, socket.if_nametoindex("eth0"))
    with asking:
        if source:
            asking.bind((source, 0))
        message = struct.pack("!BBHHH", kind, 0, 0, 7, 7)
        if target.version == 4:
            message = struct.pack("!BBHHH", kind, 0, 0xFFFF - (kind << 8) - 14, 7, 7)
        asking.sendto(message, place if target.is_link_local else place[:2])
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            asking.settimeout(left)
            try:
                data, origin = asking.recvfrom(2048)
            except TimeoutError:
                break
            reply = data[20:] if target.version == 4 else data
            if reply[0] == (0 if target.version == 4 else 129) and ip_address(origin[0].partition("%")[0]) == target:
                return True
        return False

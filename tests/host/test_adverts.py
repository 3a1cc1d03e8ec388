"""Adverts between two ends of a wire."""

import errno
import socket
import struct
import time
from contextlib import closing
from ipaddress import IPv4Address, IPv6Address

import pytest

from linkbalancer.engine.effects import SendAdvert
from linkbalancer.host.adverts import AdvertSocket
from linkbalancer.links import Address, Mac
from tests.host.conftest import PATIENCE_S, Overtakes, await_items
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

LEFT, RIGHT = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
LEFT_LOCAL, RIGHT_LOCAL = IPv6Address("fe80::1"), IPv6Address("fe80::2")
GROUP, GROUP_IPV6 = IPv4Address("224.0.0.18"), IPv6Address("ff02::12")
VIRTUAL = bytes.fromhex("00005e000133")


def _open(namespace: Namespace) -> AdvertSocket:
    with namespace.entered():
        return AdvertSocket("eth0")


def _mac(namespace: Namespace) -> str:
    return namespace("cat /sys/class/net/eth0/address").strip()


def advert(
    source: Address, message: bytes = b"x", destination: Address | None = None, mac: Mac | None = None
) -> SendAdvert:
    """Return an advert for the group of the source's family, or for one peer."""
    group = GROUP if isinstance(source, IPv4Address) else GROUP_IPV6
    return SendAdvert("eth0", source, message, destination or group, mac)


def test_an_advert_arrives_as_the_rfc_wants_it(wire: tuple[Namespace, Namespace]) -> None:
    """RFC 9568 5.1.1: from the given source to 224.0.0.18, TTL 255, protocol 112; and the frame's MAC comes with it."""
    left, right = wire
    with closing(_open(left)) as sender, closing(_open(right)) as receiver:
        assert sender.send(advert(LEFT, b"message")) == 0
        (heard,) = await_items(receiver, receiver.receive)
        assert (heard.device, heard.source_mac.hex(":")) == ("eth0", _mac(left))
        assert (heard.packet[0], heard.packet[1], heard.packet[8], heard.packet[9]) == (0x45, 0xC0, 255, 112)
        assert heard.packet[12:20] == LEFT.packed + GROUP.packed
        length = struct.unpack_from("!H", heard.packet, 2)[0]
        assert heard.packet[20:length] == b"message"
        total = sum(struct.unpack("!10H", heard.packet[:20]))
        assert (total >> 16) + (total & 0xFFFF) == 0xFFFF
        assert sender.receive() == []


def test_an_advert_of_ipv6_arrives_as_the_rfc_wants_it(wire: tuple[Namespace, Namespace]) -> None:
    """RFC 9568 5.1.2: to ff02::12, hop limit 255, next header 112, traffic class CS6; the device needs no address."""
    left, right = wire
    with closing(_open(left)) as sender, closing(_open(right)) as receiver:
        assert sender.send(advert(LEFT_LOCAL, b"message")) == 0
        (heard,) = await_items(receiver, receiver.receive)
    assert heard.packet[:8] == bytes.fromhex("6c000000 0007 70 ff")
    assert heard.packet[8:40] == LEFT_LOCAL.packed + GROUP_IPV6.packed
    assert heard.packet[40:47] == b"message"


@pytest.mark.parametrize(("source", "group_mac"), [(LEFT, "01005e000012"), (LEFT_LOCAL, "333300000012")])
def test_frames_go_to_the_groups_mac_from_the_virtual_one(
    wire: tuple[Namespace, Namespace], source: Address, group_mac: str
) -> None:
    """RFC 9568 7.2: whatever stands on the device, the frame has the MAC that the group has."""
    left, right = wire
    with right.entered():
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        tap.bind(("eth0", 0x0800 if source.version == 4 else 0x86DD))
        tap.settimeout(PATIENCE_S)
    with tap, closing(_open(left)) as sender:
        sender.send(advert(source, mac=VIRTUAL))
        # The kernel's own reports of who listens may come first.
        frame = next(frame for frame in iter(lambda: tap.recv(100), b"") if frame.hex().startswith(group_mac))
    assert frame[6:12] == VIRTUAL


def test_the_source_may_change_between_adverts(wire: tuple[Namespace, Namespace]) -> None:
    """Another primary address, or MAC, is used at once, by the same socket, for the same message."""
    left, right = wire
    sent: list[tuple[str, Mac | None]] = [("192.0.2.7", None), ("192.0.2.1", None), ("192.0.2.1", VIRTUAL)]
    with closing(_open(left)) as sender, closing(_open(right)) as receiver:
        for source, mac in sent:
            sender.send(advert(IPv4Address(source), mac=mac))
        heard = await_items(receiver, receiver.receive, 3)
    own = bytes.fromhex(_mac(left).replace(":", ""))
    assert [(str(IPv4Address(one.packet[12:16])), one.source_mac) for one in heard] == [
        (source, mac or own) for source, mac in sent
    ]


def test_a_device_with_another_mac_sends_from_that(wire: tuple[Namespace, Namespace]) -> None:
    """What was built for the old one is not sent any more once the socket was looked after."""
    left, right = wire
    with closing(_open(left)) as sender, closing(_open(right)) as receiver:
        sender.send(advert(LEFT))
        left("ip link set eth0 address 02:00:00:00:00:77")
        assert sender.look_after() == 0
        sender.send(advert(LEFT))
        heard = await_items(receiver, receiver.receive, 2)
    assert heard[1].source_mac.hex(":") == "02:00:00:00:00:77"


def test_single_peers_are_reached_by_both_families(wire: tuple[Namespace, Namespace]) -> None:
    """Unicast: from the source that was given to the peer's address, TTL and hop limit 255, class CS6."""
    left, right = wire
    source, peer = IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2")
    left("ip -6 addr add 2001:db8::1/64 dev eth0 nodad")
    right("ip -6 addr add 2001:db8::2/64 dev eth0 nodad")
    with closing(_open(left)) as sender, closing(_open(right)) as receiver:
        assert sender.send(advert(LEFT, b"four", RIGHT)) == 0
        assert sender.send(advert(source, b"six6", peer)) == 0
        four, six = await_items(receiver, receiver.receive, 2)
        assert (four.packet[1], four.packet[8], four.packet[12:20]) == (0xC0, 255, LEFT.packed + RIGHT.packed)
        assert (six.packet[0], six.packet[1] & 0xF0, six.packet[6:8]) == (0x6C, 0x00, b"\x70\xff")
        assert (six.packet[8:40], six.packet[40:44]) == (source.packed + peer.packed, b"six6")
        assert sender.send(advert(IPv4Address("203.0.113.9"), b"x", RIGHT)) in {errno.EINVAL, errno.ENETUNREACH}
        assert sender.refused == 1


def test_a_peer_may_have_a_link_local_address(wire: tuple[Namespace, Namespace]) -> None:
    """The device says which link is meant."""
    left, right = wire
    left("ip -6 addr add fe80::1/64 dev eth0 nodad")
    right("ip -6 addr add fe80::2/64 dev eth0 nodad")
    with closing(_open(left)) as sender, closing(_open(right)) as receiver:
        assert sender.send(advert(LEFT_LOCAL, b"x", RIGHT_LOCAL)) == 0
        (heard,) = await_items(receiver, receiver.receive)
    assert heard.packet[8:40] == LEFT_LOCAL.packed + RIGHT_LOCAL.packed


@pytest.mark.parametrize("state", ["down", "up"])
def test_a_rival_with_the_virtual_mac_of_our_own_macvlan_is_heard(
    wire: tuple[Namespace, Namespace], state: str
) -> None:
    """The macvlan, in private mode and up, takes such frames from every tap of their protocol (fact sheet 9.1)."""
    left, right = wire
    right("ip link add link eth0 name vr4-51 address 00:00:5e:00:01:33 type macvlan mode private")
    right(f"ip link set vr4-51 {state}")
    with closing(_open(left)) as sender, closing(_open(right)) as receiver:
        sender.send(advert(LEFT, b"rival", mac=VIRTUAL))
        sender.send(advert(LEFT_LOCAL, b"rival", mac=VIRTUAL))
        heard = await_items(receiver, receiver.receive, 2)
    assert [one.source_mac for one in heard] == [VIRTUAL, VIRTUAL]


def test_what_is_for_others_is_not_heard(wire: tuple[Namespace, Namespace]) -> None:
    """Another host's MAC, or another VLAN's tag: neither is this device's."""
    left, right = wire
    with closing(_open(left)) as sender, closing(_open(right)) as receiver:
        for message in (b"other", b"tagged", b"vlan0", b"meant"):
            sender._build(advert(LEFT, message))
        frames = {message: sender._frames[message].data for message in (b"other", b"tagged", b"vlan0", b"meant")}
        frames[b"other"] = bytes.fromhex("020000000099") + frames[b"other"][6:]
        for message, tag in ((b"tagged", "81000064"), (b"vlan0", "8100e000")):
            frames[message] = frames[message][:12] + bytes.fromhex(tag) + frames[message][12:]
        for frame in frames.values():
            sender._packets.send(frame)
        heard = await_items(receiver, receiver.receive, 2)
    assert [one.packet[20:25] for one in heard] == [b"vlan0", b"meant"]


def test_frames_that_were_lost_are_counted(wire: tuple[Namespace, Namespace]) -> None:
    """A full receive buffer loses the newest; how many is told once."""
    left, right = wire
    with closing(_open(left)) as sender, closing(_open(right)) as receiver:
        receiver._packets.setsockopt(socket.SOL_SOCKET, 33, 4096)  # SO_RCVBUFFORCE
        for _number in range(100):
            sender.send(advert(LEFT))
        kept = len(await_items(receiver, receiver.receive))
        until = time.monotonic() + PATIENCE_S
        while receiver.lost + kept < 100 and time.monotonic() < until:
            receiver.look_after()
            kept += len(receiver.receive())
        assert (receiver.lost + kept, receiver.look_after()) == (100, 0)
        assert receiver.lost > 0


def test_a_successor_goes_on_with_the_same_sockets(wire: tuple[Namespace, Namespace]) -> None:
    """What waited in the queue is heard by it, it sends, and stays in the groups."""
    left, right = wire
    with closing(_open(left)) as sender, closing(_open(right)) as receiver:
        sender.send(advert(LEFT, b"early"))
        with right.entered():
            heirlooms = [socket.socket(fileno=fd) for fd in map(socket.dup, receiver.descriptors)]
            heir = AdvertSocket("eth0", heirlooms)
        receiver.close()
        with closing(heir):
            assert [one.packet[20:25] for one in await_items(heir, heir.receive)] == [b"early"]
            assert heir.send(advert(RIGHT, b"mine")) == heir.send(advert(RIGHT, b"yours", LEFT)) == 0
            assert len(await_items(sender, sender.receive, 2)) == 2
            with right.entered():
                assert heir.look_after() == 0
            assert "224.0.0.18" in right("ip maddr show dev eth0")
            assert "ff02::12" in right("ip maddr show dev eth0")


def test_ipv6_may_come_later(wire: tuple[Namespace, Namespace]) -> None:
    """A device on which it is switched off: adverts are heard all the same, and the group is joined once it is on."""
    left, right = wire
    right("sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1")
    with closing(_open(left)) as sender, right.entered(), closing(AdvertSocket("eth0")) as receiver:
        sender.send(advert(LEFT_LOCAL, b"x"))
        await_items(receiver, receiver.receive)
        right("sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0")
        receiver.look_after()
        assert "ff02::12" in right("ip maddr show dev eth0")


def test_other_protocols_and_other_devices_are_not_heard(wire: tuple[Namespace, Namespace]) -> None:
    """Only protocol 112, only from this device, and never what we sent ourselves."""
    left, right = wire
    left.connect("eth1", right, "eth1")
    left("ip addr add 198.51.100.1/24 dev eth1")
    with left.entered():
        other = AdvertSocket("eth1")
        noise = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with closing(_open(left)) as sender, closing(_open(right)) as receiver, closing(other), noise:
        noise.sendto(b"noise", ("192.0.2.2", 9))
        other.send(SendAdvert("eth1", IPv4Address("198.51.100.1"), b"elsewhere", GROUP))
        receiver.send(advert(RIGHT, b"own"))
        sender.send(advert(LEFT, b"meant"))
        heard = await_items(receiver, receiver.receive)
    assert [_message(one.packet) for one in heard] == [b"meant"]


def test_a_call_drains_a_limited_number(wire: tuple[Namespace, Namespace]) -> None:
    """A flooding neighbour cannot hold the loop: the rest waits for the next call."""
    left, right = wire
    with closing(_open(left)) as sender, closing(_open(right)) as receiver:
        for _number in range(1100):
            sender.send(advert(LEFT))
        until = time.monotonic() + PATIENCE_S
        calls: list[int] = []
        while sum(calls) < 1100 and time.monotonic() < until:
            calls.append(len(receiver.receive()))
        assert sum(calls) == 1100
        assert max(calls) <= 1024


def test_refusals_are_values_and_a_down_device_is_survived(wire: tuple[Namespace, Namespace]) -> None:
    """A device that is down gives an error number; afterwards everything works again."""
    left, right = wire
    with closing(_open(left)) as sender, closing(_open(right)) as receiver:
        left("ip link set eth0 down")
        assert sender.send(advert(LEFT)) == errno.ENETDOWN
        assert sender.receive() == []
        left("ip link set eth0 up")
        assert sender.send(advert(LEFT, b"back")) == 0
        assert [_message(one.packet) for one in await_items(receiver, receiver.receive)] == [b"back"]
        receiver.send(advert(RIGHT, b"and forth"))
        assert [_message(one.packet) for one in await_items(sender, sender.receive)] == [b"and forth"]
        assert (sender.refused, receiver.refused) == (1, 0)


def test_no_firewall_silences_a_master_or_deafens_a_backup(wire: tuple[Namespace, Namespace]) -> None:
    """Rules that drop everything, in and out, change nothing."""
    left, right = wire
    for one in wire:
        for hook in ("input", "output"):
            chain = f"{{ type filter hook {hook} priority 0; policy drop; }}"
            one(f"nft add table inet wall; add chain inet wall {hook} {chain}")
    with closing(_open(left)) as sender, closing(_open(right)) as receiver:
        assert sender.send(advert(LEFT, b"through")) == 0
        assert [_message(one.packet) for one in await_items(receiver, receiver.receive)] == [b"through"]


def _message(packet: bytes) -> bytes:
    """Return an IPv4 packet's content, without what fills its frame."""
    return packet[20 : struct.unpack_from("!H", packet, 2)[0]]


def test_a_device_that_is_missing_is_an_error(wire: tuple[Namespace, Namespace]) -> None:
    """The socket cannot be made for it."""
    with wire[0].entered(), pytest.raises(OSError, match=r".") as refusal:
        AdvertSocket("gone0")
    assert refusal.value.errno in {errno.ENODEV, errno.ENXIO, None}


@pytest.mark.parametrize(("source", "destination"), [(LEFT, None), (LEFT_LOCAL, None), (LEFT, RIGHT)])
def test_on_a_full_lan_it_does_not_wait(
    wire: tuple[Namespace, Namespace],
    crowded: Overtakes,
    source: Address,
    destination: Address | None,
) -> None:
    """What fills a device, and waits in its queue, is overtaken by adverts."""
    with closing(_open(wire[0])) as sender:
        assert crowded(lambda: sender.send(advert(source, b"an advert", destination)), b"an advert")

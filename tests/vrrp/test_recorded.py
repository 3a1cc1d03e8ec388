"""Adverts of Debian's Keepalived 2.2.7, recorded by a packet socket: read as they were meant, written byte by byte."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.vrrp.ip import unwrap
from linkbalancer.vrrp.packet import Advertisement, ChecksumForm, Datagram, Received, decode, encode

OLD, NEW = ChecksumForm.RFC5798, ChecksumForm.RFC9568


@dataclass(frozen=True, slots=True)
class Recorded:
    """A datagram as it came, who sent it to whom, with which TTL, and what its configuration says."""

    data: str
    way: tuple[str, str, int]
    said: Advertisement
    form: ChecksumForm
    password: bytes | None = None


def ipv4(*last: int) -> tuple[IPv4Address, ...]:
    """Return addresses of the LAN by their last number."""
    return tuple(IPv4Address(f"192.0.2.{number}") for number in last)


SIX = (IPv6Address("fe80::220"), IPv6Address("2001:db8::220"))
TO_ALL, TO_ALL_6 = ("192.0.2.2", "224.0.0.18", 255), ("fe80::2", "ff02::12", 255)
TO_ONE, TO_ONE_6 = ("192.0.2.2", "192.0.2.1", 255), ("2001:db8::2", "2001:db8::1", 64)
RECORDED = {
    "version 2, password": Recorded(
        "45c0002800010000ff701890c0000202e0000012210a640101014dadc00002d268696464656e3737",
        TO_ALL,
        Advertisement(10, 100, SECOND, ipv4(210), 2, 1, b"hidden77"),
        NEW,
        b"hidden77",
    ),
    "version 2, leaving": Recorded(
        "45c0002c00050000ff701888c0000202e0000012214600020002595fc00002aac00002ab0000000000000000",
        TO_ALL,
        Advertisement(70, 0, 2 * SECOND, ipv4(170, 171), 2),
        NEW,
    ),
    "version 3": Recorded(
        "45c0002400010000ff701894c0000202e00000123114c802000ade8ec00002dcc00002dd",
        TO_ALL,
        Advertisement(20, 200, 100 * MILLISECOND, ipv4(220, 221)),
        OLD,
    ),
    "version 3, leaving": Recorded(
        "45c0002400860000ff70180fc0000202e000001231140002000aa68fc00002dcc00002dd",
        TO_ALL,
        Advertisement(20, 0, 100 * MILLISECOND, ipv4(220, 221)),
        OLD,
    ),
    "version 3, unicast": Recorded(
        "45c0002000010000ff7036a9c0000202c0000201313264010032231fc00002fa",
        TO_ONE,
        Advertisement(50, 100, 500 * MILLISECOND, ipv4(250)),
        OLD,
    ),
    "IPv6": Recorded(
        "6c016da3002870fffe800000000000000000000000000002ff02000000000000000000000000001231147802000a2835"
        "fe80000000000000000000000000022020010db8000000000000000000000220",
        TO_ALL_6,
        Advertisement(20, 120, 100 * MILLISECOND, SIX),
        NEW,
    ),
    "IPv6, unicast": Recorded(
        "6c0b89a20018704020010db800000000000000000000000220010db8000000000000000000000001313c640100320db2"
        "fe800000000000000000000000000260",
        TO_ONE_6,
        Advertisement(60, 100, 500 * MILLISECOND, (IPv6Address("fe80::260"),)),
        NEW,
    ),
}


@pytest.mark.parametrize("recorded", RECORDED.values(), ids=RECORDED)
def test_what_keepalived_sent_is_read_as_it_was_meant(recorded: Recorded) -> None:
    """Its configuration comes back, with the way that the advert went and the form of its checksum."""
    source, destination, ttl = recorded.way
    expected = Received(recorded.said, ip_address(source), ip_address(destination), ttl, recorded.form)
    assert decode(bytes.fromhex(recorded.data)) == expected


@pytest.mark.parametrize("recorded", RECORDED.values(), ids=RECORDED)
def test_the_same_advert_of_ours_is_the_same_bytes(recorded: Recorded) -> None:
    """What Keepalived accepts of another Keepalived it accepts of us."""
    datagram = unwrap(bytes.fromhex(recorded.data))
    assert isinstance(datagram, Datagram)
    ours = encode(recorded.said, datagram.source, datagram.destination, recorded.form, recorded.password)
    assert ours == datagram.message

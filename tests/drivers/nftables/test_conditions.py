"""Conditions are written as what costs the kernel least: one value, a network, one side of a port, and else a range."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.drivers.nftables.conditions import of_field
from linkbalancer.routing.dispatch import DESTINATION_PORT, LAST_ADDRESS, SOURCE, Family, Fields
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.selector import Interval, Ranges
from tests.drivers.nftables.interpreter import Interpreter


def _fields(field: int, *ranges: tuple[int, int]) -> Fields:
    wanted: Ranges = tuple(Interval(*one) for one in ranges)
    return tuple(wanted if number == field else None for number in range(6))


@pytest.mark.parametrize(
    ("family", "ranges", "text"),
    [
        (4, [(0x0A000000, 0x0A0000FF)], "ip saddr 10.0.0.0/24"),
        (4, [(0x0A000001, 0x0A000001)], "ip saddr 10.0.0.1"),
        (4, [(0x0A000001, 0x0A000002)], "ip saddr 10.0.0.1-10.0.0.2"),
        (4, [(0x80000000, 0xFFFFFFFF)], "ip saddr 128.0.0.0/1"),
        (4, [(0, 0xFFFFFFFF)], ""),
        (4, [(0, 0xFFFFFFFE)], "ip saddr 0.0.0.0-255.255.255.254"),
        (4, [(0, 0), (2, 3)], "ip saddr { 0.0.0.0, 0.0.0.2/31 }"),
        (6, [(1 << 127, (1 << 127) + (1 << 64) - 1)], "ip6 saddr 8000::/64"),
        (6, [(0, (1 << 128) - 1)], ""),
    ],
)
def test_addresses(family: Family, ranges: list[tuple[int, int]], text: str) -> None:
    """A network where a range is one, whole and aligned."""
    assert of_field(SOURCE, family, _fields(SOURCE, *ranges)) == text


@pytest.mark.parametrize(
    ("ranges", "text"),
    [
        ([(1024, 65535)], "th dport >= 1024"),
        ([(0, 1023)], "th dport <= 1023"),
        ([(0, 0)], "th dport 0"),
        ([(65535, 65535)], "th dport 65535"),
        ([(0, 65535)], ""),
        ([(5, 6)], "th dport 5-6"),
        ([(0, 5), (1024, 65535)], "th dport { 0-5, 1024-65535 }"),
    ],
)
def test_ports(ranges: list[tuple[int, int]], text: str) -> None:
    """One comparison where one will do."""
    assert of_field(DESTINATION_PORT, 4, _fields(DESTINATION_PORT, *ranges)) == text
    whole = of_field(DESTINATION_PORT, None, _fields(DESTINATION_PORT, (0, 65535)))
    assert whole == "th dport 0-65535", "without a family it asks that there is a port"


@given(st.sampled_from([4, 6]), st.data())
def test_a_condition_means_its_range(family: Family, data: st.DataObject) -> None:
    """Whatever range, and whichever address at its borders or anywhere: the text takes it when the range does."""
    last = LAST_ADDRESS[family]
    bits = last.bit_length()
    length = data.draw(st.integers(0, bits))
    network = data.draw(st.integers(0, last)) >> length << length
    low, high = sorted((network, data.draw(st.sampled_from([network + (1 << length) - 1, network ^ 1, last]))))
    condition = of_field(SOURCE, family, _fields(SOURCE, (low, high)))
    model = Interpreter(
        {"here": (f"{condition} accept".strip(), "goto there"), "there": ("meta mark set meta mark or 0x1",)}
    )
    for value in {low, high, max(low - 1, 0), min(high + 1, last), data.draw(st.integers(0, last))}:
        make = IPv4Address if family == 4 else IPv6Address
        packet = Packet(make(value), make(0), 6)
        assert (model.follow(packet, "here").mark == 0) == (low <= value <= high)

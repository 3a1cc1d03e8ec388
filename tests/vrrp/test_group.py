"""A group as configured: its ranges, and what keeps it from running."""

from ipaddress import IPv4Address, IPv4Interface
from typing import Any

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.packet import ChecksumForm

VIP = IPv4Interface("192.0.2.251/24")
GOOD: dict[str, Any] = {
    "vid": 1,
    "device": "eth0",
    "virtual_ips": (VIP,),
    "priority": 100,
    "advert_interval": SECOND,
}


def test_a_group_preempts_and_sends_the_newer_checksum() -> None:
    """What is not said is as RFC 9568 has it."""
    group = Group(**GOOD)

    assert group.preempt
    assert group.checksum is ChecksumForm.AUTO


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("vid", 0, "a VID is 1 to 255, not 0"),
        ("vid", 256, "a VID is 1 to 255, not 256"),
        ("priority", 0, "a priority is 1 to 255, not 0"),
        ("priority", 256, "a priority is 1 to 255, not 256"),
        ("advert_interval", 15 * MILLISECOND, "in steps of 10 ms, not 15000000 ns"),
        ("virtual_ips", (VIP,) * 256, "at most 255 virtual IPs, not 256"),
    ],
)
def test_a_field_out_of_range_is_refused(field: str, value: object, words: str) -> None:
    """A group that could not be advertised does not come to be."""
    with pytest.raises(ValueError, match=words):
        Group(**{**GOOD, field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [("vid", 1), ("vid", 255), ("priority", 1), ("priority", 255), ("virtual_ips", (VIP,) * 255), ("virtual_ips", ())],
)
def test_the_ends_of_the_ranges_are_in_them(field: str, value: object) -> None:
    """What the wire can just say is accepted."""
    assert getattr(Group(**{**GOOD, field: value}), field) == value


@pytest.mark.parametrize(
    ("virtual_ips", "priority", "primary", "obstacle"),
    [
        ((VIP,), 1, "192.0.2.10", None),
        ((VIP,), 255, "192.0.2.10", None),
        ((VIP,), 0, "192.0.2.10", "a priority is 1 to 255, not 0"),
        ((), 100, "192.0.2.10", "the group has no virtual IP"),
        ((VIP,), 100, None, "eth0 has no primary address"),
    ],
)
def test_what_keeps_a_group_from_running(
    virtual_ips: tuple[IPv4Interface, ...], priority: int, primary: str | None, obstacle: str | None
) -> None:
    """Priority, virtual IPs and a primary address are needed, and what is missing is named."""
    group = Group(**{**GOOD, "virtual_ips": virtual_ips})

    assert group.obstacle(priority, IPv4Address(primary) if primary else None) == obstacle

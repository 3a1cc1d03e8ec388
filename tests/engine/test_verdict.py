"""The receive path: every row refuses what it is there for, in its order, and lets the rest through."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.engine.events import AdvertReceived
from linkbalancer.engine.verdict import Verdict, judge
from linkbalancer.vrrp.events import Heard
from linkbalancer.vrrp.group import Group, Tolerance
from linkbalancer.vrrp.ip import MULTICAST, MULTICAST_IPV6, wrap
from linkbalancer.vrrp.packet import ChecksumForm, Rejection
from tests.engine.hears import (
    ADDRESSES,
    ELSEWHERE,
    GROUP,
    GROUP_2,
    GROUP_6,
    GROUPS,
    MAC,
    OTHER,
    OTHER_6,
    OWN,
    OWN_6,
    SECRET,
    THIRD,
    UNICAST,
    judged,
    message,
    packet,
)
from tests.vrrp.adverts import changed, headed, summed

STRANGER = replace(GROUP, vid=99)
OWNER = replace(GROUP, priority=255)


@pytest.mark.rfc("RFC 9568 7.1")
@pytest.mark.parametrize("group", [GROUP, GROUP_2, SECRET, UNICAST, GROUP_6], ids=lambda group: f"{group.id}")
def test_a_valid_advert_is_heard(group: Group) -> None:
    """Version 2 with and without password, version 3 over IPv4 and IPv6, and from a unicast peer."""
    verdict = judged(packet(group, priority=7))
    source = OTHER_6 if group is GROUP_6 else OTHER
    assert (verdict.reason, verdict.differs, verdict.heard) == (None, (), Heard(7, SECOND, source))
    assert verdict.group is group


@pytest.mark.parametrize("form", [ChecksumForm.RFC9568, ChecksumForm.RFC5798, ChecksumForm.OLD_UNICAST])
@pytest.mark.parametrize("group", [GROUP, UNICAST])
def test_every_form_of_checksum_is_heard(group: Group, form: ChecksumForm) -> None:
    """By multicast and by unicast."""
    assert judged(packet(group, form=form)).heard is not None


def of(group: Group, at: int, *values: int) -> bytes:
    """Return an advert with bytes of the message replaced, its checksum right again (version 2, or message-only)."""
    return wrap(OTHER, MULTICAST, summed(changed(message(group, OTHER, MULTICAST), at, *values)))


@pytest.mark.rfc("RFC 9568 7.1")
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Rejection.PACKET_LENGTH),
        (packet(GROUP)[:27], Rejection.PACKET_LENGTH),
        (changed(packet(GROUP), 8, 254), Rejection.IP_CHECKSUM),
        (packet(GROUP, destination=IPv4Address("224.0.0.19")), Rejection.ADDRESS),
        (packet(GROUP, destination=OWN), Rejection.ADDRESS),
        (packet(GROUP_6, destination=OWN_6), Rejection.ADDRESS),
        (packet(UNICAST, destination=MULTICAST), Rejection.ADDRESS),
        (packet(UNICAST, destination=THIRD), Rejection.ADDRESS),
        (packet(STRANGER, destination=OWN), Rejection.ADDRESS),
        (packet(GROUP, OWN), Rejection.LOOPED),
        (packet(GROUP_6, OWN_6), Rejection.LOOPED),
        (packet(UNICAST, OWN), Rejection.LOOPED),
        (packet(UNICAST, THIRD), Rejection.UNKNOWN_PEER),
        (packet(GROUP, ttl=254), Rejection.IP_TTL),
        (packet(GROUP_6, ttl=64), Rejection.IP_TTL),
        (packet(UNICAST, ttl=249), Rejection.IP_TTL),
        (packet(replace(GROUP, version=2)), Rejection.VERSION),
        (packet(replace(GROUP_2, version=3)), Rejection.VERSION),
        (of(STRANGER, 0, 0x41), Rejection.VERSION),
        (of(GROUP, 0, 0x32), Rejection.INVALID_TYPE),
        (packet(STRANGER), Rejection.VRID),
        (packet(replace(GROUP_6, vid=2)), Rejection.VRID),
        (packet(ELSEWHERE), Rejection.VRID),
        (of(GROUP, 1, 0), Rejection.VRID),
        (of(GROUP, 3, 3), Rejection.PACKET_LENGTH),
        (wrap(OTHER, MULTICAST, message(GROUP, OTHER, MULTICAST) + bytes(8)), Rejection.PACKET_LENGTH),
        (wrap(OTHER, MULTICAST, message(GROUP_2, OTHER, MULTICAST)[:-8]), Rejection.PACKET_LENGTH),
        (wrap(OTHER, MULTICAST, changed(message(GROUP, OTHER, MULTICAST), 2, 7)), Rejection.CHECKSUM),
        (wrap(OTHER, MULTICAST, summed(b"\x31\x01\x64\0\0\x64\0\0")), Rejection.ZERO_COUNT),
        (of(GROUP_2, 4, 9), Rejection.INVALID_AUTH_TYPE),
        (of(GROUP_2, 4, 1), Rejection.AUTH_TYPE_MISMATCH),
        (of(GROUP_2, 4, 2), Rejection.AUTH_TYPE_MISMATCH),
        (packet(SECRET, password=None), Rejection.AUTH_TYPE_MISMATCH),
        (packet(SECRET, password=b"secreT"), Rejection.AUTH_FAILURE),
        (packet(SECRET, password=b"secret\0x"), Rejection.AUTH_FAILURE),
        (of(GROUP, 4, 0xF0, 0), Rejection.ZERO_INTERVAL),
        (packet(GROUP_2, interval=2 * SECOND), Rejection.INTERVAL),
        (packet(GROUP_6, addresses=tuple(reversed([a.ip for a in GROUP_6.virtual_ips]))), Rejection.FIRST_ADDRESS),
        (packet(GROUP_2, addresses=(THIRD,)), Rejection.ADDRESS_LIST),
        (packet(GROUP_2, addresses=(GROUP_2.virtual_ips[0].ip,)), Rejection.ADDRESS_LIST),
        (packet(GROUP_2, addresses=(GROUP_2.virtual_ips[0].ip,) * 2), Rejection.ADDRESS_LIST),
    ],
)
def test_every_row_refuses(data: bytes, reason: Rejection) -> None:
    """Each with its own reason, and nothing of it reaches a router."""
    verdict = judged(data)
    assert verdict.reason is reason
    assert verdict.heard is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (packet(GROUP, OWN, OTHER, ttl=1), Rejection.ADDRESS),
        (packet(GROUP, OWN, ttl=1), Rejection.LOOPED),
        (packet(replace(STRANGER, version=2), ttl=1), Rejection.IP_TTL),
        (wrap(OTHER, MULTICAST, b"\x42\x63\x64\x09" + bytes(8)), Rejection.VERSION),
        (wrap(OTHER, MULTICAST, b"\x32\x63\x64\x09" + bytes(8)), Rejection.INVALID_TYPE),
        (wrap(OTHER, MULTICAST, b"\x31\x63\x64\x09" + bytes(8)), Rejection.VRID),
        (wrap(OTHER, MULTICAST, b"\x31\x01\x64\x09" + bytes(8)), Rejection.PACKET_LENGTH),
        (wrap(OTHER, MULTICAST, b"\x31\x01\x64\x00" + bytes(4)), Rejection.CHECKSUM),
        (wrap(OTHER, MULTICAST, summed(b"\x31\x01\x64\x00" + bytes(4))), Rejection.ZERO_COUNT),
        (packet(SECRET, password=b"wrong", interval=2 * SECOND, addresses=(THIRD,)), Rejection.AUTH_FAILURE),
        (of(SECRET, 4, 0, 0), Rejection.AUTH_TYPE_MISMATCH),
        (packet(GROUP_2, interval=2 * SECOND, addresses=(THIRD,)), Rejection.INTERVAL),
    ],
)
def test_the_rows_are_in_order(data: bytes, reason: Rejection) -> None:
    """What is wrong in several ways is counted where the first row that sees it says."""
    assert judged(data).reason is reason


@pytest.mark.rfc("RFC 9568 7.1")
def test_version_3_lets_another_interval_and_list_pass() -> None:
    """Noticed and said, never a reason to drop; the order of the list is no difference."""
    verdict = judged(packet(GROUP, interval=200 * MILLISECOND, addresses=(THIRD,)))
    assert verdict.differs == (Rejection.INTERVAL, Rejection.ADDRESS_LIST)
    assert verdict.heard == Heard(100, 200 * MILLISECOND, OTHER)
    backwards = tuple(reversed([address.ip for address in GROUP.virtual_ips]))
    assert judged(packet(GROUP, addresses=backwards)).differs == ()
    assert judged(packet(GROUP_2, addresses=backwards)).heard is not None


@pytest.mark.rfc("RFC 3768 7.1")
def test_an_owners_list_is_heeded_in_version_2() -> None:
    """Its priority of 255 says that its list is the right one; no list at all is no more than another one."""
    assert judged(packet(GROUP_2, addresses=(THIRD,), priority=255)).differs == (Rejection.ADDRESS_LIST,)
    empty = wrap(OTHER, MULTICAST, summed(b"\x21\x02\xff\0\0\1\0\0" + bytes(8)))
    assert judged(empty).differs == (Rejection.ADDRESS_LIST,)


def test_what_is_tolerated_passes() -> None:
    """Both soft spots of the field can be let pass, each alone."""
    other_list = packet(GROUP_2, addresses=(THIRD,))
    backwards = packet(GROUP_6, addresses=tuple(reversed([address.ip for address in GROUP_6.virtual_ips])))
    for tolerance, passes in ((Tolerance.ADDRESSES, True), (Tolerance.FIRST_ADDRESS, False)):
        tolerant = replace(GROUP_2, tolerates=frozenset({tolerance}))
        assert (judged(other_list, tolerant).heard is not None) is passes
        tolerant = replace(GROUP_6, tolerates=frozenset({tolerance}))
        assert (judged(backwards, tolerant).heard is not None) is not passes
    assert judged(backwards, replace(GROUP_6, tolerates=frozenset(Tolerance))).differs == (Rejection.FIRST_ADDRESS,)


@pytest.mark.rfc("RFC 9568 7.1")
def test_an_owner_that_yields_hears_and_another_does_not() -> None:
    """RFC 9568 and erratum 8298 disagree, so it is a switch; version 2 knows one answer."""
    assert judged(packet(OWNER, priority=255), OWNER).heard is not None
    assert judged(packet(OWNER), replace(OWNER, owner_yields=False)).reason is Rejection.OWNER
    owner_2 = replace(GROUP_2, priority=255)
    assert judged(packet(owner_2), owner_2).reason is Rejection.OWNER


def test_a_long_password_counts_by_its_first_eight_bytes() -> None:
    """So does Keepalived; bytes behind a NUL count too."""
    long = replace(SECRET, password=b"long-password")
    assert judged(packet(long), long).heard is not None
    assert judged(packet(long, password=b"long-pasture"), long).heard is not None
    assert judged(packet(long, password=b"long-pa"), long).reason is Rejection.AUTH_FAILURE


def test_a_unicast_peer_may_be_as_far_away_as_configured() -> None:
    """Its TTL is judged by the group's own range."""
    assert judged(packet(UNICAST, ttl=250)).heard is not None
    one = IPv6Address("2001:db8::2")
    group = replace(GROUP_6, peers=(one,), source=OWN_6)
    assert judged(packet(group, one, OWN_6, ttl=255), group).heard is not None
    assert judged(packet(group, one, OWN_6, ttl=254), group).reason is Rejection.IP_TTL


def test_a_group_of_many_addresses() -> None:
    """As many as the count can say."""
    many = replace(GROUP, virtual_ips=tuple(IPv4Interface(f"10.0.0.{n}/32") for n in range(255)))
    assert judged(packet(many), many).heard is not None


@settings(max_examples=300)
@given(
    st.sampled_from([packet(group) for group in GROUPS.values()]),
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 255)), max_size=4),
    st.integers(0, 120),
    st.booleans(),
)
def test_any_bytes_get_a_verdict(data: bytes, damage: list[tuple[int, int]], length: int, mended: object) -> None:
    """Whatever is done to a good packet, it is heard or refused for a reason, and nothing is raised."""
    for at, value in damage:
        data = changed(data, at % len(data), value)
    data = data[:length]
    if mended and len(data) >= 20 and data[0] >> 4 == 4:
        data = headed(data)
    verdict = judge(AdvertReceived("eth0", data, MAC), GROUPS.get, ADDRESSES)
    assert isinstance(verdict, Verdict)
    assert (verdict.reason is None) is (verdict.heard is not None)


@given(
    st.binary(min_size=8, max_size=64), st.sampled_from([(OTHER, MULTICAST), (OTHER, OWN), (OTHER_6, MULTICAST_IPV6)])
)
def test_any_message_gets_a_verdict(data: bytes, ends: tuple[IPv4Address, IPv4Address]) -> None:
    """Behind a good IP header too."""
    verdict = judged(wrap(*ends, summed(data[: len(data) // 2 * 2])))
    assert (verdict.reason is None) is (verdict.heard is not None)

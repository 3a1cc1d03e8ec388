"""Who uses which VRID: routers told apart, Masters that contend, and what nobody can read."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.links import Family, GroupId
from linkbalancer.vrrp import census as census_module
from linkbalancer.vrrp.census import REMEMBERED, Census
from linkbalancer.vrrp.packet import Advertisement, ChecksumForm, Rejection, encode
from tests.vrrp.adverts import SOURCE, SOURCE_6, group_of, packed

MAC, OTHER_MAC, VIRTUAL = (bytes.fromhex(mac) for mac in ("020000000001", "020000000002", "00005e000107"))
SAID = Advertisement(7, 100, SECOND, (IPv4Address("192.0.2.251"),))
GROUP = GroupId(7)
RIVAL = SOURCE + 1


class Lan:
    """A census and a clock."""

    def __init__(self) -> None:
        self.census = Census()
        self.now = 10**12

    def say(self, priority: int = 100, source: IPv4Address = SOURCE, mac: bytes = MAC, times: int = 1) -> None:
        """Let a router advertise, once a second."""
        message = encode(replace(SAID, priority=priority), source, group_of(source), ChecksumForm.RFC5798)
        for _ in range(times):
            self.now += SECOND
            self.census.take(self.now, packed(message, source), mac, here=False)


def test_a_router_is_told_with_its_last_word() -> None:
    """How often it spoke, what it says now, and how its checksum is made."""
    lan = Lan()
    lan.say(times=2)
    lan.say(priority=0)
    (router,) = lan.census.groups()[GROUP]
    assert (router.source, router.mac, router.adverts, router.said.priority) == (SOURCE, MAC, 3, 0)
    assert (router.is_master, router.has_virtual_mac, router.here) == (False, False, False)
    assert router.checksum is ChecksumForm.RFC5798


def test_where_there_is_one_checksum_none_is_named() -> None:
    """Version 2, and IPv6; the virtual MAC is known by its family."""
    lan = Lan()
    old, six = replace(SAID, version=2), replace(SAID, addresses=(SOURCE_6,))
    for said, source, mac in ((old, SOURCE, VIRTUAL), (six, SOURCE_6, VIRTUAL)):
        message = encode(said, source, group_of(source), ChecksumForm.AUTO)
        lan.census.take(1, packed(message, source), mac, here=True)
    found = lan.census.groups()
    assert list(found) == [GROUP, GroupId(7, Family.IPV6)]
    assert [router.checksum for routers in found.values() for router in routers] == [None, None]
    assert [router.has_virtual_mac for routers in found.values() for router in routers] == [True, False]


def test_one_address_at_two_macs_is_two_routers() -> None:
    """A duplicate address shows as what it is."""
    lan = Lan()
    lan.say()
    lan.say(mac=OTHER_MAC)
    assert [router.mac for router in lan.census.groups()[GROUP]] == [MAC, OTHER_MAC]


@pytest.mark.parametrize(
    ("story", "contested"),
    [
        ([(100, SOURCE, 5)], False),
        ([(100, SOURCE, 5), (200, RIVAL, 5)], False),
        ([(100, SOURCE, 5), (200, RIVAL, 1), (100, SOURCE, 1), (200, RIVAL, 5)], False),
        ([(100, SOURCE, 2), (200, RIVAL, 2), (100, SOURCE, 2), (200, RIVAL, 2)], True),
        ([(100, SOURCE, 1), (200, RIVAL, 1)] * 9, True),
        ([(100, SOURCE, 2), (200, RIVAL, 2), (100, SOURCE, 2), (0, RIVAL, 1)], False),
    ],
)
def test_masters_contend_who_go_on_beside_each_other(
    story: list[tuple[int, IPv4Address, int]], contested: object
) -> None:
    """A handover with a last word is none; who leaves contends no more."""
    lan = Lan()
    for priority, source, times in story:
        lan.say(priority, source, times=times)
    assert lan.census.contested(GROUP) is contested


def test_the_best_master_comes_first() -> None:
    """By priority, then by the higher address."""
    lan = Lan()
    for priority, source in ((100, SOURCE), (100, RIVAL), (200, SOURCE + 2), (0, SOURCE + 3)):
        lan.say(priority, source)
    assert [router.source for router in lan.census.groups()[GROUP]] == [SOURCE + 2, RIVAL, SOURCE, SOURCE + 3]


def test_what_nobody_can_read_is_counted_by_sender_and_reason() -> None:
    """With its source, where its IP header has one."""
    lan = Lan()
    message = encode(SAID, SOURCE, group_of(SOURCE), ChecksumForm.AUTO)
    for data in (b"", packed(message, ttl=1), packed(message, ttl=2)):
        lan.census.take(1, data, MAC, here=False)
    assert dict(lan.census.unreadable) == {
        ("", MAC, Rejection.PACKET_LENGTH): 1,
        (str(SOURCE), MAC, Rejection.IP_TTL): 2,
    }
    assert lan.census.groups() == {}


def test_a_liar_costs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number of routers the rest is only counted, and of each only its last adverts are kept."""
    monkeypatch.setattr(census_module, "ROUTERS_MAX", 3)
    lan = Lan()
    for number in range(5):
        lan.say(source=SOURCE + number, times=REMEMBERED + 1)
        lan.census.take(1, packed(b"\x31" + bytes(8), SOURCE + number), MAC, here=False)
    routers = lan.census.groups()[GROUP]
    assert [len(router.heard_at) for router in routers] == [REMEMBERED] * 3
    assert len(lan.census.unreadable) == 3
    assert lan.census.uncounted == 2 * (REMEMBERED + 1) + 2

"""What is said of adverts that are refused: who sent them, what is wrong, what to do; once."""

from dataclasses import replace

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.engine.events import AdvertReceived
from linkbalancer.engine.refusals import PAUSE, Refusals, compared
from linkbalancer.vrrp.group import Group, Tolerance
from linkbalancer.vrrp.ip import MULTICAST, wrap
from linkbalancer.vrrp.packet import Rejection
from tests.engine.hears import (
    DEVICE,
    GROUP,
    GROUP_2,
    GROUP_6,
    MAC,
    OTHER,
    OWN,
    SECRET,
    THIRD,
    UNICAST,
    judged,
    message,
    packet,
)
from tests.vrrp.adverts import changed, summed

STRANGER = replace(GROUP, vid=99)


def said(data: bytes, group: Group | None = None) -> str:
    """Return what is said of one packet."""
    verdict = judged(data, group)
    (reason,) = verdict.differs if verdict.reason is None else (verdict.reason,)
    record = Refusals().record(0, AdvertReceived(DEVICE, data, MAC), verdict, reason)
    return "" if record is None else record.text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "its length"),
        (b"\x55", "neither IPv4"),
        (changed(packet(GROUP), 8, 9), "header is damaged"),
        (packet(GROUP, destination=OWN), "heard by multicast"),
        (packet(STRANGER, destination=OWN), "not to all routers"),
        (packet(UNICAST, destination=MULTICAST), "`unicast` peers: configure both"),
        (packet(UNICAST, THIRD), "192.0.2.3 is none of this group's `unicast` peers"),
        (packet(GROUP, OWN), "the same address"),
        (packet(GROUP, ttl=64), "its TTL is 64"),
        (packet(replace(GROUP, version=2)), "its version of VRRP is 2, ours is 3"),
        (wrap(OTHER, MULTICAST, b"\x41\x63" + bytes(8)), "its version of VRRP is 4"),
        (packet(GROUP_2, password=b"x"), "give it `password_file`"),
        (packet(SECRET, password=None), "it has no password"),
        (packet(SECRET, password=b"x"), "its password is not ours"),
        (packet(GROUP, interval=200 * MILLISECOND), "accepted, though it differs: its interval is 200 ms, ours 1 s"),
        (packet(GROUP_2, interval=2 * SECOND), "refused: its interval is 2 s, ours 1 s: in version 2 they must be"),
        (packet(GROUP, addresses=(THIRD,)), "it lacks 192.0.2.251, 192.0.2.252 and it has 192.0.2.3 more"),
        (packet(GROUP, addresses=tuple(THIRD + n for n in range(9))), "192.0.2.6 and 5 others more"),
        (packet(GROUP, addresses=(*(a.ip for a in GROUP.virtual_ips), THIRD)), "differs: it has 192.0.2.3 more"),
        (packet(GROUP, addresses=(GROUP.virtual_ips[0].ip, *(a.ip for a in GROUP.virtual_ips))), "more than once"),
        (packet(GROUP_6, addresses=(GROUP_6.virtual_ips[1].ip,) * 2), "its first address, 2001:db8::1, is not"),
        (wrap(OTHER, MULTICAST, changed(message(GROUP, OTHER, MULTICAST), 2, 7)), "its checksum is wrong"),
        (wrap(OTHER, MULTICAST, summed(b"\x31\x01\x64\x00\0\x64\0\0")), "names no virtual IP"),
    ],
)
def test_each_says_what_is_wrong(data: bytes, words: str) -> None:
    """And what to do about it, where the words alone do not say."""
    assert words in said(data)


def test_the_sender_is_named_by_address_and_mac() -> None:
    """Fields for machines, a sentence for people; where the header cannot be trusted, the MAC alone."""
    data = packet(GROUP, ttl=64)
    record = Refusals().record(0, AdvertReceived(DEVICE, data, MAC), judged(data), Rejection.IP_TTL)
    assert record is not None
    assert (record.kind, record.subject) == ("advert", "VID 1")
    assert record.text.startswith("an advert of 192.0.2.2 (02:00:00:00:00:02) on eth0 is refused: ")
    assert dict(record.fields) == {
        "reason": "ip_ttl",
        "device": "eth0",
        "mac": "02:00:00:00:00:02",
        "source": "192.0.2.2",
        "vid": 1,
    }
    assert said(b"").startswith("an advert of 02:00:00:00:00:02 on eth0 is refused: ")


def test_what_is_not_as_configured_here() -> None:
    """Said of a router that was heard, whether it would be refused or not; of another version, that alone."""
    said_3 = judged(packet(GROUP, interval=2 * SECOND, addresses=(THIRD,))).received
    said_2 = judged(packet(GROUP_2)).received
    assert said_3 is not None
    assert said_2 is not None
    assert [words[:16] for words in compared(GROUP, said_3.advertisement)] == ["its interval is ", "it lacks 192.0.2"]
    (version,) = compared(GROUP, said_2.advertisement)
    assert version.startswith("its version of VRRP is 2, ours is 3")
    assert compared(GROUP_2, said_2.advertisement) == []


def test_a_password_is_never_said() -> None:
    """Neither ours nor the other's."""
    assert "secret" not in said(packet(SECRET, password=b"guess"))
    assert "guess" not in said(packet(SECRET, password=b"guess"))


def test_strangers_are_only_counted() -> None:
    """Other routers may use the LAN for VRIDs of their own."""
    assert said(packet(STRANGER)) == ""


def test_once_is_enough() -> None:
    """Whatever sources are claimed; another reason, group or device is news."""
    refusals = Refusals()

    def tell(data: bytes, at: int = 0, device: str = DEVICE) -> bool:
        verdict = judged(data)
        assert verdict.reason is not None
        return refusals.record(at, AdvertReceived(device, data, MAC), verdict, verdict.reason) is not None

    assert tell(packet(GROUP, ttl=64))
    assert not any(tell(packet(GROUP, THIRD + n, ttl=64), n * SECOND) for n in range(50))
    assert tell(packet(GROUP_6, ttl=64))
    assert tell(packet(GROUP, OWN))
    assert tell(packet(STRANGER, ttl=64))
    assert tell(b"") != tell(b"")
    assert tell(b"", device="eth1")

    refusals.rearm(DEVICE, GROUP.id)
    assert not tell(packet(GROUP, ttl=64), PAUSE - 1)
    assert tell(packet(GROUP, ttl=64), PAUSE)
    assert not tell(packet(GROUP, ttl=64), 2 * PAUSE)
    assert not tell(packet(GROUP_6, ttl=64), PAUSE)
    assert tell(b"", PAUSE)
    assert not tell(b"", PAUSE, device="eth1")


def test_what_was_let_pass_is_said_with_its_remedy_where_it_is_refused() -> None:
    """The switch is named where it would help."""
    backwards = packet(GROUP_6, addresses=tuple(reversed([a.ip for a in GROUP_6.virtual_ips])))
    assert "`tolerate: [first-address]`" in said(backwards)
    tolerant = replace(GROUP_6, tolerates=frozenset(Tolerance))
    assert "accepted, though it differs: its first address" in said(backwards, tolerant)
    assert "`tolerate: [addresses]`" in said(packet(GROUP_2, addresses=(THIRD,)))

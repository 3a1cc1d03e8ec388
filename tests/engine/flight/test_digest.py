"""Two programs that decide the same have the same digest, and people can read what it was."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Address
from typing import Any

import pytest

from linkbalancer.engine.effects import (
    AddAddresses,
    Announce,
    Effect,
    Left,
    Publish,
    Record,
    RemoveAddresses,
    Retired,
    SendAdvert,
    SendDatagram,
    SetLost,
    SetMembers,
    SetNextHop,
    SteerKeepalived,
)
from linkbalancer.engine.flight.digest import Digester, failure, in_words
from linkbalancer.feed.table import Table, VidEntry
from linkbalancer.links import GroupId, ViaLink
from linkbalancer.routing.twins import NOTHING_LOST, Lost, Twin

ADDRESS = IPv4Address("192.0.2.251")
INTERFACE = IPv4Interface("192.0.2.251/24")
MACS = frozenset({b"\x02\0\0\0\0\2", b"\x02\0\0\0\0\1"})
ENTRIES = (
    VidEntry(vid=1, works=True, master="self", reason="Master here", link="l1"),
    VidEntry(vid=2, works=False, master="none", reason="dead"),
)
TABLE = Table(1, 4, {"web": 2}, {"web": "abc"}, ENTRIES)
FAR = IPv6Address("fe80::2")
LOST = Lost(frozenset({Twin("eth2", ADDRESS, FAR), Twin("eth1", None, FAR)}), frozenset({3, 1}))
EFFECTS: dict[str, Effect] = {
    "": SendAdvert("eth0", ADDRESS, bytes(20), ADDRESS),
    " ": SendDatagram("l1", bytes(80)),
    "add 192.0.2.251/24 on eth0": AddAddresses("eth0", (INTERFACE,)),
    "remove 192.0.2.251/24 from eth0": RemoveAddresses("eth0", (INTERFACE,)),
    "announce 192.0.2.251 on eth0": Announce("eth0", (ADDRESS,)),
    "announce 192.0.2.251 on eth0 again": Announce("eth0", (ADDRESS,), again=True),
    "VID 1: Keepalived gets priority 170": SteerKeepalived(GroupId(1), 170),
    "VID 1: Keepalived gets Fault": SteerKeepalived(GroupId(1), None),
    "VID 1: way is 192.0.2.251 over eth1": SetNextHop(1, ViaLink("eth1", ADDRESS)),
    "VID 1: guarded way is 192.0.2.251 over eth1": SetNextHop(1, ViaLink("eth1", ADDRESS), guard=True),
    "members on eth0: 02:00:00:00:00:01, 02:00:00:00:00:02": SetMembers("eth0", MACS),
    "without IPv6: fe80::2 on eth1, fe80::2 on eth2, the Master of VID 1, the Master of VID 3": SetLost(LOST),
    "without IPv6: nobody": SetLost(NOTHING_LOST),
    "table 4 to the applications: VIDs that work: 1": Publish(TABLE),
    "table 5 to the applications: VIDs that work: none": Publish(Table(1, 5, {}, {}, ())),
    "vid VID 1: master": Record("vid", "VID 1", "master", number=3),
    "leaving handed over": Record("leaving", "", "handed over", number=2),
    "everything is handed over": Left(),
    "the successor may have the rest": Retired(),
}


@pytest.mark.parametrize(("words", "effect"), EFFECTS.items(), ids=[type(one).__name__ for one in EFFECTS.values()])
def test_every_effect_has_words(words: str, effect: Effect) -> None:
    """Adverts and datagrams alone have none."""
    assert in_words([effect]) == [words] * bool(words.strip())


def test_every_effect_has_a_digest_of_its_own() -> None:
    """No two are taken for one another; their order counts; none are 0."""
    digester = Digester()
    digests = [digester.digest([effect]) for effect in EFFECTS.values()]

    assert len(set(digests)) == len(EFFECTS)
    assert 0 not in digests
    assert digester.digest([]) == 0
    assert digester.digest(list(EFFECTS.values())) != digester.digest(list(EFFECTS.values())[::-1])
    assert Digester().digest(list(EFFECTS.values())) == digester.digest(list(EFFECTS.values()))


@pytest.mark.parametrize(
    ("effect", "change"),
    [
        (EFFECTS[""], {"message": b"\1" + bytes(19)}),
        (EFFECTS[""], {"mac": b"\2\0\0\0\0\1"}),
        (EFFECTS[" "], {"data": b"\1" + bytes(79)}),
        (EFFECTS["vid VID 1: master"], {"cause": 2}),
        (Publish(TABLE), {"table": replace(TABLE, vids=ENTRIES[:1])}),
        (Publish(TABLE), {"table": replace(TABLE, definitions={"web": "abd"})}),
    ],
)
def test_every_field_counts(effect: Effect, change: dict[str, Any]) -> None:
    """But a datagram's tag, which the key makes."""
    assert Digester().digest([effect]) != Digester().digest([replace(effect, **change)])


def test_a_set_has_the_same_digest_in_every_process() -> None:
    """Whatever the order in which it is walked, which is another one in each."""
    assert Digester().digest([SetLost(LOST)]) == 94811506


def test_a_tag_does_not_count() -> None:
    """Who replays has another key."""
    assert Digester().digest([SendDatagram("l1", bytes(80))]) == Digester().digest(
        [SendDatagram("l1", bytes(64) + b"x" * 16)]
    )


def test_parts_of_tables_are_remembered_up_to_a_limit() -> None:
    """Thousands of entries: the digest is the same."""
    tables = [
        replace(TABLE, vids=(VidEntry(vid=1, works=False, master="none", reason=str(one)),)) for one in range(5000)
    ]
    digester = Digester()

    assert [digester.digest([Publish(one)]) for one in tables[:5]] == [
        Digester().digest([Publish(one)]) for one in tables[:5]
    ]
    assert len({digester.digest([Publish(one)]) for one in tables}) == 5000


def test_causes_come_first() -> None:
    """Records are told in the order of their numbers."""
    assert in_words([EFFECTS["vid VID 1: master"], EFFECTS["leaving handed over"]]) == [
        "leaving handed over",
        "vid VID 1: master",
    ]


def test_a_failure_is_told() -> None:
    """What an agent died of stands where its decisions would."""
    assert in_words([failure(KeyError("eth7"))]) == ["died KeyError: 'eth7'"]

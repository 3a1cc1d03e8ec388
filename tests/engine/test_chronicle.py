"""Tests of the chronicle: what is recorded, in which order it is numbered, and what follows from what."""

from ipaddress import IPv4Address, IPv4Interface, IPv6Address
from random import Random

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.config.groupfields import VirtualIp
from linkbalancer.config.model import Group
from linkbalancer.engine.chronicle import TOGETHER, Chronicle, named
from linkbalancer.engine.effects import AddAddresses, Effect, Publish, Record
from linkbalancer.engine.events import ApplicationSteers, DeviceChanged, Leave, LegHeard, Started
from linkbalancer.feed.table import Table
from linkbalancer.links import Address, Family, GroupId, GroupState, GroupWord, OnProbeLoss, Role
from linkbalancer.lvrrp.events import Closed, Opened
from linkbalancer.lvrrp.link import Link
from linkbalancer.lvrrp.settings import LinkSettings
from linkbalancer.sim.faults import Cut
from linkbalancer.sim.node import Node
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.shape import LAN_DEVICE, LINK_DEVICE, Shape, lan_address
from linkbalancer.sim.wire import NEAR
from linkbalancer.vrrp.heard import LastHeard
from tests.engine.bench import STOP, Bench, of_type

NOW = 10**12
HERE = (IPv4Interface("192.0.2.251/24"),)
GROUPS = {
    GroupId(1): Group(device="eth0", link="l1", virtual_ips=(VirtualIp(*HERE),)),
    GroupId(2): Group(device="eth0", mode="observe", virtual_ips=(VirtualIp(IPv4Interface("192.0.2.252/24")),)),
}
SETTINGS = LinkSettings(
    name="l1",
    node="b1",
    role=Role.CONTROLLED,
    device="eth1",
    local=IPv4Address("10.1.0.1"),
    peer=IPv4Address("10.1.0.2"),
    port=20112,
    interval_min=100 * MILLISECOND,
    interval_max=200 * MILLISECOND,
    misses=3,
    detect=600 * MILLISECOND,
    up_delay=0,
    on_probe_loss=OnProbeLoss.STOP,
    insecure=True,
)
LINK = Link(SETTINGS, (), Random(1), 0)
FAR = IPv4Address("192.0.2.2")


def begun() -> Chronicle:
    """Return a chronicle that has started long ago."""
    chronicle = Chronicle(GROUPS)
    numbered(chronicle, *chronicle.started("b1", resumed=False), now=0)
    return chronicle


def numbered(chronicle: Chronicle, *drafts: Effect, now: int = NOW) -> list[Record]:
    """Complete one turn; return its records."""
    return of_type(chronicle.complete(now, list(drafts)), Record)


def vid(number: int = 1, text: str = "master: claimed") -> Record:
    """Return the draft of a change of VRRP's state."""
    return Record("vid", f"VID {number}", text, (("vid", number),))


def heard(priority: int, *, source: Address = FAR) -> LastHeard:
    """Return what was heard last."""
    return LastHeard(priority, source, 200 * MILLISECOND, NOW)


def causes(records: list[Record]) -> list[tuple[str, int | None]]:
    """Return kind and cause of each record."""
    return [(record.kind, record.cause) for record in records]


def test_a_turn_without_records_is_left_alone() -> None:
    """Most turns only send adverts: they cost nothing here."""
    effects: list[Effect] = [Publish(Table(1, 1, {}, {}, ()))]

    assert Chronicle(GROUPS).complete(NOW, effects) is effects


def test_a_turn_is_numbered_in_the_order_of_the_chain() -> None:
    """The table is written before the mastership is taken, but it follows from it."""
    chronicle = begun()
    link = chronicle.turned(NOW, LINK, Closed("no carrier", NOW - 42 * MILLISECOND, 2))
    hop, verdict = Record("next-hop", "VID 1", "x", (("vid", 1),)), Record("verdict", "VID 1", "works", (("vid", 1),))
    told = numbered(chronicle, hop, verdict, vid(), link)

    assert [(record.kind, record.number, record.cause) for record in told] == [
        ("next-hop", 5, 4),
        ("verdict", 4, 3),
        ("vid", 3, 2),
        ("link-closed", 2, None),
    ]


def test_a_closed_link_is_a_root_with_its_measurement() -> None:
    """The age of the last proof, the unanswered queries and the detect time, as they were."""
    chronicle = begun()
    closed = chronicle.turned(NOW, LINK, Closed("silent", NOW - 612 * MILLISECOND, 5))
    unproven = chronicle.turned(NOW, LINK, Closed("no carrier"))
    opened = chronicle.turned(NOW, LINK, Opened("proven"))

    assert dict(closed.fields) == {
        "link": "l1",
        "device": "eth1",
        "detect_ms": 600,
        "misses": 5,
        "last_proof_ms": 612,
    }
    assert "last_proof_ms" not in dict(unproven.fields)
    assert "misses" not in dict(opened.fields)
    assert causes(numbered(chronicle, closed, opened)) == [("link-closed", None), ("link-opened", None)]


def test_what_is_too_old_is_no_cause() -> None:
    """A mastership that moves long after a link closed has a reason of its own."""
    chronicle = begun()
    numbered(chronicle, chronicle.turned(NOW, LINK, Closed("silent")))

    assert numbered(chronicle, vid(), now=NOW + chronicle.fresh)[0].cause == 2
    chronicle = begun()
    numbered(chronicle, chronicle.turned(NOW, LINK, Closed("silent")))
    assert numbered(chronicle, vid(), now=NOW + chronicle.fresh + 1)[0].cause is None


def test_what_a_peer_says_is_news_once() -> None:
    """Only another state counts, and a closed link makes every word new."""
    chronicle = begun()
    word = GroupWord(1, GroupState.MASTER, 200, 1)
    first = chronicle.peer("l1", [word, GroupWord(2, GroupState.UNKNOWN, 0, 0)])

    assert [record.text for record in first] == ["master at the far end of l1"]
    assert chronicle.peer("l1", [word]) == []
    chronicle.peer("l2", [word])
    (changed,) = chronicle.peer("l1", [GroupWord(1, GroupState.BACKUP, 100, 2)])
    assert changed.text == "backup at the far end of l1, was master"
    chronicle.turned(NOW, LINK, Closed("silent"))
    assert len(chronicle.peer("l1", [GroupWord(1, GroupState.BACKUP, 100, 2)])) == 1
    assert chronicle.peer("l2", [word]) == []


def test_what_one_peer_says_of_several_vids_is_one_thing() -> None:
    """The second VID's word follows from the first one's, if it comes together with it."""
    chronicle = begun()
    words = [GroupWord(1, GroupState.MASTER, 200, 1), GroupWord(2, GroupState.MASTER, 200, 1)]

    assert causes(numbered(chronicle, *chronicle.peer("l1", words))) == [("peer", None), ("peer", 2)]
    later = chronicle.peer("l1", [GroupWord(1, GroupState.BACKUP, 2, 2)])
    assert numbered(chronicle, *later, now=NOW + TOGETHER + 1)[0].cause is None


def test_what_is_heard_on_the_lan() -> None:
    """A Master that appears, resigns, goes on without a link, falls silent; everything else is no news."""
    other = IPv4Address("192.0.2.3")
    texts = []
    for before, after in (
        (None, heard(150)),
        (heard(150), heard(160)),
        (heard(150), heard(0)),
        (heard(0), heard(0)),
        (None, heard(0)),
        (heard(0), heard(150)),
        (heard(150), heard(1)),
        (heard(1), heard(1)),
        (heard(150), heard(200, source=other)),
        (heard(150), None),
        (heard(0), None),
        (None, None),
    ):
        chronicle = begun()
        chronicle.heard(GroupId(1), before)
        texts.append([record.text for record in chronicle.heard(GroupId(1), after)])

    assert texts == [
        ["192.0.2.2 is Master (priority 150)"],
        [],
        ["192.0.2.2 resigned"],
        [],
        [],
        ["192.0.2.2 is Master (priority 150)"],
        ["192.0.2.2 is Master without a link"],
        [],
        ["192.0.2.3 is Master (priority 200)"],
        ["192.0.2.2 fell silent for 799.2 ms"],
        [],
        [],
    ]
    chronicle.heard(GroupId(1), heard(150))
    assert chronicle.heard(GroupId(1), None, is_master=True) == []


def test_a_resignation_of_several_vids_is_one_thing() -> None:
    """The adverts of one gateway that leaves belong together, and what follows hangs below."""
    chronicle = begun()
    for number in (1, 2):
        chronicle.heard(GroupId(number), heard(150))
    first = numbered(chronicle, *chronicle.heard(GroupId(1), heard(0)))
    second = numbered(chronicle, *chronicle.heard(GroupId(2), heard(0)), now=NOW + 3 * MILLISECOND)
    taken = numbered(chronicle, vid(text="master: 192.0.2.2 left"), now=NOW + SECOND)

    assert (first[0].cause, second[0].cause, taken[0].cause) == (None, 2, 2)


def test_what_the_kernel_is_told_follows_from_what_its_vid_became() -> None:
    """Whatever stands between the two; the effects keep their order."""
    chronicle = begun()
    add = AddAddresses("eth0", HERE)
    kernel = Record("kernel", "VID 1", "192.0.2.251/24 installed on eth0", (("vid", 1), ("device", "eth0")))
    told = chronicle.complete(NOW, [add, kernel, vid()])

    assert [type(effect) for effect in told] == [AddAddresses, Record, Record]
    assert [(record.number, record.cause) for record in of_type(told, Record)] == [(3, 2), (2, None)]


def test_the_families_of_one_vid_are_two_groups() -> None:
    """What is heard of one is no cause of what becomes of the other."""
    chronicle = begun()
    numbered(chronicle, *chronicle.heard(GroupId(1), heard(150)))
    gone = numbered(chronicle, *chronicle.heard(GroupId(1, Family.IPV6), heard(150, source=IPv6Address("fe80::2"))))
    six = Record("vid", "VID 1/ipv6", "backup: fe80::2 is Master", named(GroupId(1, Family.IPV6)))

    assert gone[0].fields[:2] == (("vid", 1), ("family", 6))
    assert (gone[0].cause, numbered(chronicle, six)[0].cause) == (None, gone[0].number)


def test_a_lan_device_that_cannot_serve() -> None:
    """Its fault is a root; a link's device is told of by its link, and a device before the start by nobody."""
    chronicle = Chronicle(GROUPS)
    assert chronicle.device("eth0", "eth0 has no carrier") == []
    chronicle.started("b1", resumed=True)
    assert chronicle.device("eth0", "eth0 has no carrier") == []
    (mended,) = chronicle.device("eth0", None)
    assert mended.text == "serves again, after: eth0 has no carrier"
    assert chronicle.device("eth1", "eth1 has no carrier") == []
    (fault,) = chronicle.device("eth0", "eth0 hears nobody")
    told = numbered(chronicle, fault, vid(text="fault: eth0 hears nobody"))
    assert causes(told) == [("device", None), ("vid", 1)]


def test_an_application_follows_the_verdict_on_the_vid_that_it_left() -> None:
    """Its move hangs below; the same place again is no news."""
    chronicle = begun()
    assert [r.text for r in chronicle.steers("web", 1, "as wished")] == ["to VID 1: as wished"]
    assert chronicle.steers("web", 1, "another reason") == []
    numbered(chronicle, Record("verdict", "VID 1", "does not work", (("vid", 1),)))
    moved = numbered(chronicle, *chronicle.steers("web", 2, "VID 1: no Master"), now=NOW + SECOND)

    assert (moved[0].text, moved[0].cause) == ("to VID 2 from VID 1: VID 1: no Master", 2)
    assert [r.text for r in chronicle.steers("web", None, "lost")] == ["to nowhere from VID 2: lost"]
    assert chronicle.steers("mail", None, "waits") == []


def test_an_application_follows_the_service_level_that_its_vid_breaks() -> None:
    """And that follows from the Master that was heard last, if one was lately."""
    chronicle = begun()
    chronicle.steers("web", 1, "as wished")
    numbered(chronicle, vid(text="master: claimed"))
    (broken,) = numbered(chronicle, Record("service-level", "VID 1", "breaks sla=rtt<80ms: rtt 1 s", (("vid", 1),)))
    (moved,) = numbered(chronicle, *chronicle.steers("web", 2, "VID 1: breaks its sla"), now=NOW + SECOND)

    assert (broken.cause, moved.cause) == (2, 3)


def test_after_a_takeover_the_first_word_of_an_application_is_no_move() -> None:
    """A predecessor knew where it goes."""
    chronicle = Chronicle(GROUPS)
    chronicle.started("b1", resumed=True)

    assert chronicle.steers("web", 1, "as wished") == []
    assert len(chronicle.steers("web", 2, "moved")) == 1


def test_what_somebody_orders_is_a_root_of_masterships() -> None:
    """A kind that the chronicle does not know is something done to the whole gateway."""
    chronicle = begun()

    assert causes(numbered(chronicle, vid(), Record("drained", "l1", "by anna"))) == [("vid", 2), ("drained", None)]


def test_what_knows_no_group_has_no_cause() -> None:
    """A verdict on a VID that is only observed follows from no link; one without configuration from nothing."""
    chronicle = begun()
    numbered(chronicle, chronicle.turned(NOW, LINK, Closed("silent")))
    verdicts = [Record("verdict", f"VID {number}", "does not work", (("vid", number),)) for number in (2, 9)]

    assert causes(numbered(chronicle, *verdicts)) == [("verdict", None), ("verdict", None)]
    assert numbered(chronicle, Record("alarm", "l1", "miswired", (("link", "l1"),)))[0].cause is None


def test_before_the_start_nothing_is_heard() -> None:
    """The first devices and adverts of a new agent are no news."""
    assert Chronicle(GROUPS).heard(GroupId(1), heard(150)) == []


def test_an_agents_start_and_end() -> None:
    """Everything that a start brings hangs below it, and so does what an orderly end closes."""
    bench = Bench(STOP)
    bench.carrier(LAN_DEVICE)
    bench.carrier(LINK_DEVICE)
    started = of_type(bench.do(Started()), Record)
    assert started[0].kind == "started"
    assert {record.cause for record in started if record.kind == "vid"} == {1}
    moved = of_type(bench.do(ApplicationSteers("web", 1, 1, "as wished")), Record)
    assert [record.kind for record in moved] == ["application"]
    deaf = of_type(bench.do(LegHeard(LAN_DEVICE, alive=False)), Record)
    assert deaf[0].kind == "device"
    dark = of_type(bench.do(DeviceChanged(LAN_DEVICE, carrier=False, primary=lan_address(NEAR, 1))), Record)
    assert dark[0].text == f"{LAN_DEVICE} has no carrier"
    bench.now += 60 * SECOND
    left = of_type(bench.do(Leave()), Record)
    assert left[0].kind == "leaving"
    assert {record.cause for record in left[1:]} <= {record.number for record in left}


def test_a_failover_is_one_chain_at_each_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the cut of a link to the last move, every record leads back to what that gateway measured first."""
    world = healthy(Shape(), 1)
    told: dict[str, list[Record]] = {}
    perform = world.perform

    def listen(node: Node, effect: Effect) -> None:
        if isinstance(effect, Record):
            told.setdefault(node.name, []).append(effect)
        perform(node, effect)

    monkeypatch.setattr(world, "perform", listen)
    world.begin(Cut("l1"))
    world.run(5000)

    roots = {name: {record.kind for record in records if record.cause is None} for name, records in told.items()}
    assert roots["b1"] == roots["f1"] == {"link-closed"}
    assert roots["b2"] <= {"heard", "peer"}
    assert roots["f2"] <= {"heard", "peer"}
    for records in told.values():
        assert [record for record in records if record.cause is not None and record.cause >= record.number] == []

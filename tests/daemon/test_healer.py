"""When what others took away is put back, and the one event that tells of it."""

from collections.abc import Mapping
from typing import cast

import pytest

from linkbalancer.clock import MILLISECOND, SECOND, Instant
from linkbalancer.daemon.healer import AGAIN, UNSETTLED_MAX, Healer
from linkbalancer.daemon.journal import Journal
from linkbalancer.daemon.loop import Loop
from linkbalancer.engine.contention import BREATH, CALM, FREE, PACE
from linkbalancer.host.culprit import Culprit
from linkbalancer.host.strangers import Removed, Shadowed, Stirred

NETWORKD = Culprit(312, "systemd-network")
RULE = Removed("rule", "priority 21", NETWORKD)
START = 100 * SECOND


class Teller:
    """A journal that only keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, Mapping[str, str | int]]] = []

    def tell_stranger(self, text: str, fields: Mapping[str, str | int]) -> None:
        """Keep it."""
        self.told.append(("stranger", text, fields))

    def tell_put_back(self, text: str, fields: Mapping[str, str | int], *, dropped: bool) -> None:
        """Keep it."""
        self.told.append(("dropped" if dropped else "put-back", text, fields))

    def tell_alarm(self, text: str, fields: Mapping[str, str | int]) -> None:
        """Keep it."""
        self.told.append(("alarm", text, fields))

    def tell_calm(self, text: str) -> None:
        """Keep it."""
        self.told.append(("calm", text, {}))


class Bench:
    """A healer, what it told, and when it wants everything compared."""

    def __init__(self) -> None:
        self.teller, self.due = Teller(), list[Instant]()
        self.loop = Loop(lambda: START)
        self.healer = Healer(self.loop, cast("Journal", self.teller), self.due.append)

    def mended(self, now: Instant, *found: tuple[str, str]) -> list[tuple[str, str, Mapping[str, str | int]]]:
        """Have a comparison find these missing; return what is told of it."""
        before = len(self.teller.told)
        for kind, what in found:
            self.healer.put_back(kind, what)
        self.healer.conclude(now, settled=not found)
        return self.teller.told[before:]


@pytest.fixture
def bench() -> Bench:
    """Return one."""
    return Bench()


def test_one_event_says_what_when_and_who(bench: Bench) -> None:
    """It is looked for at once; what is found is told with it, however much that is."""
    bench.healer.notice(START, RULE)
    assert bench.due == [START]
    ((kind, text, fields),) = bench.mended(START + 2 * MILLISECOND, ("rule", "the routing rule of priority 21"))
    assert kind == "stranger"
    assert text == (
        "systemd-network (pid 312) removed the rule priority 21; "
        "put back: the routing rule of priority 21 (back after 2 ms)"
    )
    assert fields == {"things": 1, "kinds": "rule", "after_us": 2000, "who": "systemd-network", "pid": 312}
    assert bench.mended(START + SECOND) == []
    described = bench.healer.describe()
    assert described == {"firewall": None, "put_back": 1, "put_back_by_kind": {"rule": 1}, "fights": []}


def test_many_things_at_once_are_one_event(bench: Bench) -> None:
    """Four are named, the others counted."""
    for number in range(6):
        bench.healer.notice(START, Removed("rule", f"priority {number}", NETWORKD))
    found = [("rule", f"rule {number}") for number in range(6)]
    ((_kind, text, fields),) = bench.mended(START, *found)
    assert "priority 3 and 2 more; put back: rule 0, rule 1, rule 2, rule 3 and 2 more" in text
    assert fields["things"] == 6


def test_what_was_changed_without_a_name_is_told_by_its_kind(bench: Bench) -> None:
    """The kernel says that a table was touched, and by whom; what of it, the comparison finds."""
    bench.healer.notice(START, Stirred("route", NETWORKD))
    ((kind, text, _fields),) = bench.mended(START, ("route", "next hop of VID 1"), ("nftables", "the table"))
    assert kind == "stranger"
    assert text.startswith("systemd-network (pid 312) changed our nftables table and routes; put back: next hop")


def test_two_at_once_are_both_named(bench: Bench) -> None:
    """Whoever of them did what: they were mended together."""
    bench.healer.notice(START, RULE)
    bench.healer.notice(START, Stirred("nftables", Culprit(7, "nft")))
    ((_kind, text, fields),) = bench.mended(START, ("rule", "the routing rule"), ("nftables", "the table"))
    assert text.startswith("systemd-network (pid 312), nft (pid 7) removed the rule priority 21; put back")
    assert fields["pid"] == 312


def test_what_nobody_did_is_no_strangers_deed(bench: Bench) -> None:
    """What the kernel dropped with a device follows from that; a switch is told by itself."""
    bench.healer.stir(START, "eth1")
    assert bench.due == [START]
    assert bench.mended(START, ("route", "next hop of VID 1"))[0][:2] == ("dropped", "put back: next hop of VID 1")
    bench.healer.notice(START, Stirred("switch"))
    told = bench.mended(START + MILLISECOND, ("switch", "set net/x: 1 -> 0"))
    assert told[0][:2] == ("put-back", "put back: set net/x: 1 -> 0 (back after 1 ms)")


def test_a_deed_that_is_not_mended_yet_is_remembered(bench: Bench) -> None:
    """What the kernel refused, or an errand still loads, is told when it is back; what was not missing, never."""
    bench.healer.notice(START, RULE)
    bench.healer.conclude(START, settled=False)
    assert bench.mended(START + SECOND, ("rule", "x"))[0][1].endswith("put back: x (back after 1 s)")
    bench.healer.notice(START, RULE)
    assert bench.mended(START) == []
    assert bench.mended(START + SECOND, ("rule", "x"))[0][:2] == ("put-back", "put back: x")


def test_a_storm_is_bounded(bench: Bench) -> None:
    """However much is taken away, so much is remembered; the next look is a breath after the last."""
    bench.healer.conclude(START, settled=True)
    for number in range(UNSETTLED_MAX + 50):
        bench.healer.notice(START, Removed("route", f"to 10.0.0.{number}", NETWORKD))
    assert set(bench.due) == {START + BREATH}
    assert len(bench.healer._noticed) == UNSETTLED_MAX


def test_a_fight_is_told_once_and_when_it_is_over(bench: Bench) -> None:
    """With who, in an alarm and for the status; put back at a pace; over after a minute of calm."""
    now = START
    for _ in range(FREE + 3):
        bench.healer.notice(now, RULE)
        bench.mended(now, ("rule", "the routing rule of priority 21"))
        now += 100 * MILLISECOND
    alarms = [text for kind, text, _fields in bench.teller.told if kind == "alarm"]
    assert len(alarms) == 1
    assert alarms[0].startswith("systemd-network (pid 312) takes away the rule priority 21 again and again (6 times")
    assert bench.due[FREE] == START + FREE * 100 * MILLISECOND + PACE
    assert len(bench.healer.sentences()) == 1
    (calm,) = bench.mended(now + CALM)
    assert calm == ("calm", "nobody takes away the rule priority 21 any more", {})
    assert bench.healer.sentences() == []


def test_a_fight_over_what_only_the_comparison_finds(bench: Bench) -> None:
    """A switch has no name in any notice: it is known by what was put back, and its kind has the pace then."""
    now = START
    for _ in range(FREE + 1):
        bench.healer.notice(now, Stirred("switch"))
        bench.mended(now, ("switch", "set net/ipv4/ip_forward: 0 -> 1"))
        now += 10 * MILLISECOND
    assert "somebody else takes away set net/ipv4/ip_forward" in bench.healer.sentences()[0]
    bench.healer.notice(now, Stirred("switch"))
    assert bench.due[-1] == now - 10 * MILLISECOND + PACE
    bench.healer.notice(now, Stirred("address"))
    assert bench.due[-1] == now
    bench.mended(now + CALM)
    bench.healer.notice(now + CALM + SECOND, Stirred("switch"))
    assert bench.due[-1] == now + CALM + SECOND


def test_a_link_that_flaps_is_no_fight(bench: Bench) -> None:
    """It is the kernel that takes the routes away."""
    for number in range(20):
        bench.healer.stir(START + number, "eth1")
        bench.mended(START + number, ("route", "next hop of VID 1"))
    assert bench.healer.sentences() == []


def test_what_passes_by_ours_is_told_and_left_alone(bench: Bench) -> None:
    """Once in a while; nothing is compared for it."""
    shadow = Shadowed("rule", "priority 5", NETWORKD)
    for at in (START, START + SECOND, START + AGAIN):
        bench.healer.notice(at, shadow)
    texts = [text for _kind, text, _fields in bench.teller.told]
    assert len(texts) == 2
    assert texts[0].startswith(
        "systemd-network (pid 312) put the rule priority 5 before ours: what it takes never meets"
    )
    bench.healer.notice(START, Shadowed("route", "to 10.0.0.0 in table 20001", NETWORKD))
    assert "into a table of ours" in bench.teller.told[-1][1]
    assert bench.due == []


def test_what_was_counted_is_handed_on(bench: Bench) -> None:
    """A successor goes on counting; one of an older version had no kinds."""
    bench.mended(START, ("rule", "x"), ("switch", "y"))
    heir = Bench()
    heir.healer.inherit(bench.healer.describe())
    heir.mended(START, ("rule", "x"))
    assert heir.healer.describe()["put_back_by_kind"] == {"rule": 2, "switch": 1}
    heir.healer.inherit({"put_back": 7})
    assert heir.healer.describe()["put_back"] == 3

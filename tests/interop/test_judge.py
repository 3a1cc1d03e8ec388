"""The judge of interoperability says no to what must not be, and nothing to what VRRP allows."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface
from typing import Any

import pytest

from linkbalancer.clock import MILLISECOND, Instant
from linkbalancer.links import Family
from tests.interop.cases import Case, Cast, Event, Maker
from tests.interop.judge import Absence, Evidence, Phase, Span, faults, spans
from tests.interop.lan import VIRTUAL
from tests.interop.scenario import Deed, Step, down, skew, steps
from tests.interop.watch import Frame, Held, Record
from tests.interop.wire import IPV4, Advert, Answer

MACS = {"ours": bytes([2, 0, 0, 0, 0, 1]), "theirs": bytes([2, 0, 0, 0, 0, 2])}
SOURCES = {"ours": "192.0.2.1", "theirs": "192.0.2.2"}
VIRTUAL_MAC = bytes.fromhex("00005e000133")
ASKED = ip_interface(VIRTUAL[4][-1]).ip
CASE = Case(
    event=Event.LEAVE,
    version=3,
    family=Family.IPV4,
    first=Maker.OURS,
    cast=Cast.MULTICAST,
    our_mac=False,
    their_mac=False,
    interval_ms=100,
    password=False,
)
STOP = Step(deed=Deed.STOP, who=Maker.OURS, masters=frozenset({Maker.THEIRS}), by=0, gap=0)


def ms(number: float) -> Instant:
    """Return milliseconds as an instant."""
    return round(number * MILLISECOND)


def advert(at: float, leg: str, priority: int = 100) -> Advert:
    """Return a good advert."""
    return Advert(
        at=ms(at),
        leg=leg,
        mac=MACS[leg],
        source=ip_address(SOURCES[leg]),
        destination=ip_address("224.0.0.18"),
        ttl=255,
        version=3,
        vid=51,
        priority=priority,
        interval=CASE.interval,
        addresses=tuple(ip_interface(one).ip for one in VIRTUAL[4]),
        forms=frozenset({"pseudo"}),
    )


def evidence(*, gives: float = 1061, takes: float = 1060, **changes: Any) -> Evidence:
    """Return a good change: ours leaves at 1000 ms, theirs takes over at 1060, ours lets go at 1061; over at 2000."""
    record = Record(
        adverts=[advert(at, "ours") for at in range(0, 1000, 100)]
        + [advert(at, "theirs") for at in range(1060, 2000, 100)],
        answers=[Answer(ms(at), "theirs", ASKED, at) for at in range(1100, 2000, 25)],
        held=[
            Held(0, "ours", ASKED, present=True),
            Held(ms(takes), "theirs", ASKED, present=True),
            Held(ms(gives), "ours", ASKED, present=False),
        ],
    )
    record.held.sort(key=lambda one: one.at)
    good = Evidence(
        case=CASE,
        record=record,
        phases=[Phase(STOP, ms(1000), ms(1100), ms(2000))],
        absences=[],
        virtual=VIRTUAL[4],
        sources=SOURCES,
        macs=MACS,
        virtual_mac=VIRTUAL_MAC,
        password=b"",
    )
    return replace(good, **changes)


def test_what_is_allowed_is_not_blamed() -> None:
    """A handover as it should be has no fault."""
    assert faults(evidence()) == []


def test_nobody_there_is_a_fault() -> None:
    """An address without a holder for longer than the step allows is found; what the machine stalled is forgiven."""
    found = evidence(gives=1000, takes=1061)
    assert faults(found) == ["stop ours: nobody held the virtual IP for 61 ms, allowed are 0 ms"]
    found.record.stalls.append((ms(1050), ms(10)))
    assert faults(found) == []


def test_who_is_dead_holds_nothing() -> None:
    """What the kernel of a dead gateway still has counts for nothing, and so does an overlap with it."""
    found = evidence(gives=1990, takes=1061, absences=[Absence("ours", ms(1000), ms(1995))])
    assert faults(found) == ["stop ours: nobody held the virtual IP for 61 ms, allowed are 0 ms"]


def test_two_there_is_a_fault() -> None:
    """Two holders for longer than a touch are found."""
    found = evidence(gives=1095 + 100, takes=1060)
    assert faults(found) == [
        "stop ours: ours and theirs held the virtual IP 0 ms after it had settled",
    ]
    early = evidence(takes=990, gives=1111, phases=[Phase(STOP, ms(1000), ms(1111), ms(2000))])
    assert faults(early) == ["stop ours: both held the virtual IP for 111 ms, allowed are 50 ms"]


def test_not_settled_is_a_fault() -> None:
    """A step that led nowhere is found, with what was missing."""
    found = evidence(phases=[Phase(STOP, ms(1000), None, ms(2000), "adverts")])
    assert faults(found) == ["stop ours: did not settle: adverts"]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (advert(1500, "ours"), "ours advertises, and is not Master"),
        (Answer(ms(1500), "ours", ASKED, 1), "ours answers for the virtual IP, and is not Master"),
        (Held(ms(1500), "theirs", ASKED, present=False), "nobody held the virtual IP 400 ms after it had settled"),
    ],
)
def test_after_settling_nothing_changes(what: Advert | Answer | Held, words: str) -> None:
    """Adverts and answers of the other, and a change of holder, are found."""
    found = evidence()
    lists: dict[type, list[Any]] = {
        Advert: found.record.adverts,
        Answer: found.record.answers,
        Held: found.record.held,
    }
    lists[type(what)].append(what)
    assert faults(found) == [f"stop ours: {words}"]


def test_silence_is_a_fault() -> None:
    """A Master that leaves out adverts is found."""
    found = evidence()
    found.record.adverts[:] = [one for one in found.record.adverts if one.at not in {ms(1560), ms(1660)}]
    assert faults(found) == ["stop ours: theirs was silent for 300 ms"]


def test_flapping_is_a_fault() -> None:
    """Who takes the address twice in one step is found, however short it was."""
    found = evidence()
    found.record.held.insert(1, Held(ms(1010), "theirs", ASKED, present=True))
    found.record.held.insert(2, Held(ms(1011), "theirs", ASKED, present=True))
    assert faults(found) == []
    found.record.held.insert(2, Held(ms(1011), "theirs", ASKED, present=False))
    found.record.held.remove(Held(ms(1011), "theirs", ASKED, present=True))
    assert faults(found) == ["stop ours: theirs took the virtual IP 2 times"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("ttl", 64, "ours sends adverts whose ttl is 64, not 255"),
        ("version", 2, "ours sends adverts whose version is 2, not 3"),
        ("source", ip_address("192.0.2.251"), "ours sends adverts whose source is 192.0.2.251, not 192.0.2.1"),
        ("password", b"s3cret", "ours sends adverts whose password is b's3cret', not b''"),
        ("forms", frozenset(), "ours sends adverts whose checksum is wrong"),
    ],
)
def test_wrong_adverts_are_faults(field: str, value: object, words: str) -> None:
    """A field that is not as it must be is found, and said once however often it occurs."""
    found = evidence()
    wrong = [replace(one, **{field: value}) if one.leg == "ours" else one for one in found.record.adverts]  # type: ignore[arg-type]
    found.record.adverts[:] = wrong
    assert faults(found) == [words]


def test_virtual_mac_of_a_backup_is_a_fault() -> None:
    """A frame from the virtual MAC, when ours has let go of the address, is found; while it is Master it is not."""
    found = evidence()
    found.record.frames += [Frame(ms(500), "ours", VIRTUAL_MAC, IPV4), Frame(ms(1500), "theirs", VIRTUAL_MAC, IPV4)]
    assert faults(found) == []
    found.record.frames.append(Frame(ms(1500), "ours", VIRTUAL_MAC, 0x86DD))
    assert faults(found) == ["ours sends frames of type 86dd from the virtual MAC while it is not Master"]


def test_spans() -> None:
    """Holders are those who have the address and are there."""
    held = [Held(1, "ours", ASKED, present=True), Held(5, "theirs", ASKED, present=True)]
    assert spans(held, [Absence("ours", 3, 7)], 9) == [
        Span(1, 3, frozenset({"ours"})),
        Span(3, 5, frozenset()),
        Span(5, 7, frozenset({"theirs"})),
        Span(7, 9, frozenset({"ours", "theirs"})),
    ]


def test_bounds_are_the_protocols() -> None:
    """Times are those of the fact sheet, 5.1: version 2 skews by the second, version 3 by the interval."""
    old = replace(CASE, version=2, interval_ms=1000)
    assert (skew(old, 100), down(old, 100)) == (609_375_000, 3_609_375_000)
    assert (skew(CASE, 100), down(CASE, 100)) == (60_937_500, 360_937_500)


@pytest.mark.parametrize("event", Event)
def test_every_story_begins_with_one_master(event: Event) -> None:
    """Whatever happens, first the first gateway is Master, and every deed has a Master after it."""
    first, *rest = steps(replace(CASE, event=event))
    assert (first.deed, first.masters) == (Deed.START, frozenset({Maker.OURS}))
    assert all(step.masters for step in rest)
    assert len(rest) >= 2

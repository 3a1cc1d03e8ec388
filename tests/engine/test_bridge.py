"""Tests of what a Keepalived's lines add up to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.engine.bridge import FAULT_NUMBER, GONE_AFTER, Bridge, Closed, Line, Opened, Tick, Word, number_for
from linkbalancer.links import Family, GroupId, GroupState

ONE, SIX = GroupId(1), GroupId(1, Family.IPV6)


def bridge() -> Bridge:
    """Return a bridge to two instances."""
    return Bridge({"VI_1": ONE, "VI_6": SIX})


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("MASTER", GroupState.MASTER),
        ("BACKUP", GroupState.BACKUP),
        ("FAULT", GroupState.FAULT),
        ("STOP", GroupState.STOPPED),
        ("DELETED", GroupState.STOPPED),
    ],
)
def test_a_line_is_a_state(word: str, state: GroupState) -> None:
    """Of the instance that it names."""
    machine = bridge()

    assert [ONE] == machine.handle(0, Line(f'INSTANCE "VI_1" {word} 120'))
    assert {ONE: Word(state, 120)} == machine.words
    assert [] == machine.handle(1, Line(f'INSTANCE "VI_1" {word} 120'))


def test_a_priority_is_no_state() -> None:
    """A Master that is reloaded says BACKUP_PRIORITY (2.2.7): only the number is believed."""
    machine = bridge()

    assert [] == machine.handle(0, Line('INSTANCE "VI_1" MASTER_PRIORITY 120'))
    machine.handle(0, Line('INSTANCE "VI_1" MASTER 120'))
    assert [ONE] == machine.handle(1, Line('INSTANCE "VI_1" BACKUP_PRIORITY 130'))
    assert Word(GroupState.MASTER, 130) == machine.words[ONE]


@pytest.mark.parametrize(
    "line", ["", "INSTANCE", 'GROUP "VI_1" MASTER 0', 'INSTANCE "other" MASTER 1', 'INSTANCE "VI_1" MASTER many']
)
def test_other_lines_are_counted(line: str) -> None:
    """Somebody else's instances, sync groups, and nonsense."""
    machine = bridge()

    assert ([], 1) == (machine.handle(0, Line(line)), machine.ignored)


def test_a_state_without_meaning_changes_nothing() -> None:
    """MASTER_RX_LOWER_PRI says that it stays what it is."""
    machine = bridge()
    machine.handle(0, Line('INSTANCE "VI_1" MASTER 120'))

    assert [] == machine.handle(1, Line('INSTANCE "VI_1" MASTER_RX_LOWER_PRI 120'))


def test_the_virtual_ips_tell_of_who_says_nothing() -> None:
    """A Keepalived that was there before: Master where its addresses are."""
    machine = bridge()

    assert [ONE, SIX] == machine.handle(0, Opened({ONE}))
    assert {ONE: Word(GroupState.MASTER), SIX: Word(GroupState.BACKUP)} == machine.words
    assert machine.is_open


def test_what_was_known_stands_beside_the_addresses() -> None:
    """A fault has no address and no line either: it is remembered."""
    machine = bridge()
    machine.words = {ONE: Word(GroupState.FAULT, 100), SIX: Word(GroupState.MASTER, 90)}
    machine.handle(0, Opened(set()))

    assert {ONE: Word(GroupState.FAULT, 100), SIX: Word(GroupState.BACKUP, 90)} == machine.words


def test_a_line_tells_more_than_an_address() -> None:
    """What waited in the FIFO is newer than what is remembered."""
    machine = bridge()
    machine.handle(0, Line('INSTANCE "VI_1" FAULT 100'))
    machine.handle(0, Opened({ONE, SIX}))

    assert {ONE: Word(GroupState.FAULT, 100), SIX: Word(GroupState.MASTER)} == machine.words


def test_at_the_start_nobody_is_waited_for() -> None:
    """Without Keepalived nothing runs."""
    machine = bridge()

    assert [ONE, SIX] == machine.handle(5, Closed())
    assert {Word(GroupState.STOPPED)} == set(machine.words.values())
    assert ([], None) == (machine.handle(6, Closed()), machine.deadline())


def test_a_keepalived_that_is_gone_is_waited_for_a_while() -> None:
    """It may only be restarted; what it said holds so long."""
    machine = bridge()
    machine.handle(0, Opened({ONE}))

    assert [] == machine.handle(10, Closed())
    assert 10 + GONE_AFTER == machine.deadline()
    assert [] == machine.handle(GONE_AFTER, Tick())
    assert [ONE, SIX] == machine.handle(10 + GONE_AFTER, Tick())
    assert {Word(GroupState.STOPPED)} == set(machine.words.values())
    assert not machine.is_open


def test_one_that_comes_back_in_time_was_never_gone() -> None:
    """Nothing is told, and what it says from then on counts."""
    machine = bridge()
    machine.handle(0, Line('INSTANCE "VI_1" MASTER 120'))
    machine.handle(0, Opened({ONE}))
    machine.handle(10, Closed())

    assert [] == machine.handle(20, Opened(set()))
    assert machine.deadline() is None


@pytest.mark.parametrize(("priority", "base", "number"), [(None, 100, FAULT_NUMBER), (120, 100, 20), (1, 254, -253)])
def test_a_number_makes_a_priority(priority: int | None, base: int, number: int) -> None:
    """Keepalived adds it to its own; less than -253 is a fault."""
    assert number == number_for(priority, base)


@given(st.integers(1, 254), st.integers(1, 254))
def test_no_priority_is_taken_for_a_fault(priority: int, base: int) -> None:
    """Whatever the two are, the number is one that is added."""
    assert -253 <= number_for(priority, base) <= 253


@given(st.lists(st.text(max_size=60), max_size=20))
def test_any_lines_are_survived(lines: list[str]) -> None:
    """Who writes into the FIFO may write anything."""
    machine = bridge()
    for line in lines:
        machine.handle(0, Line(line))

    assert set(machine.words) <= {ONE, SIX}

"""Virtual time."""

import pytest

from linkbalancer.sim.agenda import AT_ONCE_MAX, Agenda, Standstill


def test_entries_happen_in_the_order_of_their_instants_and_then_of_their_arrival() -> None:
    """A heap alone would not keep the order of entries of one instant."""
    agenda, done = Agenda(), ""

    def write(letter: str) -> None:
        nonlocal done
        done += letter

    for delay, letter in ((5, "c"), (0, "a"), (5, "d"), (1, "b")):
        agenda.after(delay, lambda letter=letter: write(letter))  # type: ignore[misc]
    while agenda.step(10):
        pass
    assert (done, agenda.now) == ("abcd", 10)


def test_nothing_later_than_asked_for_happens() -> None:
    """Time stops where it was told to stop."""
    agenda = Agenda()
    agenda.after(7, lambda: None)
    assert not agenda.step(6)
    assert agenda.now == 6
    assert agenda.step(7)


def test_an_instant_that_never_ends_is_found() -> None:
    """A machine that names a deadline and does not meet it would stop time."""
    agenda = Agenda()

    def again() -> None:
        agenda.after(0, again)

    again()
    for _ in range(AT_ONCE_MAX):
        agenda.step(1)
    with pytest.raises(Standstill, match=f"more than {AT_ONCE_MAX} entries"):
        agenda.step(1)

"""Tests of selectors."""

from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.routing.selector import Interval, Ranges, Selector, application_name, difference, intersection, merged

SELECTOR = Selector(
    family=4,
    source=(Interval(1, 9),),
    destination=(Interval(3, 3),),
    dscp=(Interval(46, 46),),
    source_port=(Interval(1024, 65535),),
    destination_port=(Interval(80, 80),),
    protocols=(17, 6),
)


def test_mirroring_swaps_both_ends() -> None:
    """Addresses and ports change places, all else stays; twice is the selector itself."""
    mirrored = SELECTOR.mirrored()

    assert (mirrored.source, mirrored.destination) == (SELECTOR.destination, SELECTOR.source)
    assert (mirrored.source_port, mirrored.destination_port) == (SELECTOR.destination_port, SELECTOR.source_port)
    assert mirrored.mirrored() == SELECTOR


def test_the_canonical_form_names_every_field() -> None:
    """The form is fixed: names of applications and digests depend on it."""
    assert SELECTOR.canonical() == "4 1-9 3 46 1024-65535 80 6,17"
    assert Selector().canonical() == "* * * * * * *"
    listed = Selector(destination_port=(Interval(80, 80), Interval(443, 445)), protocols=(17, 6))
    assert listed.canonical() == "* * * * * 80,443-445 6,17"


def test_an_unnamed_application_is_named_by_what_it_selects() -> None:
    """Equal selectors have one name, whatever the order of their protocols; others have another."""
    same = Selector(
        family=4,
        source=(Interval(1, 9),),
        destination=(Interval(3, 3),),
        dscp=(Interval(46, 46),),
        source_port=(Interval(1024, 65535),),
        destination_port=(Interval(80, 80),),
        protocols=(6, 17),
    )

    assert application_name([same]) == application_name([SELECTOR])
    assert application_name([SELECTOR.mirrored()]) != application_name([SELECTOR])
    assert application_name([SELECTOR, Selector()]) != application_name([SELECTOR])
    assert application_name([Selector()]) == "app-5d41f07abddd"


def test_a_selector_covers_what_it_takes_whole() -> None:
    """Everything covers everything; one field that is narrower, or of another kind, and it does not."""
    everything, tcp, six = Selector(), Selector(protocols=(6,)), Selector(family=6)
    low, all_low = Selector(source_port=(Interval(1, 5),)), Selector(source_port=(Interval(0, 9),))

    assert all(everything.covers(one) for one in (everything, tcp, six, low, SELECTOR))
    assert not any(one.covers(everything) for one in (tcp, six, low, SELECTOR))
    assert SELECTOR.covers(SELECTOR)
    assert all_low.covers(low)
    assert not low.covers(all_low)
    assert not tcp.covers(SELECTOR)
    assert Selector(protocols=(6, 17, 33)).covers(SELECTOR)
    assert not six.covers(SELECTOR)
    assert not Selector(dscp=(Interval(1, 1),)).covers(SELECTOR)


def test_ranges_are_as_few_as_can_be() -> None:
    """Order and repeats do not count; what overlaps or touches is one range, so that equal values are equal."""
    some = [Interval(5, 9), Interval(1, 2), Interval(12, 12), Interval(10, 10), Interval(6, 7)]

    assert merged(some) == merged([*some, *reversed(some)]) == (Interval(1, 2), Interval(5, 10), Interval(12, 12))
    assert merged([]) == ()


def test_a_list_covers_what_lies_in_its_ranges() -> None:
    """Each range of the other must lie in one; the hole between two ranges belongs to nobody."""
    holed = Selector(dscp=(Interval(1, 5), Interval(8, 9)))

    assert holed.covers(Selector(dscp=(Interval(2, 3), Interval(5, 5), Interval(9, 9))))
    assert not holed.covers(Selector(dscp=(Interval(5, 8),)))
    assert Selector(dscp=(Interval(1, 9),)).covers(holed)


_values = st.sets(st.integers(0, 30), max_size=20)


def _ranges(values: set[int]) -> Ranges:
    return merged(Interval(value, value) for value in values)


@given(_values, _values)
def test_ranges_are_sets_of_values(mine: set[int], its: set[int]) -> None:
    """What one has and the other lacks, what both have, and whether a rule of the one covers one of the other."""
    one, other = _ranges(mine), _ranges(its)

    assert difference(one, other) == _ranges(mine - its)
    assert intersection(one, other) == _ranges(mine & its)
    assert Selector(dscp=one).covers(Selector(dscp=other)) is (mine >= its)


def test_an_interval_holds_what_lies_in_it() -> None:
    """Its own ends included."""
    assert Interval(1, 5).holds(Interval(1, 5))
    assert not Interval(1, 5).holds(Interval(5, 6))
    assert not Interval(1, 5).holds(Interval(0, 1))


def test_names_are_what_an_end_is_selected_by() -> None:
    """Whatever addresses they have: the form is fixed by the names, and mirroring takes them along."""
    named = Selector(family=4, source_names=("a.example", "b.example"), source=(), destination=(Interval(3, 3),))

    assert named.canonical() == "4 a.example,b.example 3 * * * *"
    assert named.names == ("a.example", "b.example")
    assert named.mirrored().destination_names == ("a.example", "b.example")
    assert named.mirrored().mirrored() == named


def test_what_covers_names() -> None:
    """The same names or more of them, and everything; never addresses, for names may have others at any time."""
    both = Selector(family=4, destination=(), destination_names=("a.example", "b.example"))
    one = Selector(family=4, destination=(), destination_names=("a.example",))
    known = Selector(family=4, destination=(Interval(1, 9),))

    assert Selector().covers(one)
    assert both.covers(one)
    assert one.covers(one)
    assert not one.covers(both)
    assert not known.covers(one)
    assert not one.covers(known)
    assert not one.covers(Selector(family=4))

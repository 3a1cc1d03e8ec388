"""A selector's lines mean together what it means, whatever ranges it is made of."""

from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.routing.linear import PORTS_MAX, Line, count, lines, prefixes
from linkbalancer.routing.selector import PROTOCOLS_WITH_PORTS, Interval, Ranges, Selector, merged


def ranges(last: int) -> st.SearchStrategy[Ranges]:
    """Draw some values of a field."""
    ends = st.tuples(st.integers(0, last), st.integers(0, last)).map(sorted)
    return st.lists(ends.map(lambda pair: Interval(*pair)), min_size=1, max_size=20).map(merged)


@given(ranges(63), st.integers(0, 63))
def test_prefixes_are_the_same_values(some: Ranges, value: int) -> None:
    """Every value of a range is in one prefix, and no other value in any."""
    found = [one for part in some for one in prefixes(part, 64) if value & one[1] == one[0]]
    assert len(found) == any(part.first <= value <= part.last for part in some)


@given(ranges(65535))
def test_ports_come_in_short_lists(some: Ranges) -> None:
    """None of them longer than a rule of iptables has room for; together they are all of them."""
    made = list(lines(Selector(destination_port=some, protocols=(17,)), 6))
    lists = [line.destination_ports or (Interval(0, 65535),) for line in made]
    assert tuple(one for part in lists for one in part) == some
    assert all(sum(1 if one.first == one.last else 2 for one in part) <= PORTS_MAX for part in lists)
    assert {line.source_ports for line in made} == {None}


def test_each_list_multiplies() -> None:
    """Sources by destinations by protocols; and `count` says so without making them."""
    one, other = Interval(1, 1), Interval(5, 8)
    selector = Selector(family=4, source=(one, other), destination=(one, other), protocols=(6, 17), dscp=(other,))
    made = list(lines(selector, 4))
    assert len(made) == count(selector) == 2 * 2 * 2 * 3
    assert [line.dscp for line in made[::2]][:3] == [(5, 63), (6, 62), (8, 63)]
    assert made[0] == Line(one, one, (5, 63), 6)
    assert list(lines(selector, 6)) == []


def test_a_whole_field_is_no_condition() -> None:
    """Addresses and ports that are everything; a family's own everything."""
    whole = Selector(family=4, source=(Interval(0, 2**32 - 1),), destination_port=(Interval(0, 65535),), protocols=(6,))
    assert list(lines(whole, 4)) == [Line(protocol=6)]
    assert list(lines(Selector(), 6)) == [Line()]


def test_ports_without_a_protocol_are_of_those_that_have_ports() -> None:
    """Of each of them one line."""
    made = list(lines(Selector(source_port=(Interval(53, 53),)), 4))
    assert [line.protocol for line in made] == list(PROTOCOLS_WITH_PORTS)


def test_the_whole_range_of_dscps_is_one_prefix() -> None:
    """With no bit that counts."""
    assert list(prefixes(Interval(0, 63), 64)) == [(0, 0)]

"""Sums of counters that come and go."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import SECOND
from linkbalancer.daemon.tally import NOTHING, Count, Key, Tally

WEB, VOICE = 2, 3
OUT = Key(WEB, 1, "out")
BACK = Key(WEB, 1, "in")
BOTH = frozenset({WEB, VOICE})


def tally() -> Tally:
    """Return one that knows nothing."""
    return Tally("boot", 100)


def totals(one: Tally) -> dict[Key, Count]:
    """Return its sums."""
    return {key: found.total for key, found in one.sums().items()}


def test_it_counts_up() -> None:
    """What came lately is what came since the last reading; only of two readings there is a rate."""
    found = tally()
    assert found.take(0 * SECOND + 1, 7, {OUT: Count(1, 100, 1)}, BOTH)
    assert (found.interval, found.sums()[OUT].lately) == (0, NOTHING)
    assert found.take(2 * SECOND + 1, 7, {OUT: Count(5, 500, 2), BACK: Count(1, 50, 0)}, BOTH)
    assert found.interval == 2 * SECOND
    assert found.sums()[OUT] == (Count(5, 500, 2), Count(4, 400, 1), 2 * SECOND + 1)
    assert not found.take(4 * SECOND + 1, 7, {OUT: Count(5, 500, 2), BACK: Count(1, 50, 0)}, BOTH)
    assert found.sums()[OUT] == (Count(5, 500, 2), NOTHING, 2 * SECOND + 1)
    told = found.describe(5 * SECOND + 1, {WEB: "web"})
    assert told["applications"]["web"][1] == {
        "vid": 1,
        "direction": "out",
        "packets": 5,
        "bytes": 500,
        "flows": 2,
        "packets_per_s": 0.0,
        "bits_per_s": 0.0,
        "idle_ms": 3000,
    }
    assert (told["interval_ms"], told["for_ms"]) == (2000, 4999)


def test_a_rate_is_bits_of_a_second() -> None:
    """And what has no VID says so; a number without a name is nobody's."""
    found = tally()
    for at, packets in ((1, 0), (2, 10)):
        found.take(at * SECOND, 7, {Key(VOICE, 0, "in"): Count(packets, packets * 100, 0)}, BOTH)
    (told,) = found.describe(2 * SECOND, {VOICE: "voice"})["applications"]["voice"]
    assert (told["vid"], told["packets_per_s"], told["bits_per_s"]) == (None, 10.0, 8000.0)
    assert found.describe(2 * SECOND, {})["applications"] == {}


def test_another_table_begins_at_nothing() -> None:
    """Even where it has counted more meanwhile than the former one."""
    found = tally()
    found.take(1, 7, {OUT: Count(5, 500, 2)}, BOTH)
    assert found.take(2, 8, {}, BOTH)
    assert totals(found) == {OUT: Count(5, 500, 2)}
    found.take(3, 9, {OUT: Count(9, 900, 9)}, BOTH)
    assert totals(found) == {OUT: Count(14, 1400, 11)}


def test_what_somebody_sets_back_goes_on() -> None:
    """An element that counts anew; one that is not shown for once is not gone."""
    found = tally()
    found.take(1, 7, {OUT: Count(5, 500, 2)}, BOTH)
    found.take(2, 7, {}, BOTH)
    assert totals(found) == {OUT: Count(5, 500, 2)}
    found.take(3, 7, {OUT: Count(1, 100, 0)}, BOTH)
    assert totals(found) == {OUT: Count(6, 600, 2)}
    found.take(4, 7, {OUT: Count(2, 200, 1)}, BOTH)
    assert totals(found) == {OUT: Count(7, 700, 3)}


def test_what_is_counted_no_more_is_forgotten() -> None:
    """Counted again, it begins at nothing."""
    found = tally()
    found.take(1, 7, {OUT: Count(5, 500, 2)}, BOTH)
    found.take(2, 7, {OUT: Count(5, 500, 2)}, frozenset({VOICE}))
    assert totals(found) == {}
    found.take(3, 7, {OUT: Count(1, 10, 1)}, BOTH)
    assert totals(found) == {OUT: Count(1, 10, 1)}


def test_the_next_process_goes_on() -> None:
    """In the same boot; with another one's file, or one that makes no sense, it begins."""
    found = tally()
    found.take(1, 7, {OUT: Count(5, 500, 2)}, BOTH)
    found.take(2, 8, {OUT: Count(1, 100, 1)}, BOTH)
    text = found.to_json()
    again = Tally.of("boot", 900, text)
    assert totals(again) == totals(found)
    assert (again.since, again.sums()[OUT].moved_at) == (100, 2)
    assert again.take(3, 8, {OUT: Count(2, 200, 1)}, BOTH)
    assert totals(again) == {OUT: Count(7, 700, 3)}
    for other in (Tally.of("another", 900, text), Tally.of("boot", 900, "nonsense"), Tally.of("boot", 900, "{}")):
        assert (other.since, totals(other)) == (900, {})
    assert Tally.of("boot", 900, text.replace('"schema": 1', '"schema": 2')).since == 900


@dataclass
class World:
    """A kernel, in which tables come and go, and what is true."""

    table: int = 1
    held: dict[Key, Count] = field(default_factory=dict)
    seen: dict[Key, Count] = field(default_factory=dict)


@given(st.lists(st.tuples(st.sampled_from(["pass", "read", "flush", "die"]), st.integers(1, 5), st.booleans())))
def test_no_sum_falls_and_none_exceeds_what_passed(steps: list[tuple[str, int, bool]]) -> None:
    """Whatever happens in which order, what was read of tables is what is told: no more, and never less than before."""
    world, found, told, passed = World(), tally(), dict[Key, Count](), dict[Key, Count]()
    for now, (what, many, out) in enumerate(steps, 1):
        key, more = OUT if out else BACK, Count(many, many * 100, 1)
        if what == "pass":
            world.held[key] = world.held.get(key, NOTHING).plus(more)
            passed[key] = passed.get(key, NOTHING).plus(more)
        elif what == "flush":
            world.table, world.held = world.table + 1, {}
        elif what == "die":
            found = Tally.of("boot", now, found.to_json())
        else:
            last = dict(world.held)
            found.take(now, world.table, last, BOTH)
        sums = totals(found)
        assert all(count.since(told.get(one, NOTHING)) >= NOTHING for one, count in sums.items())
        assert told.keys() <= sums.keys()
        assert all(min(passed[one].since(count)) >= 0 for one, count in sums.items())
        told = sums

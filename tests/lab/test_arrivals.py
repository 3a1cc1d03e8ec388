"""The figures of a flow from what a host wrote down."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, Instant
from linkbalancer.lab.arrivals import (
    RECORD,
    Figures,
    Kind,
    Notes,
    Record,
    Schedule,
    Span,
    Trace,
    figures,
)

START: Instant = 1_000 * MILLISECOND
EVERY_5_MS = Schedule(START, 5 * MILLISECOND)
TRAVEL = MILLISECOND // 10


def at(number: int) -> Instant:
    """When a number arrives that nothing delays."""
    return START + number * 5 * MILLISECOND + TRAVEL


def trace(numbers: list[int]) -> Trace:
    """A flow of which these numbers arrived, each on time."""
    made = Trace()
    for number in numbers:
        made.add(Record(Kind.ARRIVAL, 2, 0, number, at(number)))
    return made


def span(first: int, end: int) -> Span:
    """From the sending of one number until just before another's."""
    return Span(START + first * 5 * MILLISECOND, START + end * 5 * MILLISECOND)


def test_a_calm_flow_has_no_outage() -> None:
    """Every number that is due in the span is sent, none is lost, and the gap is one interval."""
    assert figures(trace(list(range(100))), span(10, 50), EVERY_5_MS) == Figures(
        40, 0, 0, 0, 0, 0, 0, 0, silence=5 * MILLISECOND - TRAVEL
    )


def test_an_outage_is_the_gap_less_the_interval() -> None:
    """Twenty numbers that never arrived are twenty lost, and 100 ms without the flow."""
    found = figures(trace([*range(20), *range(40, 100)]), span(10, 60), EVERY_5_MS)

    assert found.lost == 20
    assert found.outage == 100 * MILLISECOND


def test_a_number_that_comes_late_is_not_lost() -> None:
    """TCP delivers after an outage: a gap, and nothing lost."""
    late = trace(list(range(20)))
    for number in range(20, 100):
        late.add(Record(Kind.ARRIVAL, 2, 0, number, max(at(number), at(40))))
    found = figures(late, span(10, 60), EVERY_5_MS)

    assert found.lost == 0
    assert found.outage == at(40) - at(19) - EVERY_5_MS.interval


def test_a_flow_that_stays_silent_counts_to_the_end_of_its_span() -> None:
    """Nothing after the 20th number: the outage is what is left of the span."""
    found = figures(trace(list(range(20))), span(10, 60), EVERY_5_MS)

    assert found.lost == 40
    assert found.outage == span(10, 60).end - at(19) - EVERY_5_MS.interval
    assert found.silence == span(10, 60).end - at(19)
    assert figures(trace([]), span(10, 60), EVERY_5_MS).silence == 250 * MILLISECOND


def test_silence_from_before_the_span_counts_from_its_start() -> None:
    """What was lost in the fault is not lost again in its healing."""
    found = figures(trace([*range(20), *range(60, 100)]), span(50, 90), EVERY_5_MS)

    assert found.lost == 10
    assert found.outage == at(60) - (span(50, 90).start - EVERY_5_MS.interval) - EVERY_5_MS.interval


def test_overtaken_numbers_are_reordered() -> None:
    """A number that arrives after a later one is reordered, in the span of its arrival."""
    shuffled = Trace()
    for place, number in enumerate([0, 1, 3, 2, 4, 7, 5, 6, 8]):
        shuffled.add(Record(Kind.ARRIVAL, 2, 0, number, at(place)))

    assert figures(shuffled, span(0, 9), EVERY_5_MS).reordered == 3
    assert figures(shuffled, span(0, 5), EVERY_5_MS).reordered == 1


def test_what_goes_wrong_is_counted_in_its_span() -> None:
    """Redirects, loops (packets over too many gateways, or dead of age) and broken connections."""
    made = trace(list(range(50)))
    for kind in (Kind.REDIRECT, Kind.LOOP, Kind.BROKEN, Kind.CONNECTED, Kind.UNREACHABLE):
        made.add(Record(kind, 0, 0, 0, at(30)))
    made.add(Record(Kind.ARRIVAL, 5, 0, 50, at(31)))
    found = figures(made, span(20, 40), EVERY_5_MS)

    assert (found.redirects, found.loops, found.breaks, found.refusals) == (1, 2, 1, 1)
    assert figures(made, span(0, 20), EVERY_5_MS).loops == 0


def test_each_record_is_read_once_when_it_is_whole(tmp_path: Path) -> None:
    """What is still being written is left for the next reading."""
    first = RECORD.pack(Kind.ARRIVAL, 3, 7, 41, 5)
    second = RECORD.pack(Kind.REDIRECT, 0, 2, 0, 6)
    file = tmp_path / "arrivals"
    notes = Notes(file)

    file.write_bytes(first + second[:5])
    assert list(notes.read()) == [Record(Kind.ARRIVAL, 3, 7, 41, 5)]
    file.write_bytes(first + second)
    assert list(notes.read()) == [Record(Kind.REDIRECT, 0, 2, 0, 6)]
    assert list(notes.read()) == []


def test_arrivals_are_kept_in_order_of_time() -> None:
    """One that was stamped a little before the one written down before it takes its place."""
    made = Trace()
    for number, instant in ((0, 10), (1, 30), (2, 29), (3, 40)):
        made.add(Record(Kind.ARRIVAL, 2, 0, number, instant))

    assert (made.instants, made.numbers) == ([10, 29, 30, 40], [0, 2, 1, 3])
    assert made.within(Span(10, 30)) == (0, 2)


@given(st.sets(st.integers(0, 199)), st.integers(0, 199), st.integers(0, 199))
def test_what_is_sent_either_arrives_or_is_lost(arrived: set[int], one: int, other: int) -> None:
    """For any loss and any span: sent = lost + arrived, and two halves of a span add up to the whole."""
    flow = trace(sorted(arrived))
    first, end = sorted((one, other))
    whole = figures(flow, span(first, end), EVERY_5_MS)
    halves = [
        figures(flow, one, EVERY_5_MS) for one in (span(first, (first + end) // 2), span((first + end) // 2, end))
    ]

    assert whole.sent == end - first
    assert whole.lost == len(set(range(first, end)) - arrived)
    assert whole.lost == sum(half.lost for half in halves)
    assert whole.outage >= max(half.outage for half in halves)

"""Rise and fall."""

from linkbalancer.health.counter import Counter


def believed(counter: Counter, results: str) -> str:
    """Return what is believed after each result, `+` for good and `-` for bad."""
    shown = []
    for result in results:
        counter.count(passed=result == "+")
        shown.append("+" if counter.ok else "-")
    return "".join(shown)


def test_the_first_result_decides_at_once() -> None:
    """While nothing is assumed there is nothing to protect."""
    assert Counter(3, 3).ok is None
    assert believed(Counter(3, 3), "+") == "+"
    assert believed(Counter(3, 3), "-") == "-"


def test_only_so_many_in_a_row_change_what_is_believed() -> None:
    """One result of the other kind begins the count anew."""
    assert believed(Counter(2, 3), "+--+---+-++") == "++++++---" + "-+"


def test_an_assumed_state_has_to_be_disproved() -> None:
    """With `init` the first result is one of several, as any other."""
    assert believed(Counter(2, 2, ok=True), "-+--") == "+++-"
    assert believed(Counter(2, 2, ok=False), "+++") == "-++"


def test_a_change_is_told_once() -> None:
    """`count` answers whether something else is believed now."""
    counter = Counter(1, 2)
    assert [counter.count(passed=passed) for passed in (True, True, False, False, False)] == [
        True,
        False,
        False,
        True,
        False,
    ]


def test_a_predecessors_belief_is_taken_over() -> None:
    """And has to be disproved like one's own."""
    counter = Counter(2, 2)
    counter.count(passed=True)
    counter.recall(ok=False)
    assert believed(counter, "+") == "-"
    assert believed(counter, "+") == "+"

"""The lines of a run."""

from linkbalancer.sim.trace import KEPT, Trace


def test_the_last_lines_are_kept() -> None:
    """A failure is explained by what came just before it."""
    trace = Trace()
    for number in range(KEPT + 5):
        trace.note(number * 1_000_000, "b1", "does", number)
    assert len(trace.lines) == KEPT
    assert trace.text(1) == [f"{KEPT + 4:11.3f} ms  b1      does       {KEPT + 4}"]


def test_equal_traces_have_equal_digests() -> None:
    """One differing line makes another digest."""
    traces = [Trace(keep_all=True) for _ in range(3)]
    for trace, detail in zip(traces, ("x", "x", "y"), strict=True):
        trace.note(0, "b1", "does", detail)
    assert traces[0].digest() == traces[1].digest() != traces[2].digest()

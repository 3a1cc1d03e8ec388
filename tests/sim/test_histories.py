"""One history under any scheme."""

import pytest

from linkbalancer.sim.draw import draw
from linkbalancer.sim.histories import Scheme, bare, prepare, tell
from linkbalancer.sim.run import run
from linkbalancer.sim.shape import Shape


@pytest.mark.parametrize("seed", [5, 34])
def test_lvrrp_settles_what_scheme_one_crosses(seed: int) -> None:
    """The same draws, the same probes in step: no crossing, no objection (mission S3)."""
    history = tell(Scheme.LVRRP, draw(seed, Shape(2, 2, probe_ms=(150, 150))))

    assert (None, 0) == (history.objection, history.course.crossings)
    assert history.settled_ms is not None


def test_lvrrp_measures_as_the_older_schemes_do() -> None:
    """Every disturbance is measured, untouched or overtaken; its start is one, and takes an election."""
    history = tell(Scheme.LVRRP, draw(2, Shape(2, 2)))
    course = history.course

    assert course.took
    assert len(course.took) + course.untouched + course.overtaken <= 1 + 2 * history.faults
    assert course == run(draw(2, Shape(2, 2))).course


@pytest.mark.parametrize("scheme", Scheme)
def test_a_history_tells_its_trace_when_asked(scheme: Scheme) -> None:
    """All of it, or of an objection the end."""
    drawn = draw(34, Shape(2, 2, probe_ms=(150, 150)))

    assert tell(scheme, drawn).text is None
    whole = str(tell(scheme, drawn, keep_all=True).text)
    assert whole.startswith(f"{drawn}\n")
    assert len(whole.splitlines()) > 200
    end = tell(scheme, drawn, lines=10).text
    if scheme is Scheme.ONE:
        assert str(end).startswith("OBJECTION: no agreement 10900 ms after the last fault")
        assert len(str(end).splitlines()) == 1 + len(str(drawn).splitlines()) + 10
    else:
        assert end is None


@pytest.mark.parametrize("scheme", Scheme)
def test_bare_is_the_same_story_without_judges(scheme: Scheme) -> None:
    """Fewer events, for it ends with the faults."""
    prepare(scheme, Shape(2, 2))
    drawn = draw(3, Shape(2, 2))

    assert 0 < bare(scheme, drawn) < tell(scheme, drawn).events

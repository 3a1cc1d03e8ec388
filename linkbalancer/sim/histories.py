"""One history under any scheme: what a seed draws, run to its end and put into figures."""

from dataclasses import dataclass, replace
from enum import StrEnum

from linkbalancer.sim import run as lvrrp
from linkbalancer.sim.convergence import Course
from linkbalancer.sim.draw import Draw
from linkbalancer.sim.schemes import story
from linkbalancer.sim.shape import Shape, loaded
from linkbalancer.sim.trace import Trace


class Scheme(StrEnum):
    """What brings the two ends of a link together: the source's first two designs, or what the daemon runs."""

    ONE = "one"
    TWO = "two"
    LVRRP = "lvrrp"


RULES: dict[Scheme, story.Rulebook] = {Scheme.ONE: story.scheme_one, Scheme.TWO: story.scheme_two}


@dataclass(frozen=True, slots=True)
class History:
    """How one seed ended. `objection` is None when no judge objected, `settled_ms` counted from the last fault's end.

    `adjusted`: how often a far gateway took another priority. `text` is the trace, if it was asked for.
    """

    seed: int
    objection: str | None
    settled_ms: float | None
    course: Course
    faults: int
    events: int
    adjusted: int = 0
    text: str | None = None


def tell(scheme: Scheme, drawn: Draw, *, keep_all: bool = False, lines: int = 0) -> History:
    """Run a history. `keep_all`: with its whole trace; `lines`: with so many of the last lines, if a judge objects."""
    history, trace = _tell(scheme, drawn, keep_all=keep_all)
    text = None
    if keep_all:
        text = "\n".join((str(drawn), *trace.text()))
    elif lines and history.objection is not None:
        text = "\n".join((f"OBJECTION: {history.objection}", str(drawn), *trace.text(lines)))
    return replace(history, text=text)


def _tell(scheme: Scheme, drawn: Draw, *, keep_all: bool) -> tuple[History, Trace]:
    if scheme is Scheme.LVRRP:
        verdict = lvrrp.run(drawn, keep_all=keep_all)
        faults = len(drawn.strikes)
        return History(
            drawn.seed,
            verdict.objection,
            verdict.settled_ms,
            verdict.course,
            faults,
            verdict.events,
            verdict.adjusted,
        ), verdict.trace
    ending = story.tell(drawn, RULES[scheme], keep_all=keep_all)
    return History(
        drawn.seed, ending.objection, ending.settled_ms, ending.course, ending.faults, ending.events
    ), ending.trace


def bare(scheme: Scheme, drawn: Draw) -> int:
    """Run a history's faults with no judge looking; return how many events were handled."""
    return lvrrp.bare(drawn) if scheme is Scheme.LVRRP else story.bare(drawn, RULES[scheme])


def prepare(scheme: Scheme, shape: Shape) -> None:
    """Load every gateway's configuration once, which no history has to pay for then."""
    if scheme is Scheme.LVRRP:
        for contrary in (False, True):
            for name in shape.node_names:
                loaded(replace(shape, contrary=contrary), name)

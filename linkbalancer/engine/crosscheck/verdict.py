"""The whole cross-check of a flow: its lines in the order of its way, and whether model and kernel agree."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from linkbalancer.engine.crosscheck import classification, way
from linkbalancer.engine.crosscheck.expected import Expected
from linkbalancer.engine.crosscheck.line import Line, Result, differs, note
from linkbalancer.engine.crosscheck.observed import Flow, Seen
from linkbalancer.engine.preflight import catalogue
from linkbalancer.engine.preflight.finding import Severity


@dataclass(frozen=True, slots=True)
class Verdict:
    """The lines."""

    lines: tuple[Line, ...]

    @property
    def differing(self) -> tuple[Line, ...]:
        """Those where the kernel has something else."""
        return tuple(line for line in self.lines if line.result is Result.DIFFERS)

    def to_json(self) -> list[dict[str, Any]]:
        """Return it as JSON-able values."""
        return [line.to_json() for line in self.lines]


def judge(expected: Expected, flow: Flow, seen: Seen) -> Verdict:
    """Compare, each line with what follows from what the kernel has in the line before: a cause is named once."""
    return Verdict(tuple(_lines(expected, flow, seen)))


def _lines(expected: Expected, flow: Flow, seen: Seen) -> Iterator[Line]:
    classified = tuple(classification.judge(expected, flow, seen))
    yield from classified
    blamed = any(line.result is Result.DIFFERS and line.check in {"rules", "VID"} for line in classified)
    yield from way.judge(expected, flow, seen, blamed=blamed)
    yield from _firewall(seen)


def _firewall(seen: Seen) -> Iterator[Line]:
    """Yield what the rules of others may do with the flow on its way, the mark left out."""
    for one in seen.firewall:
        if one.kind in {catalogue.MARK_OVERWRITTEN, catalogue.RULESET_MISSING}:
            continue
        if one.kind.severity is Severity.ERROR:
            yield differs("firewall", "lets it through", one.subject, f"{one.breaks} {one.seen}.", one.mend)
        else:
            yield note("firewall", f"{one.kind.name}: {one.subject}", f"{one.breaks} {one.mend}")

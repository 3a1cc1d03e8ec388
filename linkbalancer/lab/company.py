"""Judging flows by their company: who shares a bad link shares its losses, and who is not on it loses nothing."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from linkbalancer.lab import handing
from linkbalancer.lab.judged import FINEST_MS, Judged

_OF_A_LINK: Final = frozenset({"cut", "silent", "oneway", "one-end", "lone"})
"""Faults that take links, and nothing else."""


def shares(judged: Judged) -> Iterator[str]:
    """Judge how much a bad link lost; less than it must lose means that the fault was none.

    Flow by flow; where each sends too seldom for that, all together that cross a link in one direction.
    """
    suffering = [flow for flow in judged.phase["flows"] if judged.suffers(flow) and flow["protocol"] != "tcp"]
    together: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for flow in suffering:
        many = judged.report["interval_ms"] > FINEST_MS
        words = f"all that cross {flow['before']['link']}" if many else flow["app"]
        together[f"{words} {flow['direction']}"].append(flow)
    least, most = judged.bounds.get("lost_percent", (0, 100))
    for words, flows in together.items():
        share = 100 * sum(flow["lost"] for flow in flows) / max(1, sum(flow["sent"] for flow in flows))
        if not least <= share <= most:
            yield f"{words}: {share:.0f} % of its packets lost, {least:g} to {most:g} % are expected"


def unaffected(judged: Judged, flow: Mapping[str, Any]) -> bool:
    """Whether a flow of a balanced step kept its ways while links failed that it is not on: then it loses nothing."""
    if judged.fault["fault"] not in _OF_A_LINK or "sticky" not in judged.manner(flow["app"]):
        return False
    return all(
        one["before"].get(what) == one["after"].get(what)
        for one in handing.company_of(judged, flow)
        for what in ("vid", "link", "gateway")
    )

"""How balanced applications' conversations are dealt when a drill begins, beside the shares that were asked for."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from linkbalancer.lab.flows import TCP, UDP, Flow
from linkbalancer.lab.whereabouts import Paths
from linkbalancer.links import Vid
from linkbalancer.routing.application import Application
from linkbalancer.routing.balance import Pool
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.split import Entry, split


def splits(
    flows: Iterable[Flow], paths: Paths, applications: Mapping[str, Application], working: Iterable[Vid]
) -> list[dict[str, Any]]:
    """Return, for each application whose first step is balanced, how its conversations are dealt by their ways out."""
    ways_out = [flow for flow in flows if flow.direction == "out"]
    vids = frozenset(working)
    found = []
    for name, application in applications.items():
        pool = Pool(application.steps[0], application.sticky)
        if len(pool.step) == 1:
            continue
        seen = split(pool, vids, _entries((flow for flow in ways_out if flow.app == name), paths))
        found.append(
            {
                "app": name,
                "step": str(pool),
                "sticky": str(pool.sticky),
                "wanted": {str(vid): float(share) for vid, share in seen.wanted.items()},
                "dealt": {str(vid): count for vid, count in seen.units.items()},
                "flows": seen.flows,
                "astray": seen.astray,
                "chance": seen.chance,
                "result": str(seen.result),
            }
        )
    return found


def _entries(flows: Iterable[Flow], paths: Paths) -> Iterator[Entry]:
    for flow in flows:
        vid = paths[flow.number].vid
        if vid is not None:
            packet = Packet(
                flow.source,
                flow.destination,
                TCP if flow.protocol == "tcp" else UDP,
                flow.source_port,
                flow.destination_port,
                flow.tos,
            )
            yield Entry(vid, packet, packet.mirrored())


def verdict(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the splits of a report."""
    for one in report.get("splits", ()):
        if one["astray"]:
            yield f"at rest: {one['app']}: {one['astray']} of {one['flows']} flows are not where their slot says"
        elif one["result"] == "off":
            yield f"at rest: {one['app']}: its flows are not dealt as {one['step']} asks for: {in_words(one)}"


def in_words(one: Mapping[str, Any]) -> str:
    """Write a split: `75 % of 16 by VID 1 (75 % wanted), ...`."""
    whole = sum(one["dealt"].values())
    return ", ".join(
        f"{one['dealt'].get(vid, 0)} of {whole} by VID {vid} ({100 * share:.0f} % wanted)"
        for vid, share in one["wanted"].items()
    )

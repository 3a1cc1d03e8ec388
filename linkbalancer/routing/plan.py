"""The plan of rules and tables that a set of VIDs needs (design 5: one rule and one table a VID).

This gateway's own packets have a table too: the kernel looks their route up before anything can mark them, and the way
that it finds then only decides whether there is one and from which address they are sent.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from linkbalancer.links import DeviceName, NextHop, Unreachable, ViaLink, ViaMaster, Vid
from linkbalancer.routing.marks import OWN, OWN_TRAFFIC_PRIORITY, Marks

MAIN_TABLE: Final = 254


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """One `ip rule`: packets with `mark` under `mask` (0/0: every packet) look into `table`.

    `suppress_prefixlength` 0 leaves out the table's default route; `iif` limits the rule to one device's packets (`lo`:
    this gateway's own).
    """

    priority: int
    mark: int
    mask: int
    table: int
    suppress_prefixlength: int | None = None
    iif: DeviceName | None = None


def routing_rules(vids: Collection[Vid], marks: Marks) -> tuple[RoutingRule, ...]:
    """Return the rules for these VIDs in the order of their priorities; none when there is no VID.

    The main table's own routes come first, so that what is near is never sent round a link; then each VID's mark, plain
    and guarded; last, where the main table knows no way for this gateway's own packets, their own table.
    """
    if not vids:
        return ()
    rules = [RoutingRule(marks.main_priority, 0, 0, MAIN_TABLE, suppress_prefixlength=0)]
    for guard in (False, True):
        rules += [
            RoutingRule(
                priority=marks.rule_priority(vid, guard=guard),
                table=marks.table(vid, guard=guard),
                mark=marks.packet_mark(vid, guard=guard),
                mask=marks.rule_mask,
            )
            for vid in sorted(vids)
        ]
    rules.append(RoutingRule(OWN_TRAFFIC_PRIORITY, 0, 0, marks.table(OWN), iif="lo"))
    return tuple(rules)


def routing_tables(vids: Collection[Vid], marks: Marks) -> frozenset[int]:
    """Return the tables that the rules for these VIDs lead to, main's not among them."""
    return frozenset(rule.table for rule in routing_rules(vids, marks)) - {MAIN_TABLE}


def own_next_hop(next_hops: Mapping[Vid, NextHop]) -> NextHop:
    """Return where this gateway's own packets go before they are marked: the way of the lowest VID that has one."""
    ways = (hop for _vid, hop in sorted(next_hops.items()) if isinstance(hop, ViaLink | ViaMaster))
    return next(ways, Unreachable())

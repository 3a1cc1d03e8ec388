"""The plan of rules: which `ip rule` entries a set of VIDs needs (design 5: one rule and one table a VID)."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from linkbalancer.links import DeviceName, Vid
from linkbalancer.routing.marks import OWN_TRAFFIC_PRIORITY, Marks

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
    and guarded; last, where the main table knows no way for this gateway's own packets, the lowest VID's.
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
    rules.append(RoutingRule(OWN_TRAFFIC_PRIORITY, 0, 0, marks.table(min(vids)), iif="lo"))
    return tuple(rules)

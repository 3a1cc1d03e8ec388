"""Which ways of VIDs have lost IPv6 alone: by the far ends that this gateway asks, and by what other Masters say.

No election looks at it: IPv4 speaks for the way, and its Master stays. IPv6 of such a VID refuses (decision 66).
"""

from collections.abc import Mapping
from typing import Any

from linkbalancer.clock import MILLISECOND, Instant
from linkbalancer.config.farends import far_ends
from linkbalancer.config.model import Config
from linkbalancer.config.ways import twins
from linkbalancer.engine.company import Company
from linkbalancer.engine.effects import Record, SetLost
from linkbalancer.engine.membership import Membership
from linkbalancer.engine.tracking import Tracking
from linkbalancer.health.report import Report
from linkbalancer.links import Family, GroupId, NextHop, Unreachable, ViaLink, ViaMaster, Vid
from linkbalancer.routing.twins import NOTHING_LOST, Lost, Twin, half

NO_FAR_END = "its way has no far end over IPv6 (peer6 or gateway6)"


class Halves:
    """The IPv6 halves of one gateway's next hops.

    Attributes:
        twins: as of `config.ways`; None where IPv6 is not steered, and all here is nothing.
        lost: what was last concluded.
    """

    def __init__(
        self, config: Config, memberships: Mapping[GroupId, Membership], tracking: Tracking, company: Company
    ) -> None:
        self.twins, self._asked = twins(config), far_ends(config)
        self._switches = {f"link {name}": (one.peer6, one.probe6) for name, one in config.links.items()}
        self._switches |= {f"VID {group}": (one.gateway6, one.probe6) for group, one in config.groups.items()}
        self._memberships = [one for group, one in memberships.items() if group.family is Family.IPV4]
        self._tracking, self._company = tracking, company
        self._said = False
        self.lost = NOTHING_LOST

    def conclude(self, now: Instant) -> list[SetLost | Record]:
        """Return what is lost where that is news, and what is worth a record; the first time in any case."""
        if self.twins is None:
            return []
        found = Lost(self._silent(), self._refused_elsewhere())
        if found == self.lost and self._said:
            return []
        # What is known when an agent begins, its predecessor has told of.
        before, self.lost, told, self._said = self.lost, found, self._said, True
        if before.ends != found.ends:
            self._company.hurry(now)
        return [SetLost(found), *(self._records(before.vids, found.vids) if told else ())]

    def refused(self) -> frozenset[Vid]:
        """Return the VIDs that this gateway carries and that carry no IPv6 by it: what the other gateways are told."""
        own = (one for one in self._memberships if one.is_master)
        refused = (one.vid for one in own if isinstance(self.half(one.vid, one.next_hops.get(False)), Unreachable))
        return frozenset(refused)

    def half(self, vid: Vid, hop: NextHop | None) -> NextHop | None:
        """Return where a VID's IPv6 goes; None where it is not steered, or nothing is known."""
        return None if hop is None or self.twins is None else half(vid, hop, self.twins, self.lost)

    def describe(self, now: Instant, way: str) -> dict[str, Any] | None:
        """Return what is known of a way's far end over IPv6 (`link l1`, `VID 3`), JSON-able; None where it has none."""
        address, asked = self._switches[way]
        if address is None or self.twins is None:
            return None
        report = self._report(way) if asked else None
        report = report or Report(
            "", ok=None, since=now, text="not asked yet" if asked else "not asked (probe6: false)"
        )
        since = max(0, now - report.since) // MILLISECOND
        return {"address": str(address), "answers": report.ok, "since_ms": since, "text": report.text}

    def why(self, membership: Membership) -> str | None:
        """Say why a VID's IPv6 is refused although its IPv4 is not; None where it is not."""
        hop = membership.next_hops.get(False)
        if not isinstance(hop, ViaLink | ViaMaster) or not isinstance(self.half(membership.vid, hop), Unreachable):
            return None
        if isinstance(hop, ViaMaster):
            return f"its Master {membership.other_master()} says that it carries no IPv6"
        way = f"VID {membership.id}" if membership.link is None else f"link {membership.link}"
        address, _asked = self._switches[way]
        return NO_FAR_END if address is None else f"{address} does not answer over IPv6"

    def _silent(self) -> frozenset[Twin]:
        """Return the far ends that are believed not to answer."""
        return frozenset(
            end.twin
            for way, end in self._asked.items()
            if (known := self._report(way)) is not None and known.ok is False
        )

    def _report(self, way: str) -> Report | None:
        """Return what the checker says of a far end, None while it has not, or meant another one."""
        known, end = self._tracking.ends.get(way), self._asked[way]
        return known if known is not None and known.kind == end.kind else None

    def _refused_elsewhere(self) -> frozenset[Vid]:
        """Return the VIDs whose Master is another gateway that says that it carries no IPv6 of them."""
        if not self._company.refuses:
            return frozenset()
        return frozenset(
            one.vid
            for one in self._memberships
            if one.vid in self._company.refused(one.group.device, str(one.other_master()))
        )

    def _records(self, before: frozenset[Vid], after: frozenset[Vid]) -> list[Record]:
        """Say of which VIDs IPv6 is refused by what their Master says, and of which no more."""
        texts = dict.fromkeys(after - before, "carries no IPv6: its Master says so")
        texts |= dict.fromkeys(before - after, "carries IPv6 again, as far as its Master says")
        return [Record("ipv6", f"VID {vid}", text, (("vid", vid),)) for vid, text in sorted(texts.items())]

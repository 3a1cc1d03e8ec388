"""What an application process asks the kernel, and the two things that it has done there.

It points its own applications, in the kernel's map, and has flows begin anew that may not stay where they are, or that
cannot leave as they are.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from errno import EEXIST, ENOENT
from functools import partial

from linkbalancer.clock import Instant
from linkbalancer.config.load import Loaded
from linkbalancer.config.ways import translates
from linkbalancer.daemon.board import Post
from linkbalancer.daemon.loop import boottime
from linkbalancer.daemon.lull import Lull
from linkbalancer.daemon.moves import Moves
from linkbalancer.daemon.together import Boards, Pointing, Sweeps
from linkbalancer.drivers import routes, rules, translations
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.firewall import driver
from linkbalancer.drivers.netlink.transport import NETFILTER, ROUTE, NetlinkSocket
from linkbalancer.drivers.nftables import strays
from linkbalancer.drivers.nftables.aims import AimWriter
from linkbalancer.engine.share import Look, Pointed, Seen
from linkbalancer.engine.sweeping import Flows, Inspected, Remains
from linkbalancer.links import Vid
from linkbalancer.routing.balance import Aim
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.plan import routing_rules


@dataclass(frozen=True, slots=True)
class _Handed:
    """What is being written: since when, and where it hangs, if others may write it."""

    wanted: Mapping[int, Aim]
    name: Callable[[int], str]
    began: Instant
    post: Post | None


class Hands:
    """What an application process asks the kernel, and the one thing that it writes there."""

    def __init__(self, loaded: Loaded, moves: Moves, lull: Lull, boards: Boards, process: str) -> None:
        """Open the netlink sockets; raises DriverError."""
        self._marks: Marks = loaded.config.marks
        self._vids = frozenset(loaded.config.vids)
        self._rules = frozenset(rule for rule in routing_rules(self._vids, self._marks) if rule.mask)
        self._netlink = NetlinkSocket(ROUTE)
        self._netfilter = NetlinkSocket(NETFILTER)
        self._map = driver(loaded.config.firewall).aims(self._marks, self._netfilter)
        # Only nftables' transactions say whether somebody else was quicker, without which nobody may write for another.
        self._pooled = (
            Pointing(self._map, self._netfilter, boards, process) if isinstance(self._map, AimWriter) else None
        )
        self.gather = boards.gather
        self._sweeps = Sweeps(self._marks, self._netfilter, boards, process)
        self._translates = translates(loaded.config)
        self._moves, self._lull = moves, lull
        self._pointing: dict[int, Aim | None] = {}
        self._handed: _Handed | None = None

    def look(self, question: Look) -> Seen:
        """Return whether VIDs' rules and tables are there, and where applications point."""
        if self._translates:
            self._lull.add(self._end_strays)
        try:
            unknown = [one for one in question.app_ids if question.afresh or one not in self._pointing]
            if unknown:
                for one in unknown:
                    self._pointing.pop(one, None)
                self._pointing |= self._map.read_some(unknown)
            missing = self._missing(question.vids)
        except DriverError as error:
            self._pointing = {}
            return Seen(dict.fromkeys(question.vids, str(error)), {})
        return Seen(missing, {one: self._pointing.get(one) for one in question.app_ids})

    def point(self, wanted: Mapping[int, Aim], name: Callable[[int], str]) -> Pointed | None:
        """Point applications at VIDs and balanced steps, all in one transaction.

        None: it hangs there for others to write it too, for as long as `gather` says; then `pointed` sees to it.
        """
        began, post = boottime(), None if self._pooled is None else self._pooled.begin(wanted, self._pointing)
        self._handed = _Handed(wanted, name, began, post)
        return None if self.gather and post is not None else self.pointed()

    def pointed(self) -> Pointed | None:
        """Return what came of it; what another has not done in time is done here. None: another is still at it."""
        handed = self._handed
        assert handed is not None
        wanted, post = handed.wanted, handed.post
        done = False if post is None or self._pooled is None else self._pooled.outcome(post)
        if done is None:
            return None
        self._handed = None
        before = {one: self._pointing.get(one) for one in wanted}
        try:
            if not done:
                self._write(wanted)
        except DriverError as error:
            self._pointing = {}
            return Pointed(wanted, ok=False, why=str(error))
        self._pointing |= wanted
        self._lull.add(partial(self._tell, handed, before, boottime()))
        return Pointed(wanted, ok=True)

    def _tell(self, handed: _Handed, before: Mapping[int, Aim | None], at: Instant) -> None:
        for one, aim in handed.wanted.items():
            self._moves.moved(one, handed.name(one), before[one], aim, took=at - handed.began, at=at)

    def sweep(self, wanted: Flows) -> None:
        """Have flows whose source is translated begin anew; whether they did is seen when it has settled."""
        with suppress(DriverError):
            if translations.possible():
                self._sweeps.sweep(wanted)

    def _end_strays(self) -> None:
        """Have flows begin anew that a translated way holds back: looked for as often as the kernel is asked at all."""
        with suppress(DriverError):
            strays.end(self._netfilter, self._marks)

    def inspect(self, wanted: Flows) -> Inspected:
        """Return how many of those flows are left."""
        try:
            return Inspected(wanted, translations.left(self._marks, wanted) if translations.possible() else {})
        except DriverError:
            return Inspected(wanted, None)

    def remark(self, remains: Remains, name: str) -> None:
        """Tell of flows that were left."""
        self._moves.remained(remains, name)

    def _write(self, wanted: Mapping[int, Aim]) -> None:
        """Write to the map by what is known of it; where that was wrong, by what it holds. Raises DriverError."""
        known = {one: self._pointing[one] for one in wanted if one in self._pointing}
        try:
            self._map.steer(wanted, known)
        except DriverError as error:
            if error.errno not in {ENOENT, EEXIST}:
                raise
            self._map.steer(wanted)

    def _missing(self, vids: Collection[Vid]) -> dict[Vid, str]:
        """Return what is missing for VIDs; nothing for one that lacks nothing."""
        rules_there = frozenset(rules.read(self._netlink))
        tables_there = routes.floored(self._netlink)
        found = {}
        for vid in vids:
            table = self._marks.table(vid)
            if vid not in self._vids:
                found[vid] = "there is no such group"
            elif not {rule for rule in self._rules if rule.table == table} <= rules_there:
                found[vid] = f"the routing rule to its table {table} is missing"
            elif table not in tables_there:
                found[vid] = f"its table {table} is missing"
        return found

"""What others take away of ours: how soon it is put back, and what is told of it, in one event.

The kernel tells of most of it at once: the comparison follows in the same turn of the loop. What it does not tell of is
found by the comparison that comes round by itself.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from linkbalancer.clock import MICROSECOND, SECOND, Duration, Instant, in_words
from linkbalancer.daemon.journal import Journal
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.performer import Performer
from linkbalancer.engine.contention import BREATH, PACE, Contention
from linkbalancer.host.culprit import Culprit
from linkbalancer.host.rulesetwatch import RulesetWatch
from linkbalancer.host.strangers import Deed, Removed, Shadowed
from linkbalancer.links import DeviceName

NAMED: Final = 4
"""Things that are named in one event before the rest is counted."""

UNSETTLED_MAX: Final = 256
"""Deeds that are remembered until all is as wanted; of more, the rest is not named."""

SHADOWS_MAX: Final = 256
AGAIN: Duration = 600 * SECOND
"""How soon the same thing of somebody else's that passes by ours is told again."""


_DROPPED: Final = frozenset({"route", "address", "device"})
"""What the kernel itself drops with a device."""

_NOBODY_TOLD: Final = frozenset({"switch", "address", "iptables"})
"""What others may have taken away though no process is told; of the rest it is the kernel that took it."""


@dataclass(frozen=True, slots=True)
class _Noticed:
    """Something that the kernel told of: when, what (empty: not known exactly), and who did it."""

    at: Instant
    what: str
    by: Culprit


class Healer:
    """Has things put back, and tells of it.

    Args:
        loop: what turns.
        journal: where is told what was done.
        mend: has everything compared, no later than an instant.
    """

    def __init__(self, loop: Loop, journal: Journal, mend: Callable[[Instant], None]) -> None:
        self._loop, self._journal, self._mend = loop, journal, mend
        self._contention = Contention()
        self._noticed: list[_Noticed] = []
        self._found: list[tuple[str, str]] = []
        self._counts: Counter[str] = Counter()
        self._fought: dict[str, str] = {}
        self._shadows: dict[str, Instant] = {}
        self._looked: Instant = 0
        self._performer: Performer | None = None
        self._watch: RulesetWatch | None = None

    def attend(self, performer: Performer) -> None:
        """Watch nftables from now on. Raises OSError."""
        self._performer, self._watch = performer, RulesetWatch()
        self._loop.add(self._watch, self._hear)

    def close(self) -> None:
        """Watch no longer."""
        if self._watch is not None:
            self._watch.close()

    # -- what is noticed -----------------------------------------------------------------------------------------------

    def notice(self, now: Instant, deed: Deed) -> None:
        """Take in what others did, as the kernel told it, and have it put back."""
        if isinstance(deed, Shadowed):
            self._tell_shadow(now, deed)
            return
        if not isinstance(deed, Removed):
            self._remember(_Noticed(now, "", deed.by))
            self._mend(self._soon(now, deed.what))
            return
        what = deed.detail if deed.detail.startswith("the ") else f"the {deed.what} {deed.detail}"
        self._remember(_Noticed(now, what, deed.by))
        self._mend(self._touched(now, what, deed.by))

    def stir(self, now: Instant, _device: DeviceName) -> None:
        """Have everything compared soon: a device has changed, and the kernel drops routes with it without a word."""
        self._mend(self._soon(now, "device"))

    def _hear(self, now: Instant) -> None:
        """Hear what was done to our table; the daemon's own processes are no strangers, nor is what it has loaded."""
        assert self._watch is not None
        assert self._performer is not None
        strangers = [one.by for one in self._watch.read() if not one.by.is_ours]
        if not strangers or self._performer.loading:
            return
        self._performer.care.suspect = True
        for by in strangers[-1:]:
            self._remember(_Noticed(now, "", by))
        self._mend(self._soon(now, "nftables"))

    def _remember(self, noticed: _Noticed) -> None:
        if len(self._noticed) < UNSETTLED_MAX:
            self._noticed.append(noticed)

    def _soon(self, now: Instant, kind: str) -> Instant:
        """Return when to look: at once, but a breath after the last look; where that kind is fought over, by a pace."""
        return max(now, self._looked + (PACE if kind in self._fought.values() else BREATH))

    def _touched(self, now: Instant, what: str, by: Culprit) -> Instant:
        at, fight = self._contention.touched(now, what, str(by))
        if fight is not None:
            self._journal.tell_alarm(fight.sentence(now), {"who": by.name, "pid": by.pid})
        return at

    # -- what is put back ----------------------------------------------------------------------------------------------

    def put_back(self, kind: str, what: str) -> None:
        """Take in that something was missing, and is back."""
        self._counts[kind] += 1
        self._found.append((kind, what))

    def conclude(self, now: Instant, *, settled: bool) -> None:
        """Tell what was put back since the last time, and by whose deed it was missing."""
        self._looked = now
        self._contention.looked(now)
        if self._found:
            self._tell(now)
        if self._found or settled:
            self._noticed.clear()
            self._found.clear()
        for what in self._contention.over(now):
            self._fought.pop(what, None)
            self._journal.tell_calm(f"nobody takes away {what} any more")

    def _tell(self, now: Instant) -> None:
        """Tell it in one event."""
        culprits = Counter(one.by for one in self._noticed if one.by.pid)
        by = culprits.most_common(1)[0][0] if culprits else Culprit()
        named = list(dict.fromkeys(one.what for one in self._noticed if one.what))
        if not named:
            for kind, what in self._found:  # no name of it was told: by what was missing it is known again
                if by.pid or kind in _NOBODY_TOLD:
                    self._touched(now, what, by)
            fights = {fight.what for fight in self._contention.fights()}
            self._fought |= {what: kind for kind, what in self._found if what in fights}
        put_back = _listed([what for _kind, what in self._found])
        kinds = {kind for kind, _what in self._found}
        fields: dict[str, str | int] = {"things": len(self._found), "kinds": " ".join(sorted(kinds))}
        began = min((one.at for one in self._noticed), default=None)
        if began is None:
            self._journal.tell_put_back(f"put back: {put_back}", fields, dropped=kinds <= _DROPPED)
            return
        fields["after_us"] = (now - began) // MICROSECOND
        after = f"back after {in_words(now - began)}"
        if not named and not by.pid:
            self._journal.tell_put_back(f"put back: {put_back} ({after})", fields, dropped=kinds <= _DROPPED)
            return
        fields |= {"who": by.name, "pid": by.pid} if by.pid else {}
        deed = f"removed {_listed(named)}" if named else f"changed {_whose(kinds)}"
        who = _listed([str(one) for one, _times in culprits.most_common()]) or str(by)
        self._journal.tell_stranger(f"{who} {deed}; put back: {put_back} ({after})", fields)

    def _tell_shadow(self, now: Instant, deed: Shadowed) -> None:
        """Tell of something of somebody else's that takes packets from ours; it is his, and stays."""
        where = "before ours" if deed.what == "rule" else "into a table of ours"
        text = f"{deed.by} put the {deed.what} {deed.detail} {where}: what it takes never meets ours. It is left alone"
        told = self._shadows.get(text)
        if told is not None and now - told < AGAIN:
            return
        if len(self._shadows) >= SHADOWS_MAX:
            self._shadows.clear()
        self._shadows[text] = now
        advice = "`linkbalancer doctor` says what it breaks"
        self._journal.tell_stranger(f"{text}; {advice}", {"who": deed.by.name, "pid": deed.by.pid})

    # -- what is asked -------------------------------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """Return what the status says of it."""
        kind = None if self._performer is None else self._performer.layout.firewall
        return {
            "firewall": kind,
            "put_back": self._counts.total(),
            "put_back_by_kind": dict(self._counts),
            "fights": self.sentences(),
        }

    def sentences(self) -> list[str]:
        """Return a sentence for each fight."""
        now = self._loop.clock()
        return [fight.sentence(now) for fight in self._contention.fights()]

    def inherit(self, fields: Mapping[str, Any]) -> None:
        """Go on counting where a predecessor stopped."""
        counts = fields.get("put_back_by_kind", {})
        if isinstance(counts, dict):
            self._counts.update({str(kind): int(count) for kind, count in counts.items()})


def _whose(kinds: set[str]) -> str:
    """Say what was changed, of which no name was told."""
    words = {
        "nftables": "nftables table",
        "iptables": "chains of iptables",
        "switch": "switches",
        "address": "addresses",
    }
    words["steering"] = words["iptables" if "iptables" in kinds else "nftables"]
    return "our " + " and ".join(sorted({words.get(kind, f"{kind}s") for kind in kinds}))


def _listed(things: list[str]) -> str:
    """Name some things, and count the rest."""
    return ", ".join(things[:NAMED]) + (f" and {len(things) - NAMED} more" if len(things) > NAMED else "")

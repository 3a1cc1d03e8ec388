"""All trackers of a keepalived.conf: their names here, who tracks them, and how `trackers` and `track` say it."""

from collections.abc import Container, Mapping
from typing import Any, Final

from linkbalancer.config.findings import shown
from linkbalancer.config.keepalived import values
from linkbalancer.config.keepalived.addresses import is_device
from linkbalancer.config.keepalived.remarks import Kind
from linkbalancer.config.keepalived.statements import Ledger
from linkbalancer.config.keepalived.tracking import Track, Tracker, Tracks, Weight, Written

TRACKERS_MAX: Final = 256


class Trackers:
    """All that are defined, and the names that they get in our configuration."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._defined: dict[tuple[str, str], Tracker] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()
        self.written: dict[str, dict[str, Any]] = {}

    def define(self, tracker: Tracker | None) -> None:
        """Keep a definition; of two with one name the first counts, as with Keepalived."""
        if tracker is None:
            return
        key = (tracker.kind, tracker.name)
        if key in self._defined:
            self._ledger.lost(tracker.statement, f"{shown(tracker.name)} is defined already", "remove one of the two")
        else:
            self._defined[key] = tracker

    def track(
        self, tracks: Tracks, *, weightless: bool = False, besides: Container[str] = frozenset()
    ) -> dict[str, Written]:
        """Return what `track` says; `weightless`: every failure is a fault; `besides` is what the sync group tracks."""
        found: dict[str, Written] = {}
        for one in tracks.found:
            weight = self._weight(one)
            if weight is None:
                continue
            if self._name(one) in besides:
                what = f"{one.word.text} is tracked by the sync group already"
                self._ledger.say(Kind.NEEDLESS, one.word, what, "nothing to do")
                continue
            if weightless and weight.number:
                what = f"the weight of {one.word.text}: in a sync group it is a fault, as with Keepalived"
                self._ledger.say(Kind.CHANGED, one.word, what, "track it in the sync group, to have a weight there")
                weight = Weight(0, weight.reverse)
            found[self._name(one)] = weight.written()
        return found

    def _weight(self, one: Track) -> Weight | None:
        if len(self._names) >= TRACKERS_MAX and (one.kind, one.word.text) not in self._names:
            what = f"a gateway has {TRACKERS_MAX} trackers at most"
            self._ledger.say(Kind.LOST, one.word, what, "let one script look at several things")
            return None
        if one.kind == "device" and not is_device(one.word.text):
            self._ledger.say(Kind.LOST, one.word, f"{shown(one.word.text)} cannot be a device", "name the device")
            return None
        if one.kind == "device":
            return one.weight or Weight(0)
        defined = self._defined.get((one.kind, one.word.text))
        if defined is None:
            what = f"there is no {one.kind} {shown(one.word.text)} to track"
            self._ledger.say(Kind.LOST, one.word, what, "define it, or remove the line")
            return None
        defined.used = True
        return one.weight or defined.weight

    def _name(self, one: Track) -> str:
        key = (one.kind, one.word.text)
        if key not in self._names:
            self._names[key] = values.fitting_name(one.word.text, self._taken)
            defined = self._defined.get(key)
            keys: Mapping[str, Any] = {"device": one.word.text} if defined is None else defined.keys
            self.written[self._names[key]] = dict(keys)
        return self._names[key]

    def finish(self) -> None:
        """Name what nobody tracks."""
        for tracker in self._defined.values():
            if not tracker.used:
                self._ledger.needless(tracker.statement, f"nobody tracks {shown(tracker.name)}")

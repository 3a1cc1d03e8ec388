"""The machine that weighs one link: what is known of it in, the far end's priorities out (mission L4 to L6).

For each VID: the function reckons a weight of what is known; hysteresis and hold decide whether it comes into force;
flaps may make it nothing; the VIDs that the link masters already divide it; the mapping makes a priority of it. What
is not known moves nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, assert_never

from linkbalancer.clock import Instant, earliest
from linkbalancer.links import GroupId
from linkbalancer.weights import memory
from linkbalancer.weights.counsel import Counsel
from linkbalancer.weights.damping import Flaps
from linkbalancer.weights.explanation import Explanation
from linkbalancer.weights.hysteresis import Calm, Settled
from linkbalancer.weights.metrics import Metrics
from linkbalancer.weights.news import (
    Advised,
    Checked,
    Clocked,
    Closed,
    Mastered,
    Measured,
    News,
    Opened,
    Priorities,
    Tick,
)
from linkbalancer.weights.question import Question
from linkbalancer.weights.settings import WeigherSettings, Weighing
from linkbalancer.weights.view import LEAST, View
from linkbalancer.weights.wall import Wall


class Weigher:
    """One link at its controller. A `deadline()` that comes is told as `Tick`."""

    def __init__(self, settings: WeigherSettings) -> None:
        self._settings = settings
        self._calm, self._reckoning = _derived(settings)
        self._remembered = memory.Memory({group: memory.Remembered() for group in settings.groups})
        self._counsel = Counsel(settings)
        self._metrics = Metrics()
        self._checks: Mapping[str, float | None] = {}
        self._wall: Wall | None = None
        self._reckoned: dict[GroupId, float | None] = {}
        self._told = Priorities(())

    @property
    def masters(self) -> frozenset[GroupId]:
        """The groups that the far end is Master of on this link, as far as it was told."""
        return self._remembered.masters

    @property
    def wanted(self) -> dict[GroupId, tuple[float, int]]:
        """The weight and priority of each VID, as last answered; of a VID that is not in it there is none yet."""
        return {group: (weight, priority) for group, priority, weight in self._told.wanted}

    def handle(self, now: Instant, event: News) -> Sequence[Priorities]:
        """Take one event; return what the far end should be told, where that has changed."""
        self._take(now, event)
        for group, weighing in self._settings.groups.items():
            self._reckon(now, group, weighing)
        told = Priorities(tuple(self._answers(now)))
        if told == self._told:
            return ()
        self._told = told
        return (told,)

    def questions(self, now: Instant) -> tuple[Question, ...]:
        """Return what plug-ins are to be asked, each thing once; their answers are told as `Advised`."""
        return self._counsel.questions(now, self._view) if self._counsel else ()

    def deadline(self) -> Instant | None:
        """Return when a change that is put off comes into force, or flaps are forgiven."""
        instants: list[Instant | None] = []
        for group in self._settings.groups:
            one, reckoned = self._remembered.groups[group], self._reckoned.get(group)
            instants.append(one.flaps.until)
            if one.settled is not None and reckoned is not None:
                instants.append(one.settled.deadline(reckoned, self._calm[group]))
        return earliest(*instants)

    def snapshot(self) -> dict[str, Any]:
        """Return what a successor goes on with, JSON-able."""
        return self._remembered.snapshot(self._settings.link)

    def restore(self, now: Instant, found: Mapping[str, Any]) -> bool:
        """Go on where a predecessor was; return False, nothing touched, when `found` is no snapshot of this link.

        What it said before stands until something else is known, so that a restart moves nothing.
        """
        memory_of = memory.restored(now, self._settings.link, found)
        if memory_of is None:
            return False
        known = memory_of.groups
        memory_of.groups = {group: known.get(group, memory.Remembered()) for group in self._settings.groups}
        self._remembered = memory_of
        self._told = Priorities(tuple(self._answers(now)))
        return True

    @property
    def carried(self) -> dict[str, Any]:
        """What was carried in each billing month that a data cap goes by, JSON-able; it outlives a reboot."""
        return memory.months_to_json(self._remembered.usage)

    def carry(self, found: object) -> None:
        """Go on counting where `carried` was, unless more is known; what makes no sense is nothing."""
        usage = memory.months_from_json(found)
        if usage is not None and not self._remembered.usage.months:
            self._remembered.usage = usage

    def explain(self, now: Instant) -> tuple[Explanation, ...]:
        """Return the parts of each weight."""
        return tuple(self._explained(now, group, weighing) for group, weighing in self._settings.groups.items())

    def _take(self, now: Instant, event: News) -> None:
        known = self._remembered
        match event:
            case Measured(metrics):
                self._metrics = metrics
                known.usage = known.usage.measured(now, metrics)
            case Mastered(groups):
                known.masters = groups
            case Opened():
                known.is_open = True
            case Closed(planned):
                if known.is_open and not planned:
                    self._flapped(now)
                known.is_open, known.masters, self._metrics = False, frozenset(), Metrics()
            case Checked(shares):
                self._checks = dict(shares)
            case Clocked(wall):
                self._wall = wall
                known.usage = known.usage.dated(wall, self._settings.resets)
            case Advised(replies):
                self._counsel.answered(replies)
            case Tick():
                pass
            case _:
                assert_never(event)

    def _flapped(self, now: Instant) -> None:
        for group, weighing in self._settings.groups.items():
            if weighing.damping is not None:
                one = self._remembered.groups[group]
                flaps = one.flaps.flapped(now, weighing.damping)
                self._remembered.groups[group] = replace(one, flaps=flaps)

    def _view(self, group: GroupId) -> View:
        masters = self._remembered.masters
        return View(
            group=group,
            metrics=self._metrics,
            mastered=group in masters,
            masters=len(masters),
            checks=self._checks,
            wall=self._wall,
            used=self._remembered.usage.used,
            answers=self._counsel.of(group),
        )

    def _reckon(self, now: Instant, group: GroupId, weighing: Weighing) -> None:
        answer = weighing.function.weight(self._view(group))
        reckoned = weighing.unknown if answer is None else answer
        self._reckoned[group] = reckoned
        one = self._remembered.groups[group]
        flaps = one.flaps
        if weighing.damping is None:
            flaps = Flaps()
        elif not flaps.suppressed(now):
            flaps = replace(flaps, until=None)
        settled = one.settled
        if reckoned is not None and settled is not None and one.reckoning == self._reckoning[group]:
            settled = settled.followed(now, reckoned, self._calm[group])
        elif reckoned is not None and (settled is None or settled.weight != reckoned):
            # The first weight there is, or one of another function: what an operator chooses is no noise.
            settled = Settled(reckoned, now)
        reckoning = one.reckoning if reckoned is None else self._reckoning[group]
        self._remembered.groups[group] = memory.Remembered(settled, reckoning, flaps)

    def _answers(self, now: Instant) -> list[tuple[GroupId, int, float]]:
        answers = []
        for group, weighing in self._settings.groups.items():
            weight = self._weight(now, group, weighing)
            if weight is not None:
                answers.append((group, weighing.mapping.priority(weight), weight))
        return answers

    def _weight(self, now: Instant, group: GroupId, weighing: Weighing) -> float | None:
        """Return the weight that the far end is told."""
        one = self._remembered.groups[group]
        if one.flaps.suppressed(now):
            return LEAST
        return None if one.settled is None else weighing.spread.weight(one.settled.weight, self._before(group))

    def _before(self, group: GroupId) -> int:
        """Return how many VIDs before this one the far end is Master of here; each family is an order of its own."""
        return sum(one.family is group.family and one < group for one in self._remembered.masters)

    def _explained(self, now: Instant, group: GroupId, weighing: Weighing) -> Explanation:
        one, reckoned = self._remembered.groups[group], self._reckoned.get(group)
        weight, flaps = self._weight(now, group, weighing), one.flaps
        due = None
        if one.settled is not None and reckoned is not None:
            due = one.settled.deadline(reckoned, self._calm[group])
        return Explanation(
            group=group,
            function=weighing.function.name,
            reckoned=reckoned,
            because=(*weighing.function.because(self._view(group)), *self._counsel.missing(now, group)),
            settled=None if one.settled is None else one.settled.weight,
            turns=0 if one.settled is None else one.settled.turns_left(now, self._calm[group]),
            held_for=None if due is None else max(due - now, 0),
            suppressed_for=flaps.until - now if flaps.until is not None and flaps.suppressed(now) else None,
            penalty=0.0 if weighing.damping is None else flaps.now(now, weighing.damping),
            spread=weighing.spread,
            before=self._before(group),
            weight=weight,
            priority=None if weight is None else weighing.mapping.priority(weight),
        )


def _derived(settings: WeigherSettings) -> tuple[dict[GroupId, Calm], dict[GroupId, str]]:
    """Return the hysteresis of each VID, and what it is reckoned by; once, for both are asked for at every event.

    Of those whose weights follow the load, each waits half a hold time more: else all of them would leave a full link
    at once, fill the next one, and come back together.
    """
    calm = {}
    for group, weighing in settings.groups.items():
        before = sum(other < group for other in settings.groups) if weighing.follows_load else 0
        calm[group] = replace(weighing.calm, hold=weighing.calm.hold * (2 + before) // 2)
    return calm, {group: weighing.reckoning for group, weighing in settings.groups.items()}

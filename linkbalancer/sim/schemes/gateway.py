"""A gateway of an older scheme: a VRRP router for each group, probes of its peer, and the rules of its scheme.

The routers are the daemon's own (`vrrp.router`). What differs from scheme to scheme is in `one` and `two`.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Protocol, assert_never

from linkbalancer.clock import Duration, Instant, earliest
from linkbalancer.links import GroupState, Vid
from linkbalancer.sim.schemes.words import (
    Advert,
    Advertise,
    Effect,
    Event,
    Kind,
    Leave,
    LegCarrier,
    LinkCarrier,
    Moved,
    Place,
    Say,
    Started,
    States,
    Tick,
    Told,
    Word,
)
from linkbalancer.vrrp import effects as vrrp
from linkbalancer.vrrp import events
from linkbalancer.vrrp.router import Router


class Rules(Protocol):
    """What a scheme has one end of a link do. `probes`: whether it asks; `preempts`: the preempt mode of its VRRP."""

    probes: bool
    preempts: bool

    def runs(self, *, is_open: bool) -> bool:
        """Tell whether VRRP runs while the link is open, or not."""

    def tells(self, state: GroupState) -> bool:
        """Tell whether the peer is told at once that a group has come to this state."""

    def judge(self, router: Router, peer: GroupState) -> Sequence[events.Event]:
        """Return what a group's router must do now that the peer's state is known."""


class Gateway:
    """A machine: `handle` and `deadline`. Chance, which draws the probe intervals, is handed in."""

    def __init__(self, place: Place, rules: Rules, chance: Random) -> None:
        self.place = place
        self.rules = rules
        self.routers = {
            group.vid: Router(replace(group, preempt=rules.preempts), place.address) for group in place.groups
        }
        self.leg = self.carrier = True
        self._chance = chance
        self._heard_at: Instant | None = None
        self._began_at: Instant | None = None
        self._probe_at: Instant | None = None
        self._running = False

    def is_master(self, vid: Vid) -> bool:
        """Tell whether this gateway is the Master of a group."""
        return vid in self.routers and self.routers[vid].group_state is GroupState.MASTER

    def states(self) -> States:
        """Return the state of each group, as the peer is told."""
        if not self.leg:
            return dict.fromkeys(self.routers, GroupState.FAULT)
        return {vid: router.group_state for vid, router in self.routers.items()}

    def is_open(self, now: Instant) -> bool:
        """Tell whether the peer was heard lately."""
        return self.carrier and self._heard_at is not None and now < self._heard_at + self.place.detect

    def deadline(self) -> Instant | None:
        """Return when to hand in the next `Tick`."""
        closing = self._heard_at + self.place.detect if self._running and self._heard_at is not None else None
        timers = (router.deadline() for router in self.routers.values())
        return earliest(self._probe_at, None if self.rules.runs(is_open=False) else closing, *timers)

    def handle(self, now: Instant, event: Event) -> list[Effect]:
        """Take one event; return what must be done about it, in order."""
        effects = self._take(now, event)
        runs = self._began_at is not None and self.leg and self.rules.runs(is_open=self.is_open(now))
        if runs != self._running:
            self._running = runs
            for vid, router in self.routers.items():
                effects += self._route(now, vid, events.Startup(router.priority) if runs else events.Shutdown())
        return effects

    def _take(self, now: Instant, event: Event) -> list[Effect]:
        match event:
            case Started():
                self._began_at = now
                self._probe_at = now + self._interval() if self.rules.probes else None
                return []
            case Leave():
                self._began_at = self._probe_at = None
                return []
            case Advert(vid, heard):
                return self._route(now, vid, heard)
            case Told(word):
                return self._hear(now, word)
            case LinkCarrier(up):
                self.carrier = up
                return [] if up else self._judge(now, dict.fromkeys(self.routers, GroupState.FAULT))
            case LegCarrier(up):
                return self._feel_leg(now, up=up)
            case Tick():
                return self._do_what_is_due(now)
            case _:
                assert_never(event)

    # ----------------------------------------------------------------------------------------------------- the link

    def _hear(self, now: Instant, word: Word) -> list[Effect]:
        if not self.carrier:
            return []
        self._heard_at = now
        if word.kind is not Kind.QUERY:
            return self._judge(now, word.states)
        # Whoever asks for itself goes by its own answers; what a query says is for an end that does not.
        learned = [] if self.rules.probes else self._judge(now, word.states)
        return [Say(Word(Kind.ANSWER, self.states())), *learned]

    def _judge(self, now: Instant, peers: States) -> list[Effect]:
        effects = []
        for vid, state in peers.items():
            for event in self.rules.judge(self.routers[vid], state) if self._running else ():
                effects += self._route(now, vid, event)
        return effects

    def _do_what_is_due(self, now: Instant) -> list[Effect]:
        effects: list[Effect] = []
        for vid, router in self.routers.items():
            due = router.deadline()
            if due is not None and due <= now:
                effects += self._route(now, vid, events.Tick())
        if self._probe_at is not None and now >= self._probe_at:
            self._probe_at = now + self._interval()
            effects.append(Say(Word(Kind.QUERY, self.states())))
            if self._is_silent(now):
                effects += self._judge(now, dict.fromkeys(self.routers, GroupState.FAULT))
        return effects

    def _is_silent(self, now: Instant) -> bool:
        """Tell whether the peer counts as faulty; one that nobody had the time to hear yet does not."""
        since = self._began_at if self._heard_at is None else self._heard_at
        return not self.carrier or (since is not None and now - since >= self.place.detect)

    def _interval(self) -> Duration:
        low, high = self.place.interval
        return self._chance.randint(low, high)

    # ------------------------------------------------------------------------------------------------------ the LAN

    def _feel_leg(self, now: Instant, *, up: bool) -> list[Effect]:
        if up == self.leg:
            return []
        self.leg = up
        effects = []
        for vid in self.routers:
            effects += self._route(now, vid, events.SetPrimary(self.place.address if up else None))
        if not up and self.rules.tells(GroupState.FAULT):
            effects.append(Say(Word(Kind.NOTICE, self.states())))
        return effects

    def _route(self, now: Instant, vid: Vid, event: events.Event) -> list[Effect]:
        """Hand an event to a group's router, and tell the peer of its new state where the rules want that."""
        router, effects = self.routers[vid], list[Effect]()
        before = router.group_state
        for effect in router.handle(now, event):
            if isinstance(effect, vrrp.SendAdvert):
                source = effect.source or self.place.address
                effects.append(Advertise(vid, events.Heard(effect.priority, router.group.advert_interval, source)))
        state = router.group_state
        if state is not before:
            effects.append(Moved(vid, state))
            if self.leg and self.rules.tells(state):
                effects.append(Say(Word(Kind.NOTICE, {vid: state})))
        return effects

"""One end of a link: the machine that joins sessions, detection and probing, and hands on what the peer says.

The way in: bytes -> decode -> sessions (who speaks?) -> detection (a round trip proven?) -> the peer's words.
Time: silence -> closed; proof for long enough -> open. The controller queries, the controlled end answers.
"""

from collections import Counter
from typing import Any, assert_never

from linkbalancer.clock import Duration, Instant, earliest, in_words, is_due
from linkbalancer.links import Role
from linkbalancer.lvrrp import events, probing, snapshot
from linkbalancer.lvrrp.detection import HOLD_MAX, Detection
from linkbalancer.lvrrp.events import Alarm, Effect, Event
from linkbalancer.lvrrp.keys import Key
from linkbalancer.lvrrp.linkview import LinkView
from linkbalancer.lvrrp.listener import Incoming, Listener
from linkbalancer.lvrrp.miswiring import Miswiring
from linkbalancer.lvrrp.packet import Datagram, MessageType
from linkbalancer.lvrrp.peer import Peer
from linkbalancer.lvrrp.session import Candidate, Confirmed, Conversation, Refusal, Sessions
from linkbalancer.lvrrp.settings import LinkSettings
from linkbalancer.lvrrp.speaker import Speaker
from linkbalancer.lvrrp.steering import Steering
from linkbalancer.machine import Chance
from linkbalancer.weights.metrics import Metrics


class Link(LinkView):
    """One end of one link (design 4).

    Raises:
        ValueError: there is no key, and the link is not configured `insecure`.
    """

    def __init__(self, settings: LinkSettings, keys: tuple[Key, ...], chance: Chance, boot: Instant) -> None:
        self.settings = settings
        self.counters: Counter[str] = Counter()
        self.peer = Peer()
        self._sessions = Sessions(settings.role, chance, boot)
        self._probing = probing.Probing(settings, chance, self.counters) if settings.role is Role.CONTROLLER else None
        stated = self._probing.silence(None) if self._probing else settings.detect
        self._detection = Detection(stated, settings.up_delay, boot)
        self._speaker = Speaker(settings, keys, self._sessions, self.counters)
        self._miswiring = Miswiring(settings.name)
        self._listener = Listener(settings, self._speaker, self._sessions, self.counters, self._miswiring)
        self._steering = Steering(
            settings.role,
            self.counters,
            detection=self._detection,
            sessions=self._sessions,
            speaker=self._speaker,
            peer=self.peer,
        )
        self._started = False

    def handle(self, now: Instant, event: Event) -> list[Effect]:
        """Take one event; only a `Tick` ever finds the link silent, so drain the socket before judging timers."""
        match event:
            case events.Start():
                self._started = True
                return self._query(now)
            case events.Received(data):
                return self._receive(now, data)
            case events.Carrier(up):
                return self._carrier(now, up=up)
            case events.Words(words, digest, fault):
                return self._push(now) if self._speaker.learn(words, digest, fault) else []
            case events.Measure(metrics):
                return self._measure(metrics)
            case events.Adjust(wanted):
                return self._steering.want(now, wanted)
            case events.Rekey(keys):
                self._speaker.take_keys(keys)
                return []
            case events.Bye(hold):
                return self._leave(now, hold)
            case events.Tick():
                return self._tick(now)
            case _:
                assert_never(event)

    def deadline(self) -> Instant | None:
        """Return when the next `Tick` is due."""
        if not self._started:
            return None
        return earliest(
            self._detection.advance_at(),
            self._closing_at(),
            self._query_at(),
            self._expiry_at(),
            self._miswiring.clear_at(),
            self._steering.deadline(),
        )

    def snapshot(self) -> dict[str, Any]:
        """Return, JSON-able, what a successor needs to carry on; never sessions or keys."""
        asked = {"unanswered": self._probing.snapshot()} if self._probing else {}
        taken = {**snapshot.take(self._detection, self.peer), **self._steering.snapshot(), **asked}
        return {**taken, "clock": self._sessions.clock, "counters": dict(self.counters)}

    def restore(self, now: Instant, found: dict[str, Any], grace: Duration = 0) -> None:
        """Carry on from a predecessor's snapshot of this boot, before `Start`; one that makes no sense is ignored.

        For `grace` from now an open link needs no proof, unless the last one was older even before: the silence was
        ours, and is no sign of the link's.
        """
        if snapshot.restore(now, found, self._detection, self.peer):
            self.counters.update(snapshot.counters(found))
            self.counters["restored"] += 1
            self._steering.restore(now, found)
            self._sessions.set_clock(now, found.get("clock"))
            if self._probing:
                self._probing.restore(now, found.get("unanswered"))
            if grace and self.proof_at is not None and now - self.proof_at < self.detect + grace:
                self._detection.freeze(now + grace)

    def _measure(self, metrics: Metrics) -> list[Effect]:
        """Tell the peer with the next query or state; another load takes an adaptive pace back."""
        self._speaker.metrics = metrics
        if self._probing:
            self._probing.measure(metrics)
        return []

    # What comes in.
    def _receive(self, now: Instant, data: bytes) -> list[Effect]:
        if not self._started:
            return []
        match self._listener.listen(now, data):
            case Alarm() as alarm:
                return [alarm]
            case Incoming(datagram, Confirmed(adopted=adopted)):
                return self._believe(now, datagram, adopted=adopted)
            case Incoming(datagram, Candidate(conversation)):
                return self._answer(now, datagram, conversation)
            case Incoming(datagram, Refusal.RETIRED) if datagram.kind is MessageType.QUERY:
                return self._push(now)  # the controller may have missed the answer that confirms its new session
            case _:
                return []

    def _believe(self, now: Instant, datagram: Datagram, *, adopted: bool) -> list[Effect]:
        """Act on a datagram of the confirmed pair."""
        detection, stated = self._detection, datagram.detect
        proves_nothing = datagram.kind in {MessageType.WEIGHT, MessageType.ADJUST}
        # A shorter detect time goes with the proof that is as young as that, which such a datagram may overtake.
        detection.peer_stated = max(stated, detection.peer_stated) if proves_nothing else stated
        if adopted:
            self._begin_anew(now)
        match datagram.kind:
            case MessageType.BYE:
                return self._peer_leaves(now, datagram.body.hold)
            case MessageType.WEIGHT | MessageType.ADJUST:
                return self._steering.hear(now, datagram.kind, datagram.body)
            case MessageType.QUERY | MessageType.STATE:
                effects = self._steering.press(now)  # before the query that opens the link at the peer
                effects += self._judge(now, datagram, adopted=adopted)
                return [*effects, *self._steering.press(now), *self._steering.weigh(now)]
            case _:
                assert_never(datagram.kind)

    def _begin_anew(self, now: Instant) -> None:
        """Count on nothing that was asked or answered in the former pair."""
        self._steering.begin_anew(now)
        if self._probing:
            self._probing.forget()
            self._speaker.key_choice.answered()

    def _judge(self, now: Instant, datagram: Datagram, *, adopted: bool) -> list[Effect]:
        """Take the proof and the words of a query or state."""
        detection = self._detection
        was_eager = detection.is_eager
        proof = detection.prove(now, datagram.echo_sent, datagram.echo_delay)
        if self.peer.spoke(now, datagram.body) and self._probing:
            self._probing.hasten()
        hurry = adopted or (detection.is_eager and not was_eager)
        if self._probing:
            hurry |= self._settle(self._probing, proof)
        effects = self._advance(now)
        if not effects and self.is_open and datagram.body.words:
            effects = [events.PeerSpoke(datagram.body.words)]
        if hurry and self._probing:
            return effects + self._query(now)  # so that the controlled end has its proof without waiting an interval
        return effects + self._answer(now, datagram, self._sessions.speaking)

    def _settle(self, queries: probing.Probing, proof: Instant | None) -> bool:
        """Settle the queries that a proof answers; return True when it ended a run of misses."""
        settled = 0 if proof is None else queries.answered(proof)
        if settled:
            self._speaker.key_choice.answered()
        self._detection.stated = queries.silence(self.rtt)
        return settled > 1

    def _peer_leaves(self, now: Instant, hold: Duration | None) -> list[Effect]:
        if hold is not None:
            self._detection.freeze(now + min(hold, HOLD_MAX))
            return []
        self._sessions.forget(now)
        return self._close(now, "peer stopped", flap=False)

    def _carrier(self, now: Instant, *, up: bool) -> list[Effect]:
        if up == self._detection.carrier:
            return []
        if up:
            self._detection.raise_carrier(now)
            return self._query(now)
        self._detection.carrier = False
        effects = self._close(now, "no carrier")
        if self._probing:
            self._probing.halt()
        return effects

    def _leave(self, now: Instant, hold: Duration | None) -> list[Effect]:
        """Say good-bye and fall silent until the next `Start`."""
        capped = None if hold is None else min(hold, HOLD_MAX)
        effects: list[Effect] = []
        if self._started and self._sessions.pair is not None:
            effects += [self._speaker.take_leave(now, self._sessions.pair, detect=self._detection.stated, hold=capped)]
        self._started = False
        self._sessions.forget(now)
        if capped is not None:
            self._detection.freeze(now + capped)
            return effects
        return effects + self._close(now, "stopped here", flap=False)

    # What time brings.
    def _tick(self, now: Instant) -> list[Effect]:
        if not self._started:
            return []
        over = self._miswiring.expire(now)
        effects: list[Effect] = [*([Alarm(over)] if over else ()), *self._advance(now)]
        if is_due(now, self._closing_at()):
            effects += self._close(now, f"no round trip proven for {in_words(self.detect)}")
        if is_due(now, self._expiry_at()):
            effects.append(events.PeerSpoke(self.peer.expire(now, self.detect)))
        if is_due(now, self._query_at()):
            effects += self._query(now)
        return effects + self._steering.tick(now)

    def _advance(self, now: Instant) -> list[Effect]:
        detection = self._detection
        if detection.is_steady or not detection.advance(now, f"round trip proven in {in_words(self.rtt or 0)}"):
            return []
        self.peer.expire(now, self.detect)
        self._steering.opened(now)
        return [events.Opened(self.reason), events.PeerSpoke(self.peer.words())]

    def _close(self, now: Instant, reason: str, *, flap: bool = True) -> list[Effect]:
        self.peer.silence()
        self._listener.arrivals.forget()
        closed = events.Closed(reason, self.proof_at, self._probing.forget() if self._probing else 0, not flap)
        return [closed] if self._detection.close(now, reason, flap=flap) else []

    def _closing_at(self) -> Instant | None:
        """Silence of the detect time closes; at the controller, only once enough queries are missed as well."""
        if (silent_at := self._detection.silent_at()) is None or self._probing is None:
            return silent_at
        exhausted_at = self._probing.exhausted_at(self.rtt)
        return None if exhausted_at is None else max(silent_at, exhausted_at)

    def _query_at(self) -> Instant | None:
        return self._probing.due(self.rtt, fast=self._detection.is_eager) if self._probing else None

    def _expiry_at(self) -> Instant | None:
        oldest_at = self.peer.oldest_at()
        if oldest_at is None or not self.is_open or self._detection.is_frozen:
            return None
        return oldest_at + self.detect

    # What goes out.
    def _query(self, now: Instant) -> list[Effect]:
        if self._probing is None or not self._started or not self._detection.carrier:
            return []
        self._speaker.key_choice.choose(now, probing.patience(self.rtt))
        self._probing.sent(now, fast=self._detection.is_eager, rtt=self.rtt)
        return self._tell(now, MessageType.QUERY, self._sessions.speaking)

    def _answer(self, now: Instant, datagram: Datagram, conversation: Conversation) -> list[Effect]:
        """Answer a query, or (at the controller) a candidate; nothing else is answered."""
        if datagram.kind is MessageType.QUERY:
            return self._tell(now, MessageType.STATE, conversation)
        if datagram.kind is MessageType.STATE and conversation is not self._sessions.speaking and self._probing:
            return self._tell(now, MessageType.QUERY, conversation)
        return []

    def _push(self, now: Instant) -> list[Effect]:
        if self._probing:
            self._probing.hasten()
        if not self._started or not self._detection.carrier or self._sessions.pair is None:
            return []
        return self._tell(now, MessageType.STATE, self._sessions.pair)

    def _tell(self, now: Instant, kind: MessageType, conversation: Conversation) -> list[Effect]:
        return [*self._speaker.tell(now, kind, conversation, detect=self._detection.stated, fault=self.fault)]

"""One end of a link: the machine that joins sessions, detection and probing, and hands on what the peer says.

The way in: bytes -> decode -> sessions (who speaks?) -> detection (a round trip proven?) -> the peer's words.
Time: silence -> closed; proof for long enough -> open. The controller queries, the controlled end answers.
"""

from collections import Counter
from typing import Any, assert_never

from linkbalancer.clock import Duration, Instant, earliest, in_words, is_due
from linkbalancer.links import GroupId, GroupWord, Role
from linkbalancer.lvrrp import events, probing, snapshot
from linkbalancer.lvrrp.detection import HOLD_MAX, Detection
from linkbalancer.lvrrp.events import Alarm, Effect, Event
from linkbalancer.lvrrp.keys import Key
from linkbalancer.lvrrp.listener import Incoming, Listener
from linkbalancer.lvrrp.miswiring import Miswiring
from linkbalancer.lvrrp.packet import Datagram, MessageType
from linkbalancer.lvrrp.peer import Peer
from linkbalancer.lvrrp.session import Candidate, Confirmed, Conversation, Refusal, Sessions
from linkbalancer.lvrrp.settings import LinkSettings
from linkbalancer.lvrrp.speaker import Speaker
from linkbalancer.machine import Chance


class Link:
    """One end of one link (design 4).

    `counters` counts what was sent, received and refused; `peer` has what the peer told of itself.

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
        self._started = False

    @property
    def is_open(self) -> bool:
        """Whether round trips are proven at this end."""
        return self._detection.is_open

    @property
    def since(self) -> Instant:
        """When the link last opened or closed."""
        return self._detection.state.since

    @property
    def reason(self) -> str:
        """Why it is open or closed."""
        return self._detection.state.reason

    @property
    def rtt(self) -> Duration | None:
        """The smoothed round-trip time, or None before the first."""
        return self._detection.rtt

    @property
    def quality(self) -> tuple[Duration, float | None]:
        """The jitter (smoothed deviation of the RTT), and the share of round trips lost: only who queries knows it."""
        return self._detection.jitter, self._probing.loss if self._probing else None

    @property
    def proof_at(self) -> Instant | None:
        """When the latest datagram of ours was sent that the peer has echoed."""
        return self._detection.proof_at

    @property
    def detect(self) -> Duration:
        """The detect time in force: the larger of both ends', grown with loss and round-trip time."""
        return self._detection.detect

    @property
    def fault(self) -> str | None:
        """What is wrong with the wiring, if anything."""
        return self._miswiring.fault

    def doubt(self, now: Instant) -> str | None:
        """Return what may keep it closed, beyond `reason`; said to people alone, for what is heard is not authentic."""
        return None if self.is_open else self._listener.doubt(now)

    def word(self, group: GroupId, now: Instant) -> GroupWord | None:
        """Return the peer's word on a group; None when it is unknown or too old, or the link is closed."""
        known = self.peer.word(group)
        if known is None or not self.is_open:
            return None
        word, heard_at = known
        return word if self._detection.is_frozen or now - heard_at < self.detect else None

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
            case events.Rekey() | events.Measure():
                if isinstance(event, events.Rekey):
                    self._speaker.take_keys(event.keys)
                elif self._probing:
                    self._probing.measure(event.metrics)
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
        )

    def snapshot(self) -> dict[str, Any]:
        """Return, JSON-able, what a successor needs to carry on; never sessions or keys."""
        return {**snapshot.take(self._detection, self.peer), "counters": dict(self.counters)}

    def restore(self, now: Instant, found: dict[str, Any], grace: Duration = 0) -> None:
        """Carry on from a predecessor's snapshot of this boot, before `Start`; one that makes no sense is ignored.

        For `grace` from now an open link needs no proof, unless the last one was older even before: the silence was
        ours, and is no sign of the link's.
        """
        if snapshot.restore(now, found, self._detection, self.peer):
            self.counters.update(snapshot.counters(found))
            self.counters["restored"] += 1
            if grace and self.proof_at is not None and now - self.proof_at < self.detect + grace:
                self._detection.freeze(now + grace)

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
        detection = self._detection
        detection.peer_stated = datagram.detect
        if datagram.kind is MessageType.BYE:
            return self._peer_leaves(now, datagram.body.hold)
        was_eager = detection.is_eager
        proof = detection.prove(now, datagram.echo_sent, datagram.echo_delay)
        if self.peer.spoke(now, datagram.body) and self._probing:
            self._probing.hasten()
        hurry = adopted or (detection.is_eager and not was_eager)
        if self._probing:
            hurry |= self._settle(self._probing, proof, adopted=adopted)
        effects = self._advance(now)
        if not effects and self.is_open and datagram.body.words:
            effects = [events.PeerSpoke(datagram.body.words)]
        if hurry and self._probing:
            return effects + self._query(now)  # so that the controlled end has its proof without waiting an interval
        return effects + self._answer(now, datagram, self._sessions.speaking)

    def _settle(self, queries: probing.Probing, proof: Instant | None, *, adopted: bool) -> bool:
        """Settle the queries that a proof answers; return True when it ended a run of misses."""
        if adopted:
            queries.forget()
        settled = 0 if proof is None else queries.answered(proof)
        if settled or adopted:
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
            pair, detect = self._sessions.pair, self._detection.stated
            effects.append(self._speaker.take_leave(now, pair, detect=detect, hold=capped))
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
        return effects

    def _advance(self, now: Instant) -> list[Effect]:
        detection = self._detection
        if detection.is_steady or not detection.advance(now, f"round trip proven in {in_words(self.rtt or 0)}"):
            return []
        self.peer.expire(now, self.detect)
        return [events.Opened(self.reason), events.PeerSpoke(self.peer.words())]

    def _close(self, now: Instant, reason: str, *, flap: bool = True) -> list[Effect]:
        self.peer.silence()
        closed = events.Closed(reason, self.proof_at, self._probing.forget() if self._probing else 0)
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

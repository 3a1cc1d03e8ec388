"""Sessions: who is proven to be alive at the other end, by one rule for both ends (design 4.2).

A session is a random number that its owner uses for one conversation only. A datagram of an unknown session is never
believed: it makes a *candidate*, for which a fresh session of our own is drawn and answered with. When a datagram
echoes a fresh session, its sender has just read our answer, so both numbers become the confirmed *pair*. Until then the
confirmed pair stands. The *hello*, drawn at the start, is such a fresh session for a peer not met yet. So neither a
replayed old conversation nor a replayed greeting does anything.

There are few places for candidates, and replays want them all. But the stamps of whoever is restarted on a host go on
where those of its predecessor were, and what was recorded earlier is behind: a candidate whose stamp is the one to be
expected (*timely*) takes the place of one whose is not. Whoever's host was started anew is not timely. But a replay can
never prove itself, so it is known by having had its turn in vain: who has had fewer turns goes first.

Who has recorded thousands of sessions has a new one for every turn. So some of those that find no place are answered
*aside*: their fresh session is not drawn and kept but derived from theirs, so it needs no place, and is known when it
is echoed. That is as good a proof: what it is derived with is drawn anew whenever the candidates go.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import TypeAlias

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND, Duration, Instant
from linkbalancer.links import Role
from linkbalancer.lvrrp.packet import STAMPS, Datagram, Stamp
from linkbalancer.machine import Chance

CANDIDATES_MAX = 2
CANDIDATE_AGE_MIN: Duration = 100 * MILLISECOND
"""A candidate younger than this is not pushed out by the next: at most two are drawn in that time."""

TIMELY_AGE_MIN: Duration = 1 * SECOND
"""A timely candidate that was heard of within this is not pushed out by one that is not timely."""

TURN_MAX: Duration = 1 * SECOND
"""A candidate is not pushed out within this by one that has had more turns than itself, each of them in vain."""

TURNS_MAX = 1024
"""So many sessions are remembered that had a turn in vain; of more, the one whose turn was the longest ago goes."""

ASIDE_EVERY: Duration = 1 * MILLISECOND
"""One session without a place is answered in so much time: a flood has no more than that to say of what we send."""

ASIDE_SEQUENCE = 256
"""Where the sequence of a pair begins that was confirmed aside: more datagrams than any answer has."""

TIMELY: Duration = 1 * SECOND
TIMELY_MAX: Duration = 10 * SECOND
"""How far a timely stamp may be from the expected one: clocks drift, by a thousandth of what has passed at most."""

RETIRED_MEMORY: Duration = 1 * SECOND
"""How long a session that is proven to be superseded is kept from becoming a candidate again."""

SEQUENCE_LAST = 0xFFFF_FFF0
"""A new session is begun when a sequence has come so far; what is left covers the datagrams under way."""


@dataclass(slots=True)
class Conversation:
    """Our session and the peer's, with the sequence of each and what to echo. Only `Sessions` changes it."""

    own: int
    born: Instant
    peer: int = 0
    sequence: int = 0
    heard_sequence: int = 0
    heard_stamp: Stamp = 0
    heard_at: Instant = 0
    key_id: int = 0
    timely: bool = False

    def note(self, now: Instant, datagram: Datagram) -> None:
        """Keep what the next datagram of ours must echo."""
        self.peer = datagram.session
        self.heard_sequence = datagram.sequence
        self.heard_stamp = datagram.sent
        self.heard_at = now
        self.key_id = datagram.key_id


@dataclass(slots=True)
class Retired:
    """A session of the peer that is over, until when that is remembered, and how far its sequence came."""

    session: int = 0
    until: Instant = 0
    heard_sequence: int = 0

    def judge(self, sequence: int) -> "Refusal":
        """Refuse a datagram of it: what was heard before is a replay, what was not may be asked in earnest."""
        if sequence <= self.heard_sequence:
            return Refusal.SEQUENCE
        self.heard_sequence = sequence
        return Refusal.RETIRED


class Refusal(StrEnum):
    """Why an authentic datagram was not believed; the texts are the names of the counters."""

    OWN_SESSION = "own_session"
    SEQUENCE = "sequence"
    ECHO = "echo"
    RETIRED = "retired"
    CROWDED = "crowded"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The datagram belongs to the confirmed pair; `adopted` when it has just confirmed it."""

    conversation: Conversation
    adopted: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """The datagram proves nothing yet: answer in this conversation, believe nothing."""

    conversation: Conversation


Heard: TypeAlias = Confirmed | Candidate | Refusal


class Sessions:
    """The confirmed pair of a link, and the candidates for the next one."""

    def __init__(self, role: Role, chance: Chance, now: Instant, *, sequence_last: int = SEQUENCE_LAST) -> None:
        self._role = role
        self._chance = chance
        self._sequence_last = sequence_last
        self._hello = self._draw(now)
        self._pair: Conversation | None = None
        self._candidates: list[Conversation] = []
        self._retired = Retired()
        self._clock: tuple[Stamp, Instant] | None = None
        self._turns: dict[int, int] = {}
        self._aside_at: Instant | None = None
        self._salt = 0

    @property
    def pair(self) -> Conversation | None:
        """The confirmed conversation."""
        return self._pair

    @property
    def speaking(self) -> Conversation:
        """The conversation to query in: the confirmed one, else the hello."""
        return self._pair or self._hello

    @property
    def clock(self) -> tuple[Stamp, Instant] | None:
        """The last believed stamp of the peer and when it came, for a successor; it outlives the sessions."""
        return self._clock

    def set_clock(self, now: Instant, found: object) -> None:
        """Go on with the clock that a predecessor left; one that makes no sense is none."""
        match found:
            case [int(stamp), int(at)] if 0 <= stamp < STAMPS and at <= now:
                self._clock = stamp, at
            case _:
                pass

    def hear(self, now: Instant, datagram: Datagram) -> Heard:
        """Place an authentic datagram of the peer."""
        fresh = self._fresh()
        if datagram.session in {self._hello.own, self.speaking.own} or datagram.session in fresh:
            return Refusal.OWN_SESSION
        if self._pair is not None and datagram.session == self._pair.peer:
            return self._continued(now, self._pair, datagram)
        if datagram.session == self._retired.session and now < self._retired.until:
            return self._retired.judge(datagram.sequence)
        candidate = next((known for known in self._candidates if known.peer == datagram.session), None)
        if candidate is not None and datagram.sequence <= candidate.heard_sequence:
            return Refusal.SEQUENCE
        if datagram.echoed in fresh:
            return self._adopt(now, fresh[datagram.echoed], datagram)
        if self._salt and datagram.echoed == self._derived(datagram.session):
            return self._adopt(now, Conversation(datagram.echoed, now, sequence=ASIDE_SEQUENCE), datagram)
        if self._role is Role.CONTROLLER and datagram.echoed != self.speaking.own:
            return Refusal.ECHO  # the controller speaks first: what answers somebody else is no news
        candidate = candidate or self._admit(now, datagram.session, timely=self._is_timely(now, datagram.sent))
        candidate = candidate or self._aside(now, datagram.session)
        if candidate is None:
            return Refusal.CROWDED
        candidate.note(now, datagram)
        return Candidate(candidate)

    def next_sequence(self, now: Instant, conversation: Conversation) -> int:
        """Count one more datagram sent; begin a new session in good time before the numbers run out."""
        conversation.sequence += 1
        if conversation.sequence >= self._sequence_last:
            self._begin_anew(now)
        return conversation.sequence

    def forget(self, now: Instant) -> None:
        """End the conversation for good: either end took leave."""
        if self._pair is not None:
            self._retired = Retired(self._pair.peer, now + RETIRED_MEMORY, self._pair.heard_sequence)
        self._begin_anew(now)

    def _begin_anew(self, now: Instant) -> None:
        self._pair = None
        self._candidates, self._salt = [], 0
        self._hello = self._draw(now)

    def refuses(self, session: int, echoed: int, sequence: int) -> Refusal | None:
        """Return why a datagram of the confirmed peer's session is worth nothing, whoever wrote it; None if it may be.

        That needs no tag, so a flood of repetitions costs nobody an HMAC.
        """
        pair = self._pair
        if pair is None or session != pair.peer:
            return None
        if echoed != pair.own:
            return Refusal.ECHO
        return Refusal.SEQUENCE if sequence <= pair.heard_sequence else None

    def _continued(self, now: Instant, pair: Conversation, datagram: Datagram) -> Heard:
        refused = self.refuses(datagram.session, datagram.echoed, datagram.sequence)
        if refused is not None:
            return refused
        self._note(now, pair, datagram)
        return Confirmed(pair, adopted=False)

    def _adopt(self, now: Instant, conversation: Conversation, datagram: Datagram) -> Confirmed:
        if conversation.peer not in (0, datagram.session):
            # Its owner has moved on to datagram.session.
            self._retired = Retired(conversation.peer, now + RETIRED_MEMORY, conversation.heard_sequence)
        self._note(now, conversation, datagram)
        self._pair = conversation
        self._candidates, self._salt = [], 0
        return Confirmed(conversation, adopted=True)

    def _note(self, now: Instant, conversation: Conversation, datagram: Datagram) -> None:
        conversation.note(now, datagram)
        self._clock = datagram.sent, now

    def _fresh(self) -> dict[int, Conversation]:
        fresh = {candidate.own: candidate for candidate in self._candidates}
        if self._pair is None:
            fresh[self._hello.own] = self._hello
        return fresh

    def _admit(self, now: Instant, session: int, *, timely: bool) -> Conversation | None:
        if len(self._candidates) == CANDIDATES_MAX:
            turns = self._turns.get(session, 0)
            weakest = next((one for one in self._candidates if self._gives_way(now, one, turns, timely=timely)), None)
            if weakest is None:
                return None
            self._candidates.remove(weakest)
            self._in_vain(weakest.peer)
        candidate = self._draw(now)
        candidate.timely = timely
        self._candidates.append(candidate)
        return candidate

    def _in_vain(self, session: int) -> None:
        """Remember that a candidate has had its turn, and has proven nothing."""
        self._turns[session] = self._turns.pop(session, 0) + 1
        if len(self._turns) > TURNS_MAX:
            del self._turns[next(iter(self._turns))]

    def _gives_way(self, now: Instant, one: Conversation, turns: int, *, timely: bool) -> bool:
        """Return whether a candidate makes room for another one, timely or not, that has had so many turns."""
        if one.timely != timely:
            return timely or now - one.heard_at >= TIMELY_AGE_MIN
        had = self._turns.get(one.peer, 0)
        return turns < had or now - one.born >= (CANDIDATE_AGE_MIN if turns == had else TURN_MAX)

    def _aside(self, now: Instant, session: int) -> Conversation | None:
        """Return a conversation without a place for one that has had no turn yet: now and then, where many come."""
        if self._aside_at is None:
            self._aside_at = now + ASIDE_EVERY
        if now < self._aside_at or session in self._turns:
            return None
        self._aside_at = now + ASIDE_EVERY
        self._salt = self._salt or self._chance.getrandbits(128) or 1
        return Conversation(own=self._derived(session), born=now)

    def _derived(self, session: int) -> int:
        """Return the fresh session of one that is answered aside: nobody else can know it who has not read it."""
        digest = blake2b(session.to_bytes(8, "big"), digest_size=8, key=self._salt.to_bytes(16, "big")).digest()
        return int.from_bytes(digest, "big") or 1

    def _is_timely(self, now: Instant, sent: Stamp) -> bool:
        """Return whether a stamp is about where the peer's clock must be by now, if it is the clock that we know."""
        if self._clock is None:
            return False
        stamp, at = self._clock
        ahead = (sent - stamp - (now - at) // MICROSECOND) % STAMPS * MICROSECOND
        return min(ahead, STAMPS * MICROSECOND - ahead) <= min(TIMELY + (now - at) // 1000, TIMELY_MAX)

    def _draw(self, now: Instant) -> Conversation:
        return Conversation(own=self._chance.getrandbits(64) or 1, born=now)

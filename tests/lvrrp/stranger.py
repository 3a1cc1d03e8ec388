"""A controlled end that somebody else could have written: from docs/protocol.md, and with nothing of our code.

It has one key and no snapshot, and makes nothing of what is only shown to people. Times are nanoseconds.
"""

import hmac
import struct
from collections.abc import Callable
from dataclasses import dataclass

HEADER = struct.Struct("!2sBBBBHQQIIIII")
MS, SECOND = 10**6, 10**9
QUERY, STATE, WEIGHT, ADJUST, BYE = 1, 2, 3, 4, 5
NODE, LINK, WORD, ADJUSTMENT, HOLD = 1, 2, 3, 6, 9
KINDS = {QUERY, STATE, WEIGHT, ADJUST, BYE}
PAGE = 40


def stamp(now: int) -> int:
    """Return a clock as `sent` has it."""
    return now // 1000 % 2**32


def element(kind: int, value: bytes) -> bytes:
    """Return an element."""
    return struct.pack("!BH", kind, len(value)) + value


def elements(data: bytes) -> list[tuple[int, bytes]]:
    """Return the elements of an authentic datagram."""
    found = []
    while data:
        kind, length = struct.unpack("!BH", data[:3])
        found.append((kind, data[3 : 3 + length]))
        data = data[3 + length :]
    return found


@dataclass
class Talk:
    """A conversation: my session and the peer's, the sequences, and what to echo (section 3)."""

    own: int
    born: int
    peer: int = 0
    sequence: int = 0
    heard: int = 0
    echo: int = 0
    echo_at: int = 0
    timely: bool = False


class Stranger:
    """The controlled end of section 3 and 4; `draw` returns the next random session."""

    def __init__(self, secret: bytes, link: str, node: str, draw: Callable[[], int]) -> None:
        context = b"lvrrp1" + bytes([len(link)]) + link.encode()
        self.peer_key, self.own_key = (
            hmac.digest(secret, context + role, "sha256") for role in (b"controller", b"controlled")
        )
        self.names = element(NODE, node.encode()) + element(LINK, link.encode())
        self.link, self.draw, self.hello = link, draw, draw()
        self.words: bytes = b""
        self.pair: Talk | None = None
        self.candidates: list[Talk] = []
        self.in_vain: list[int] = []
        self.retired, self.retired_until, self.retired_heard = 0, 0, 0
        self.detect = self.up_delay = 600 * MS
        self.peer_detect = 0
        self.carrier, self.is_open, self.started = False, False, False
        self.since = self.not_before = self.penalty = 0
        self.proof_at: int | None = None
        self.proven_since: int | None = None
        self.frozen_until: int | None = None
        self.clock: tuple[int, int] | None = None
        self.adjusted: dict[bytes, int] = {}
        self.doubted: set[bytes] = set()
        self.doubted_since = 0

    @property
    def silence(self) -> int:
        """The detect time in force."""
        return max(self.detect, self.peer_detect)

    # What happens.

    def state(self, now: int, words: bytes) -> list[bytes]:
        """Have other words from now on."""
        news, self.words = words != self.words, words
        return [self.say(now, STATE, self.pair)] if news and self.carrier and self.started and self.pair else []

    def change_carrier(self, now: int, *, up: bool) -> None:
        """Have carrier, or lose it."""
        if up == self.carrier:
            return
        self.carrier = up
        if up:
            self.not_before, self.proven_since = now // 1000 * 1000, None
        else:
            self.close(now, flap=True)

    def leave(self, now: int) -> list[bytes]:
        """Stop."""
        said = [self.say(now, BYE, self.pair)] if self.started and self.pair else []
        self.started = False
        self.part(now)
        self.close(now, flap=False)
        return said

    def receive(self, now: int, data: bytes) -> list[bytes]:
        """Hear a datagram."""
        if not self.started or not 60 <= len(data) <= 1200:
            return []
        magic, version, kind, key, _, length, session, echoed, sequence, detect, sent, echo, delay = HEADER.unpack(
            data[:44]
        )
        if (magic, version, length, key) != (b"LV", 1, len(data), 1):
            return []
        if not hmac.compare_digest(hmac.digest(self.peer_key, data[:-16], "sha256")[:16], data[-16:]):
            return []
        body = elements(data[44:-16])
        if kind not in KINDS or dict(body).get(LINK, self.link.encode()) != self.link.encode():
            return []
        former = self.pair
        talk = self.place(now, session, echoed, sequence, sent)
        if talk is None:
            late = (
                session == self.retired
                and now < self.retired_until
                and sequence > self.retired_heard
                and not (self.pair and session == self.pair.peer)
            )
            self.retired_heard = sequence if late else self.retired_heard
            return [self.say(now, STATE, self.pair)] if late and kind == QUERY and self.pair and self.carrier else []
        talk.peer, talk.heard, talk.echo, talk.echo_at = session, sequence, sent, now
        if talk is self.pair:
            self.peer_detect, self.clock = detect * MS, (sent, now)
            if talk is not former:
                self.doubted, self.doubted_since = set(self.adjusted), now
            if kind in {QUERY, STATE}:
                self.prove(now, echo, delay * 1000)
                self.advance(now)
            return self.believe(now, kind, body)
        return [self.say(now, STATE, talk)] if kind == QUERY else []

    def believe(self, now: int, kind: int, body: list[tuple[int, bytes]]) -> list[bytes]:
        """Do what a datagram of the pair wants."""
        assert self.pair
        if kind == BYE:
            self.be_left(now, dict(body).get(HOLD))
        if kind == ADJUST:
            return self.obey(now, [value for kind, value in body if kind == ADJUSTMENT])
        return [self.say(now, STATE, self.pair)] if kind == QUERY else []

    def tick(self, now: int) -> None:
        """Do what time brings."""
        if not self.started:
            return
        self.advance(now)
        silent = self.proof_at is not None and now >= self.proof_at + self.silence
        if self.is_open and self.frozen_until is None and silent:
            self.close(now, flap=True)
        elif self.is_open and self.doubted and now >= self.doubted_since + 30 * SECOND:
            for group in self.doubted:
                del self.adjusted[group]
            self.doubted = set()

    # Section 5, adjusted priorities.

    def obey(self, now: int, wanted: list[bytes]) -> list[bytes]:
        """Have other priorities, and answer."""
        answers = []
        for value in wanted:
            group, priority, generation = value[:2], value[2], value[3:7]
            if priority in {1, 255}:
                answers.append(group + bytes([self.adjusted.get(group, 0)]) + generation)
                continue
            self.doubted.discard(group)
            if priority:
                self.adjusted[group] = priority
            else:
                self.adjusted.pop(group, None)
            answers.append(value[:7])
        assert self.pair
        pages = [answers[start : start + PAGE] for start in range(0, len(answers), PAGE)]
        return [self.say(now, ADJUST, self.pair, b"".join(element(ADJUSTMENT, one) for one in page)) for page in pages]

    # Section 3.

    def place(self, now: int, session: int, echoed: int, sequence: int, sent: int) -> Talk | None:
        """Return the conversation of a datagram, the pair being confirmed where it is; None: drop it."""
        fresh = {one.own: one for one in self.candidates}
        if session in {self.hello, *fresh} or (self.pair and session == self.pair.own):
            return None
        if self.pair and session == self.pair.peer:
            return self.pair if echoed == self.pair.own and sequence > self.pair.heard else None
        if session == self.retired and now < self.retired_until:
            return None
        known = next((one for one in self.candidates if one.peer == session), None)
        if known and sequence <= known.heard:
            return None
        if echoed in fresh:
            self.pair, self.candidates = fresh[echoed], []
            if self.pair.peer != session:
                self.retired, self.retired_until, self.retired_heard = self.pair.peer, now + SECOND, self.pair.heard
            return self.pair
        return known or self.admit(now, session, timely=self.is_timely(now, sent))

    def admit(self, now: int, session: int, *, timely: bool) -> Talk | None:
        """Return a conversation for a new candidate, if there is room for it."""
        if len(self.candidates) == 2:
            turns = self.in_vain.count(session)
            for one in self.candidates:
                had = self.in_vain.count(one.peer)
                wait = 0 if turns < had else 100 * MS if turns == had else SECOND
                if one.timely == timely and now - one.born >= wait:
                    break
                if one.timely != timely and (timely or now - one.echo_at >= SECOND):
                    break
            else:
                return None
            self.candidates.remove(one)
            self.in_vain.append(one.peer)  # nobody here has a thousand sessions
        self.candidates.append(Talk(self.draw(), now, timely=timely))
        return self.candidates[-1]

    def is_timely(self, now: int, sent: int) -> bool:
        """Tell whether a stamp is where the peer's clock must be by now."""
        if self.clock is None:
            return False
        was, at = self.clock
        ahead = (sent - was - (now - at) // 1000) % 2**32
        return min(ahead, 2**32 - ahead) * 1000 <= min(SECOND + (now - at) // 1000, 10 * SECOND)

    def part(self, now: int) -> None:
        """End the conversation: either end took leave."""
        if self.pair:
            self.retired, self.retired_until, self.retired_heard = self.pair.peer, now + SECOND, self.pair.heard
        self.pair, self.candidates, self.hello = None, [], self.draw()

    # Section 4.

    def prove(self, now: int, echo: int, delay: int) -> None:
        """Judge an echo."""
        at = (now // 1000 - (now // 1000 - echo) % 2**32) * 1000
        age = now - at
        if not self.carrier or at < self.not_before or age >= self.silence or delay - age > MS + age // 1000:
            return
        broken = self.proof_at is None or now - self.proof_at >= self.silence
        self.proof_at = max(at, self.proof_at or at)
        if self.is_open:
            self.frozen_until = None
        elif broken or self.proven_since is None:
            self.proven_since = now

    def advance(self, now: int) -> None:
        """End a hold, notice that a proof is broken, or open."""
        if self.is_open:
            if self.frozen_until is not None and now >= self.frozen_until:
                self.frozen_until = None
        elif self.proven_since is not None and self.proof_at is not None:
            wait = self.up_delay * 2 ** (self.penalty - 1) if self.penalty else 0
            if now - self.proof_at >= self.silence:
                self.proven_since = None
            elif now >= self.proven_since + wait:
                self.is_open, self.since, self.proven_since = True, now, None
                self.doubted_since = now

    def be_left(self, now: int, hold: bytes | None) -> None:
        """Hear a BYE in the pair."""
        if hold is None:
            self.part(now)
            self.close(now, flap=False)
        elif self.is_open:
            self.frozen_until = now + min(int.from_bytes(hold, "big"), 5000) * MS

    def close(self, now: int, *, flap: bool) -> None:
        """Close, whatever the state is."""
        if self.is_open:
            forgiven = (now - self.since) // (10 * self.silence)
            self.penalty = min(max(0, self.penalty - forgiven) + flap, 5)
        self.is_open, self.proof_at, self.proven_since, self.frozen_until = False, None, None, None
        self.not_before = now // 1000 * 1000

    def say(self, now: int, kind: int, talk: Talk, more: bytes = b"") -> bytes:
        """Return the next datagram of a conversation: a STATE has all words."""
        talk.sequence += 1
        body = self.names + (self.words if kind == STATE else more)
        kept = (now - talk.echo_at) // 1000
        signed = HEADER.pack(
            b"LV", 1, kind, 1, 0, 60 + len(body), talk.own, talk.peer, talk.sequence, self.detect // MS, stamp(now),
            talk.echo, min(kept, 2**32 - 1),
        ) + body  # fmt: skip
        return signed + hmac.digest(self.own_key, signed, "sha256")[:16]

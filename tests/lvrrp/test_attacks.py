"""What somebody between the two ends can do without a key: delay and lose datagrams, and nothing else.

Whoever is between sees all datagrams, of this run and of an earlier one under the same key, and hands any of them to
either end, at any time, as often as he likes, whole, cut or changed.
"""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.links import GroupId, GroupState, GroupWord
from linkbalancer.lvrrp.events import Bye, Carrier, Effect, Event, Received, Words
from linkbalancer.lvrrp.link import Link
from linkbalancer.lvrrp.probing import patience, repeat
from tests.lvrrp.pair import FAR, NEAR, Pair

MS = MILLISECOND
DETECT = 600 * MS
GROUP = GroupId(1)
OTHER = {NEAR: FAR, FAR: NEAR}


def earlier_run() -> list[tuple[str, bytes]]:
    """Return all that was said in a run of the same link and key, both leaves included."""
    pair = Pair(seed=10**9).start()
    for generation in (1, 2, 3):
        pair.do(FAR, Words((GroupWord(1, GroupState.MASTER, 254, generation),)))
        pair.do(NEAR, Words((GroupWord(1, GroupState.FAULT, 0, generation),)))
        pair.run(200 * MS)
    pair.do(FAR, Bye(5 * SECOND))
    pair.do(NEAR, Bye(None))
    return pair.sent


EARLIER = earlier_run()


def longest_trust(end: Link) -> Duration:
    """Return how old a proof may be while an end is open: a controller, also a new one, asks k times first."""
    if end._probing is None:
        return end.detect
    asking = 2 * patience(end.rtt) + end._probing.needed * repeat(end.rtt)
    return end.detect + asking


def spoil(data: bytes, chance: random.Random) -> bytes:
    """Cut, lengthen or change a datagram."""
    match chance.randrange(4):
        case 0:
            return data[: chance.randrange(len(data))]
        case 1:
            return data + chance.randbytes(chance.randrange(1, 40))
        case 2:
            place = chance.randrange(len(data))
            return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]
        case _:
            return chance.randbytes(chance.randrange(100))


class Siege(Pair):
    """Two ends of which everything passes through the hands of an adversary; what they say is numbered and noted."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed=seed)
        self.adversary = random.Random(seed)
        self.quiet_until: Instant = 0
        self.former: dict[str, Duration] = {}
        self.stated: dict[str, list[Instant]] = {NEAR: [], FAR: []}
        """When each generation of each end's word was replaced by the next; the last one stands."""

    def _record(self, name: str, event: Event, effects: list[Effect]) -> None:
        """Keep no recording: what the adversary writes need not be legible."""

    def state_anew(self, name: str) -> None:
        """Let an end have another word on the group."""
        self.stated[name].append(self.now)
        generation = len(self.stated[name])
        self.do(name, Words((GroupWord(1, GroupState.BACKUP, 100, generation),)))

    def begin_anew(self, name: str) -> None:
        """Kill an end and start it again, with or without what it knew; it says again what it said.

        Not so often that a controller never comes to an end of its questions.
        """
        if self.now < self.quiet_until:
            return
        self.quiet_until = self.now + 2 * SECOND
        self.former = {name: longest_trust(self.ends[name]) + 100 * MS}
        self.restart(name, adopt=self.adversary.random() < 0.5)
        if self.stated[name]:
            self.do(name, Words((GroupWord(1, GroupState.BACKUP, 100, len(self.stated[name])),)))

    def trust(self, name: str) -> Duration:
        """Return how old a proof may be; a successor first goes on with its predecessor's, and asks three times."""
        former = self.former.get(name, 0) if self.now < self.quiet_until else 0
        return max(former, longest_trust(self.ends[name]))

    def age(self, name: str) -> int:
        """Return how long ago what an end believes of the other was last true; 0 while it is, or nothing is known."""
        word = self.ends[name].word(GROUP, self.now)
        replaced = self.stated[OTHER[name]]
        if word is None or word.generation == len(replaced):
            return 0
        assert word.state is GroupState.BACKUP, "only what was said in this run"
        return self.now - replaced[word.generation]

    def interfere(self) -> None:
        """Hand one end something: old or new, back to its sender or not, whole or spoilt."""
        sender, data = self.adversary.choice(self.sent if self.adversary.random() < 0.7 else EARLIER)
        receiver = self.adversary.choice((OTHER[sender], OTHER[sender], sender))
        self.do(receiver, Received(spoil(data, self.adversary) if self.adversary.random() < 0.2 else data))


def under_siege(seed: int, loss: float, delay: int) -> Siege:
    """Return an open link whose datagrams are lost, delayed and repeated as the adversary likes."""
    siege = Siege(seed)
    siege.start().run(300 * MS)
    chance = siege.adversary

    def fate(_sender: str, _now: Instant) -> list[int]:
        copies = 0 if chance.random() < loss else chance.choice((1, 1, 2, 3))
        return [chance.randrange(1, delay) * MS for _ in range(copies)]

    siege.fate = fate
    return siege


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), loss=st.sampled_from([0, 0.3, 0.8]), delay=st.sampled_from([2, 300, 2000]))
def test_nobody_is_made_to_believe_what_is_not_said(seed: int, loss: float, delay: int) -> None:
    """No end believes what was not said, or was unsaid a detect time ago; none is open without a round trip.

    Ends that are restarted meanwhile are no exception.
    """
    siege = under_siege(seed, loss, delay)
    for _ in range(150):
        siege.run(siege.adversary.randrange(1, 30) * MS)
        match siege.adversary.randrange(40):
            case 0:
                siege.begin_anew(siege.adversary.choice((NEAR, FAR)))
            case number if number < 10:
                siege.state_anew(siege.adversary.choice((NEAR, FAR)))
            case _:
                siege.interfere()
        siege.run(0)  # what is due now is done: a shorter detect time may just have been heard of
        for name in (NEAR, FAR):
            end = siege.ends[name]
            assert siege.age(name) <= siege.trust(name)
            assert not end.is_open or siege.now - (end.proof_at or 0) <= siege.trust(name)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_what_is_added_changes_nothing(seed: int) -> None:
    """Replay, reflection, forgery and cut datagrams, a thousand a second: the same words, openness and proofs."""
    quiet, siege = Siege(seed).start(), Siege(seed).start()
    for step in range(40):
        for pair in (quiet, siege):
            pair.run(50 * MS)
            if step % 7 == 3:
                pair.state_anew(FAR)
        for _ in range(50):
            siege.interfere()

    for name in (NEAR, FAR):
        assert siege.changes_of(name) == quiet.changes_of(name)
        assert siege.ends[name].word(GROUP, siege.now) == quiet.ends[name].word(GROUP, quiet.now)
        assert siege.ends[name].proof_at is not None
        assert siege.now - (siege.ends[name].proof_at or 0) < 2 * 200 * MS + 10 * MS


def test_every_refusal_has_its_counter() -> None:
    """Under a siege each way to be refused is counted by its own name, so that somebody can see what goes on."""
    siege = under_siege(7, 0.1, 100)
    for _ in range(600):
        siege.run(5 * MS)
        siege.interfere()
    counted = siege.near.counters + siege.far.counters

    wanted = ("length", "magic", "tag", "reflected", "own_session", "sequence", "echo", "candidate")
    assert [name for name in wanted if not counted[name]] == ["own_session"], "it would need our key to send it"


def test_a_session_of_our_own_in_the_peers_hand_is_refused() -> None:
    """Only who has the key could send it, and gets nothing for it."""
    pair = Pair().start().run(SECOND)
    twin = Pair(seed=1)
    conversation = twin.near._sessions._hello
    conversation.own = pair.far._sessions.pair.own if pair.far._sessions.pair else 0
    twin.start(NEAR)

    assert pair.do(FAR, Received(twin.sent[-1][1])) == []
    assert pair.far.counters["own_session"] == 1


@pytest.mark.parametrize("name", [NEAR, FAR])
def test_what_is_replayed_provokes_no_storm(name: str) -> None:
    """Nothing that is not authentic is answered; an old query costs the controlled end one answer, however often."""
    pair = Pair().start().run(SECOND)
    before = len(pair.sent)
    for sender, data in EARLIER * 20:
        if sender != name:
            pair.do(name, Received(data))
    for data in [spoil(data, pair.chance) for _, data in EARLIER]:
        pair.do(name, Received(data))

    queries = sum(sender == NEAR for sender, _ in EARLIER)
    assert len(pair.sent) - before <= (0 if name == NEAR else queries)


def test_carrier_ends_what_was_proven_before() -> None:
    """A datagram kept back over a loss of carrier proves nothing afterwards."""
    pair = Pair().start().run(SECOND)
    pair.fate = lambda sender, _now: [] if sender == FAR else [MS]
    before = len(pair.sent)
    pair.run(250 * MS)
    kept = [data for sender, data in pair.sent[before:] if sender == FAR]
    pair.do(NEAR, Carrier(up=False))
    pair.do(NEAR, Carrier(up=True))
    for data in kept:
        pair.do(NEAR, Received(data))

    assert kept
    assert pair.near.counters["sequence"] == 0, "each would count but for the carrier"
    assert (pair.near.is_open, pair.near.proof_at) == (False, None)

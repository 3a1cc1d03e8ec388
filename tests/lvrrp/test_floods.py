"""Floods, jumps of clocks and patient adversaries: no state moves, and the counters say why."""

import random
import struct

import pytest

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND, Duration, Instant
from linkbalancer.links import GroupId, GroupState, GroupWord, Role
from linkbalancer.lvrrp import packet
from linkbalancer.lvrrp.events import Adjust, Carrier, Effect, Event, Received, Start, Transmit, Words
from linkbalancer.lvrrp.link import Link
from linkbalancer.lvrrp.packet import TAG_LENGTH
from linkbalancer.lvrrp.session import CANDIDATES_MAX, TURNS_MAX
from tests.lvrrp.pair import BOOT, FAR, KEY, NEAR, Pair
from tests.lvrrp.pair import settings as settings_of

MS = MILLISECOND
MASTER = GroupWord(1, GroupState.MASTER, 150, 1)
ONE = GroupId(1)
SENT, ECHO_SENT = 32, 36
"""Where the stamps stand in a datagram."""


class Quiet(Pair):
    """Two ends of which no recording is kept: what arrives need not be legible."""

    def _record(self, name: str, event: Event, effects: list[Effect]) -> None:
        """Keep none."""


def ready(seed: int = 1) -> Quiet:
    """Return an open link with words, and a priority that was adjusted."""
    pair = Quiet(seed=seed)
    pair.do(FAR, Words((MASTER,)))
    pair.start().run(500 * MS)
    pair.do(NEAR, Adjust(((ONE, 120, 37.5),)))
    pair.run(100 * MS)
    return pair


def former(seed: int) -> list[bytes]:
    """Return what a controller of the same link and key had said in a run before."""
    pair = Quiet(seed=10**6 + seed).start().run(300 * MS)
    return [data for sender, data in pair.sent if sender == NEAR]


def rubbish(pair: Pair, name: str, chance: random.Random) -> bytes:
    """Return a datagram that is worth nothing to one end: what has arrived already, changed or not."""
    past = pair.sent[-56:-6]
    data = chance.choice([one for sender, one in past if sender != name])
    match chance.randrange(8):
        case 0:
            return chance.randbytes(chance.randrange(200))
        case 1:
            return data[: chance.randrange(len(data))]
        case 2:
            return data
        case 3:
            return data[:24] + chance.randbytes(4) + data[28:]
        case 4:
            return data[:8] + chance.randbytes(8) + data[16:]
        case 5:
            return data[:4] + b"\x09" + data[5:8] + chance.randbytes(8) + data[16:]
        case 6:
            return data[:16] + chance.randbytes(8) + data[24:]
        case _:
            return chance.choice([one for sender, one in past if sender == name])


def test_ten_thousand_a_second_move_nothing() -> None:
    """At each end, for two seconds: openness, words, priorities and proofs are as without; each is counted."""
    pair, chance = ready(), random.Random(1)
    before = {name: pair.ends[name].counters.copy() for name in (NEAR, FAR)}
    sent = len(pair.sent)
    for _ in range(2000):
        pair.run(MS)
        for name in (NEAR, FAR):
            for _ in range(10):
                assert pair.do(name, Received(rubbish(pair, name, chance))) == []

    assert [len(pair.changes_of(name)) for name in (NEAR, FAR)] == [1, 1]
    assert (pair.near.word(ONE, pair.now), pair.far.adjusted(ONE)) == (MASTER, 120)
    assert len(pair.sent) - sent < 60, "as many as without"
    for name in (NEAR, FAR):
        counted = pair.ends[name].counters - before[name]
        whys = ("length", "magic", "tag", "key", "reflected", "sequence", "echo")
        assert min(counted[why] for why in whys) > 0
        assert sum(counted[why] for why in whys) == 20_000


def test_repetitions_cost_no_tag() -> None:
    """They are seen by their place alone: nobody reckons an HMAC for what would be dropped all the same."""
    pair = ready()
    last = [data for sender, data in pair.sent if sender == NEAR][-1]
    known = pair.far.counters.copy()
    for data in (last, last[:-TAG_LENGTH] + bytes(TAG_LENGTH), last[:16] + bytes(8) + last[24:]):
        assert pair.do(FAR, Received(data)) == []

    assert pair.far.counters - known == {"received": 3, "sequence": 2, "echo": 1}


def test_replays_of_many_runs_do_not_keep_a_restarted_controller_out() -> None:
    """Thousands a second, of forty sessions: both places are taken all the time, and the pair is confirmed at once."""
    runs = [former(seed) for seed in range(40)]
    pair, chance = ready(), random.Random(1)
    pair.run(20 * SECOND)
    for _ in range(300):
        pair.run(MS)
        pair.do(FAR, Received(chance.choice(chance.choice(runs))))
    assert pair.far.counters["crowded"] > 0
    assert pair.agree
    for _ in range(6):
        pair.restart(NEAR, adopt=True)
        for _ in range(33):
            for _ in range(5):
                pair.do(FAR, Received(chance.choice(chance.choice(runs))))
            pair.run(MS)
        assert pair.agree

    assert [len(pair.changes_of(name)) for name in (NEAR, FAR)] == [1, 1]


def test_replays_do_not_keep_it_out_of_an_end_that_is_restarted_too() -> None:
    """Its successor goes on with the clock of its peer."""
    runs = [former(seed) for seed in range(40)]
    pair, chance = ready(), random.Random(1)
    pair.run(20 * SECOND)
    pair.restart(FAR, adopt=True)
    pair.restart(NEAR, adopt=True)
    for _ in range(20):
        for _ in range(5):
            pair.do(FAR, Received(chance.choice(chance.choice(runs))))
        pair.run(MS)

    assert pair.agree
    assert pair.both_open


def test_a_host_that_was_started_anew_is_let_in_when_the_replays_end() -> None:
    """Its clock begins anew, so it is not timely, and has to wait for a place as anybody else."""
    pair = ready()
    pair.run(20 * SECOND)
    assert pair.far._sessions.clock is not None
    stamp, at = pair.far._sessions.clock
    pair.far._sessions.set_clock(pair.now, [(stamp + 10**9) % 2**32, at])
    for seed in range(CANDIDATES_MAX):
        pair.do(FAR, Received(former(seed)[0]))
    pair.restart(NEAR, adopt=True)
    assert not pair.agree
    pair.run(SECOND)
    assert pair.agree


def begun_anew(pair: Quiet) -> None:
    """Start the near end's host anew: a process whose clock is another one, of which the far end knows nothing."""
    assert pair.far._sessions.clock is not None
    stamp, at = pair.far._sessions.clock
    pair.far._sessions.set_clock(pair.now, [(stamp + 10**9) % 2**32, at])
    pair.restart(NEAR, adopt=True)


@pytest.mark.parametrize(("sessions", "seed"), [(2, 1), (10, 1), (40, 1), (40, 2), (40, 3)])
def test_a_host_that_was_started_anew_is_let_in_amid_replays(sessions: int, seed: int) -> None:
    """Each session has a turn of 100 ms in one of two places, then waits for all that had none: that is the bound.

    Whatever comes of them, five thousand a second here; and again, when all have had a turn, at once.
    """
    runs = [former(number) for number in range(sessions)]
    pair, chance = ready(seed), random.Random(seed)
    pair.run(20 * SECOND)

    def flooded_until_agreed(limit: Duration) -> Duration:
        began = pair.now
        while not pair.agree:
            assert pair.now - began <= limit
            for _ in range(5):
                pair.do(FAR, Received(chance.choice(chance.choice(runs))))
            pair.run(MS)
        return pair.now - began

    assert flooded_until_agreed(0) == 0
    for _ in range(500):
        pair.do(FAR, Received(chance.choice(chance.choice(runs))))
    begun_anew(pair)
    flooded_until_agreed((sessions + 1) // 2 * 100 * MS + 400 * MS)
    pair.run(20 * SECOND)
    for _ in range(500):
        pair.do(FAR, Received(chance.choice(chance.choice(runs))))
    begun_anew(pair)
    assert flooded_until_agreed(400 * MS) < 400 * MS


def greetings(count: int) -> list[bytes]:
    """Return the first queries of so many controllers of the same link and key."""
    found = []
    for number in range(count):
        link = Link(settings_of(Role.CONTROLLER), (KEY,), random.Random(10**7 + number), BOOT)
        link.handle(BOOT, Carrier(up=True))
        found += [effect.data for effect in link.handle(BOOT, Start()) if isinstance(effect, Transmit)]
    return found


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(1, 6))
def test_more_sessions_than_are_remembered_put_nobody_off_for_long(seed: int) -> None:
    """Every turn finds one that had none; at ten thousand a second a host that was started anew is answered aside."""
    runs = greetings(3 * TURNS_MAX)
    pair, chance = ready(seed), random.Random(seed)
    pair.run(20 * SECOND)

    def replayed() -> None:
        pair.do(FAR, Received(chance.choice(runs)))
        pair.run(chance.randrange(200 * MICROSECOND))

    for _ in range(2000):
        replayed()
    begun_anew(pair)
    began = pair.now
    while not pair.agree:
        assert pair.now - began <= 10 * SECOND
        replayed()
    assert pair.run(5 * SECOND).both_open


class Skewed(Quiet):
    """The clock of one end jumps: its stamps are changed on their way out, and back on their way in."""

    def __init__(self, jumper: str) -> None:
        super().__init__()
        self.jumper, self.ahead = jumper, 0

    def deliver(self, name: str, data: bytes, delay: Duration = 0) -> None:
        """Change the stamp that is the jumper's."""
        place, by = (SENT, self.ahead) if name != self.jumper else (ECHO_SENT, -self.ahead)
        (stamp,) = struct.unpack_from("!I", data, place)
        changed = data[:place] + struct.pack("!I", (stamp + by) % 2**32) + data[place + 4 : -TAG_LENGTH]
        tag = (self.far if name == NEAR else self.near)._speaker.keyring.tag(data[4], changed)
        super().deliver(name, changed + tag, delay)


@pytest.mark.parametrize(("jumper", "other"), [(NEAR, FAR), (FAR, NEAR)])
def test_a_peer_whose_clock_jumps_moves_nothing(jumper: str, other: str) -> None:
    """Forwards, backwards, over the end of the stamps: what was under way proves nothing, the next does again."""
    pair = Skewed(jumper)
    for name in (NEAR, FAR):
        pair.do(name, Words((MASTER,)))
    pair.start().run(500 * MS)
    for ahead in (3_600_000_000, -3_600_000_000, 2**31, 5, -(10**6), 0):
        pair.ahead = ahead
        pair.run(2 * SECOND)
        assert pair.ends[other].is_open
        assert pair.ends[other].word(ONE, pair.now) == MASTER

    assert len(pair.changes_of(other)) == 1
    assert pair.run(20 * SECOND).both_open
    assert pair.now - (pair.far.proof_at or 0) < 500 * MS


def test_a_sequence_that_begins_anew_moves_nothing() -> None:
    """It is counted; the link lives as long as its last proof, and goes on when the numbers are right again."""
    pair = ready()
    conversation = pair.far._sessions.pair
    assert conversation is not None
    reached, conversation.sequence = conversation.sequence, 0
    pair.run(100 * MS)
    for _ in range(2):
        pair.do(FAR, Words((MASTER,), bytes([conversation.sequence])))
        pair.run(50 * MS)
    assert (pair.both_open, pair.near.counters["sequence"] >= 2) == (True, True)
    conversation.sequence = reached + 100
    pair.run(SECOND)
    assert [len(pair.changes_of(name)) for name in (NEAR, FAR)] == [1, 1]


def test_a_delay_that_grows_and_grows_has_a_ceiling() -> None:
    """Whoever holds datagrams back for ever longer has the detect time grow to 5.4 s, and no further."""
    pair = Quiet().start().run(500 * MS)
    longest = 0

    def fate(_sender: str, now: Instant) -> list[Duration]:
        return [min((now - BOOT) // 60, 2 * SECOND)]

    pair.fate = fate
    for _ in range(240):
        pair.run(SECOND)
        longest = max(longest, pair.near.detect, pair.far.detect)
    assert pair.near.rtt is not None
    assert pair.near.rtt > 1500 * MS, "he did what he could"
    assert 5 * SECOND < longest <= 5400 * MS


def test_a_controller_that_is_restarted_again_and_again_closes_all_the_same() -> None:
    """Each successor lives for less than its questions need: it goes on counting those of its predecessors."""
    pair = ready()
    pair.fate = lambda _sender, _now: []
    restarts = 0
    while pair.near.is_open and restarts < 200:
        pair.run(20 * MS)
        pair.restart(NEAR, adopt=True)
        restarts += 1

    (_, closed) = pair.changes_of(NEAR)[-1]
    assert closed == "closed"
    assert restarts * 20 <= 700


def test_a_snapshot_of_questions_that_makes_no_sense_is_none() -> None:
    """Nor does a question of the future count."""
    pair = ready()
    found = pair.near.snapshot() | {"unanswered": [pair.now + 1, "x", None, -1], "clock": ["x", 1]}
    for more in ({}, {"unanswered": 7, "clock": [1, pair.now + 1]}):
        link = Link(settings_of(Role.CONTROLLER), (KEY,), random.Random(1), pair.now)
        link.restore(pair.now, found | more)
        assert link._probing is not None
        assert (link._probing.unanswered, link._sessions.clock) == (0, None)


def test_a_timely_candidate_gives_way_in_the_end() -> None:
    """One that was not heard of for a second makes room for a peer with another clock; before that it does not."""
    pair = ready()
    pair.run(5 * SECOND)
    pair.fate = lambda _sender, _now: []
    for seed in range(CANDIDATES_MAX):
        pair.chance = random.Random(500 + seed)
        pair.restart(NEAR)
        pair.do(FAR, Received(pair.sent[-1][1]))
    sessions = pair.far._sessions
    assert [one.timely for one in sessions._candidates] == [True] * CANDIDATES_MAX
    old = former(1)
    pair.do(FAR, Received(old[0]))
    assert pair.far.counters["crowded"] == 1
    pair.run(SECOND + packet.stamp(0) * MICROSECOND)
    pair.do(FAR, Received(old[0]))
    assert [one.timely for one in sessions._candidates] == [True] * (CANDIDATES_MAX - 1) + [False]

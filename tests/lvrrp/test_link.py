"""Two ends of a link and what they tell each other."""

import json
import random

import pytest

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND
from linkbalancer.links import GroupId, GroupState, GroupWord, Role
from linkbalancer.lvrrp import packet, tlv
from linkbalancer.lvrrp.events import Alarm, Bye, Carrier, Opened, PeerSpoke, Received, Rekey, Start, Tick, Words
from linkbalancer.lvrrp.keys import Key
from linkbalancer.lvrrp.link import Link
from linkbalancer.lvrrp.packet import Datagram, MessageType
from linkbalancer.lvrrp.session import SEQUENCE_LAST
from tests.lvrrp.pair import BOOT, FAR, KEY, NEAR, Pair, read, settings

MS = MILLISECOND
MASTER = GroupWord(1, GroupState.MASTER, 150, 1, 2)
BACKUP = GroupWord(1, GroupState.BACKUP, 150, 2, 2)


def spoken(pair: Pair, name: str) -> list[tuple[GroupWord, ...]]:
    """Return what one end was told of the other's groups."""
    return [effect.words for _, effect in pair.seen(name, PeerSpoke) if isinstance(effect, PeerSpoke)]


def forged(link: Link, kind: MessageType, **changes: object) -> bytes:
    """Return a datagram that this end would sign, the next in its confirmed conversation."""
    pair = link._sessions.pair
    assert pair is not None
    pair.sequence += 1
    values = {"key_id": 1, "session": pair.own, "echoed": pair.peer, "sequence": pair.sequence, "detect": 0, "sent": 0}
    values |= {"echo_sent": 0, "echo_delay": 0}
    return packet.encode(Datagram(kind=kind, **(values | changes)), link._speaker.keyring.tag)  # type: ignore[arg-type]


def test_a_link_opens_at_both_ends_within_two_round_trips() -> None:
    """Greeting, answer, confirmation: each end opens when it is proven there."""
    pair = Pair(latency=10 * MS).start().run(SECOND)

    assert pair.changes_of(NEAR) == [(20, "opened")]
    assert pair.changes_of(FAR) == [(30, "opened")]
    assert pair.agree
    assert (pair.near.peer.node, pair.far.peer.node) == ("f1", "b1")
    assert pair.near.reason == "round trip proven in 20 ms"
    assert pair.near.rtt is not None
    assert abs(pair.near.rtt - 20 * MS) < MICROSECOND
    assert pair.near.since == BOOT + 20 * MS
    assert pair.near.proof_at is not None


def test_without_a_key_a_link_does_not_start() -> None:
    """Unless it is configured to be insecure, and then it works."""
    with pytest.raises(ValueError, match="link l1 has no key"):
        Link(settings(Role.CONTROLLER), (), random.Random(1), 0)

    pair = Pair(insecure=True)
    for name, role in ((NEAR, Role.CONTROLLER), (FAR, Role.CONTROLLED)):
        pair.ends[name] = Link(settings(role, insecure=True), (), pair.chance, pair.now)
    assert pair.start().run(SECOND).both_open


def test_nothing_is_sent_before_start_and_carrier() -> None:
    """Whichever comes last lets the controller greet; before, even arrivals are nothing."""
    pair = Pair()
    assert pair.do(NEAR, Received(b"")) == []
    assert pair.do(NEAR, Tick()) == []
    assert pair.do(NEAR, Start()) == []
    assert pair.near.deadline() is None
    assert len(pair.do(NEAR, Carrier(up=True))) == 1
    assert pair.do(NEAR, Carrier(up=True)) == []


def test_words_reach_the_peer_at_once() -> None:
    """A change is pushed by either end without waiting for a query; no change is pushed."""
    pair = Pair().start().run(500 * MS)
    pair.do(FAR, Words((MASTER,)))
    pair.do(NEAR, Words((BACKUP,)))
    pair.run(MS)

    assert pair.near.word(GroupId(1), pair.now) == MASTER
    assert pair.far.word(GroupId(1), pair.now) == BACKUP
    assert pair.do(FAR, Words((MASTER,))) == []
    assert len(pair.do(FAR, Words((MASTER,), b"digest"))) == 1
    assert pair.run(MS).near.peer.digest == b"digest"


def test_words_are_repeated_in_every_query_and_state() -> None:
    """A push that is lost is made good by the next query, or the answer to it."""
    pair = Pair().start().run(500 * MS)
    pair.fate = lambda _sender, _now: []
    pair.do(FAR, Words((MASTER,)))
    pair.do(NEAR, Words((BACKUP,)))
    pair.fate = lambda _sender, _now: [MS]
    pair.run(200 * MS)

    assert spoken(pair, NEAR)[-1] == (MASTER,)
    assert spoken(pair, FAR)[-1] == (BACKUP,)


def test_words_known_at_the_opening_come_with_it() -> None:
    """Right after opening, an end is told what it already knows of its peer."""
    pair = Pair()
    pair.do(FAR, Words((MASTER,)))
    pair.start().run(50 * MS)

    kinds = [type(effect) for _, effect in pair.seen(NEAR, Opened, PeerSpoke)]
    assert kinds[:2] == [Opened, PeerSpoke]
    assert spoken(pair, NEAR)[0] == (MASTER,)


def test_many_words_take_several_datagrams() -> None:
    """All of 255 VIDs are told, each datagram within the limit."""
    words = tuple(GroupWord(vid, GroupState.BACKUP, 100, 1) for vid in range(1, 256))
    pair = Pair()
    pair.do(FAR, Words(words))
    pair.do(NEAR, Words(words))
    pair.start().run(500 * MS)

    assert [pair.near.word(GroupId(vid), pair.now) for vid in range(1, 256)] == list(words)
    assert [pair.far.word(GroupId(vid), pair.now) for vid in range(1, 256)] == list(words)
    assert max(len(data) for _, data in pair.sent) <= packet.LENGTH_MAX


def test_a_word_that_is_not_repeated_becomes_unknown() -> None:
    """A VID no longer stated is no news first, unknown after the detect time, and that is said."""
    pair = Pair().start().run(500 * MS)
    pair.do(FAR, Words((MASTER,)))
    pair.do(FAR, Words(()))
    pair.run(500 * MS)
    assert pair.near.word(GroupId(1), pair.now) == MASTER

    pair.run(200 * MS)
    assert pair.near.word(GroupId(1), pair.now) is None
    assert spoken(pair, NEAR)[-1] == (GroupWord(1, GroupState.UNKNOWN, 0, 0),)


def test_a_closed_link_has_no_words() -> None:
    """With the link its words go; before the reopening none is believed."""
    pair = Pair().start()
    pair.do(FAR, Words((MASTER,)))
    pair.run(500 * MS)
    pair.do(NEAR, Carrier(up=False))
    assert pair.near.word(GroupId(1), pair.now) is None

    pair.do(NEAR, Carrier(up=True))
    pair.run(300 * MS)
    assert not pair.near.is_open
    assert pair.near.word(GroupId(1), pair.now) is None
    pair.run(600 * MS)
    assert pair.near.word(GroupId(1), pair.now) == MASTER


def test_a_stopping_peer_closes_the_link_at_once() -> None:
    """Good-bye for good: closed in one flight; a new session opens it again without a wait."""
    for leaver, stayer in ((FAR, NEAR), (NEAR, FAR)):
        pair = Pair().start().run(500 * MS)
        pair.do(leaver, Bye(None))
        pair.run(MS)
        assert not pair.both_open
        assert pair.ends[stayer].reason == "peer stopped"
        assert pair.ends[leaver].reason == "stopped here"

        pair.run(SECOND)
        assert not pair.ends[stayer].is_open
        pair.restart(leaver)
        assert pair.run(250 * MS).both_open


def test_good_bye_needs_somebody_to_hear_it() -> None:
    """Without a confirmed peer, leaving is silent."""
    pair = Pair()
    pair.start(NEAR)

    assert pair.do(NEAR, Bye(None)) == []
    assert pair.do(FAR, Bye(None)) == []
    assert pair.near.deadline() is None


@pytest.mark.parametrize("leaver", [NEAR, FAR])
def test_a_restart_with_a_hold_changes_nothing(leaver: str) -> None:
    """Openness and words stand at both ends while one restarts for longer than the detect time."""
    pair = Pair().start()
    pair.do(leaver, Words((MASTER,)))
    pair.run(500 * MS)
    pair.do(leaver, Bye(3 * SECOND))
    pair.run(2500 * MS)
    stayer = NEAR if leaver == FAR else FAR
    assert pair.ends[stayer].word(GroupId(1), pair.now) == MASTER

    pair.restart(leaver, adopt=True)
    pair.run(2 * SECOND)
    assert pair.changes_of(NEAR) == [(2, "opened")]
    assert pair.changes_of(FAR) == [(3, "opened")]
    assert pair.agree


@pytest.mark.parametrize(("leaver", "closed_at"), [(NEAR, 2001), (FAR, 2051)])
def test_a_hold_that_passes_closes_the_link(leaver: str, closed_at: int) -> None:
    """A peer that does not come back is closed when its hold is over; the controller counts its misses first."""
    pair = Pair().start().run(SECOND)
    pair.do(leaver, Bye(SECOND))
    pair.run(2 * SECOND)

    assert pair.changes_of(NEAR if leaver == FAR else FAR)[1:] == [(closed_at, "closed")]


def test_no_hold_is_longer_than_five_seconds() -> None:
    """A peer that asks for more gets five seconds, and this end never asks for more."""
    pair = Pair().start().run(SECOND)
    pair.do(FAR, Received(forged(pair.near, MessageType.BYE, body=tlv.Body(hold=60 * SECOND))))
    assert pair.far._detection.advance_at() == pair.now + 5 * SECOND

    pair.do(NEAR, Bye(60 * SECOND))
    assert read(pair.near, pair.sent[-1][1]).body.hold == 5 * SECOND


def test_a_hold_does_not_outlive_the_carrier() -> None:
    """Carrier loss closes at once, hold or not."""
    pair = Pair().start().run(SECOND)
    pair.do(FAR, Bye(5 * SECOND))
    pair.run(MS)
    pair.do(NEAR, Carrier(up=False))

    assert not pair.near.is_open


@pytest.mark.parametrize("name", [NEAR, FAR])
def test_a_killed_end_carries_on(name: str) -> None:
    """Restarted with its snapshot within the detect time, neither end ever sees the link closed."""
    pair = Pair().start()
    pair.do(FAR, Words((MASTER,)))
    pair.do(NEAR, Words((BACKUP,)))
    pair.run(SECOND)
    words = {NEAR: MASTER, FAR: BACKUP}
    pair.restart(name, adopt=True)
    assert pair.ends[name].is_open
    assert pair.ends[name].word(GroupId(1), pair.now) == words[name]
    assert not pair.ends[name].has_met
    pair.run(2 * SECOND)

    assert pair.both_open
    assert pair.ends[name].has_met
    assert len(pair.changes_of(NEAR) + pair.changes_of(FAR)) == 2
    assert pair.ends[name].counters["restored"] == 1


def test_a_dead_process_is_no_loss_of_the_link() -> None:
    """Queries that nobody was there to answer do not make the link look lossy."""
    pair = Pair().start().run(SECOND)
    pair.fate = lambda sender, _now: [] if sender == NEAR else [MS]
    pair.run(350 * MS)
    pair.fate = lambda _sender, _now: [MS]
    probing = pair.near._probing
    assert probing is not None
    assert probing.unanswered > 3
    pair.restart(FAR, adopt=True)
    pair.run(200 * MS)

    assert probing.needed == 3


@pytest.mark.parametrize("name", [NEAR, FAR])
def test_a_restored_link_must_be_proven_in_time(name: str) -> None:
    """Without a new proof the predecessor's runs out, and the flap counts."""
    pair = Pair().start().run(SECOND)
    pair.fate = lambda _sender, _now: []
    pair.restart(name, adopt=True)
    proof_at = pair.ends[name].proof_at
    assert proof_at is not None
    pair.run(SECOND)

    assert pair.changes_of(name)[-1] == ((proof_at + 600 * MS - BOOT) // MS, "closed")
    assert pair.ends[name].snapshot()["penalty"] == 1


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"schema": 2},
        {"since": "x"},
        {"rtt": "fast"},
        {"since": BOOT + 9 * SECOND},
        {"proof_at": BOOT + 9 * SECOND},
        {"peer": None},
        {"peer": {"node": None, "words": [[]]}},
    ],
)
def test_a_snapshot_that_makes_no_sense_is_ignored(strange: dict[str, object]) -> None:
    """Another form, another version or a time to come: the link starts as a new one."""
    pair = Pair().start().run(SECOND)
    snapshot = pair.near.snapshot() | strange if strange else {}
    fresh = Link(settings(Role.CONTROLLER), (KEY,), pair.chance, pair.now)
    fresh.restore(pair.now, snapshot)

    assert not fresh.is_open
    assert (fresh.proof_at, fresh.counters["restored"]) == (None, 0)


def test_a_closed_link_is_restored_closed() -> None:
    """Its penalty is kept, so that a restart is no way around the wait."""
    pair = Pair().start().run(SECOND)
    pair.do(FAR, Carrier(up=False))
    pair.do(NEAR, Carrier(up=False))
    assert pair.far.reason == "no carrier"
    pair.restart(NEAR, adopt=True)
    pair.restart(FAR, adopt=True)
    pair.run(500 * MS)
    assert not pair.near.is_open

    assert pair.run(500 * MS).both_open


@pytest.mark.parametrize("grace", [0, 400 * MILLISECOND])
def test_silence_of_our_own_is_no_sign_of_the_links(grace: int) -> None:
    """A link restored just before its proof runs out closes then, or, given a grace, when that is over."""
    pair = Pair().start().run(SECOND)
    proof_at = pair.far.proof_at
    assert proof_at is not None
    ends_at = proof_at + pair.far.detect
    now = ends_at - 10 * MILLISECOND
    successor = Link(settings(Role.CONTROLLED), (KEY,), pair.chance, now)
    successor.restore(now, pair.far.snapshot(), grace)
    successor.handle(now, Start())
    last = now + grace if grace else ends_at
    successor.handle(last - 1, Tick())
    assert successor.is_open
    successor.handle(last, Tick())
    successor.handle(last, Tick())
    assert not successor.is_open


def test_a_snapshot_tells_no_secret() -> None:
    """It is JSON, and holds neither a session nor a key."""
    pair = Pair().start().run(SECOND)
    text = json.dumps(pair.near.snapshot())
    conversation = pair.near._sessions.pair
    assert conversation is not None

    for secret in (str(conversation.own), str(conversation.peer), KEY.secret.hex()):
        assert secret not in text


def test_another_links_end_is_an_alarm_and_nothing_else() -> None:
    """A crossed link raises the fault once; the openness stands, and the peer is told of the fault."""
    pair = Pair().start().run(SECOND)
    stranger = Link(settings(Role.CONTROLLED, name="l2"), (KEY,), pair.chance, pair.now)
    crossed = packet.encode(
        Datagram(
            kind=MessageType.STATE, key_id=1, session=5, echoed=0, sequence=1, detect=0, sent=0, echo_sent=0,
            echo_delay=0, body=tlv.Body("f2", "l2"),
        ),
        stranger._speaker.keyring.tag,
    )  # fmt: skip
    text = "miswired: this is link l1, the other end says l2"

    assert pair.do(NEAR, Received(crossed)) == [Alarm(text)]
    assert pair.do(NEAR, Received(crossed)) == []
    assert pair.near.fault == text
    assert pair.near.counters["miswired"] == 2
    pair.run(SECOND)
    assert pair.both_open
    assert pair.far.peer.fault == text
    pair.run(11 * SECOND)
    assert pair.near.fault is None
    assert pair.seen(NEAR, Alarm)[-1][1] == Alarm("miswiring of link l1 is no longer heard")


def test_a_true_peer_that_names_another_link_is_the_same_fault() -> None:
    """Even authentic, another link's name is a miswiring and moves nothing."""
    pair = Pair().start().run(SECOND)
    heard = pair.do(FAR, Received(forged(pair.near, MessageType.QUERY, body=tlv.Body(link="l2"))))

    assert [type(effect) for effect in heard] == [Alarm]


def test_a_wrong_key_is_counted_and_nothing_else() -> None:
    """A peer with other keys is refused by key and by tag, without an alarm."""
    pair = Pair()
    pair.ends[FAR] = Link(settings(Role.CONTROLLED), (Key(1, b"x" * 16),), pair.chance, pair.now)
    pair.start().run(SECOND)
    pair.do(FAR, Rekey((Key(2, b"x" * 16),)))
    pair.run(SECOND)

    assert pair.far.counters["tag"] > 0
    assert pair.far.counters["key"] > 0
    assert pair.far.counters["sent"] == 0
    assert pair.seen(FAR, Alarm) == []


def test_what_comes_back_is_refused() -> None:
    """Reflected datagrams do nothing at either end."""
    pair = Pair().start().run(SECOND)
    for name, data in list(pair.sent):
        assert pair.do(name, Received(data)) == []

    assert pair.near.counters["reflected"] > 0
    assert pair.far.counters["reflected"] > 0


def test_a_whole_replayed_run_does_nothing() -> None:
    """Every datagram of an earlier run, sent again to both ends: no new pair, no proof, no words, no closing."""
    old = Pair(seed=5).start()
    old.do(FAR, Words((BACKUP,)))
    old.run(SECOND)
    old.do(FAR, Bye(None))
    old.do(NEAR, Bye(None))
    pair = Pair(seed=6).start().run(SECOND)
    before = (pair.near._sessions.pair, pair.far._sessions.pair)
    for sender, data in old.sent:
        pair.do(FAR if sender == NEAR else NEAR, Received(data))
        pair.run(20 * MS)
    pair.run(SECOND)

    assert (pair.near._sessions.pair, pair.far._sessions.pair) == before
    assert len(pair.changes_of(NEAR) + pair.changes_of(FAR)) == 2
    assert set(spoken(pair, NEAR)) == {()}
    assert pair.near.counters["echo"] > 0


def test_kinds_that_are_not_for_this_end_are_counted() -> None:
    """A query at the controller is dropped by name."""
    pair = Pair().start().run(SECOND)

    assert pair.do(NEAR, Received(forged(pair.far, MessageType.QUERY))) == []
    assert pair.near.counters["role"] == 1


def test_a_controllers_notification_of_an_unknown_session_is_not_answered() -> None:
    """Only a query is; so a candidate costs no more than it must."""
    pair = Pair().start().run(SECOND)

    assert pair.do(FAR, Received(forged(pair.near, MessageType.STATE, session=4711))) == []
    assert pair.far.counters["candidate"] == 2


@pytest.mark.parametrize("name", [NEAR, FAR])
def test_a_used_up_sequence_goes_unnoticed(name: str) -> None:
    """The new session that must begin is confirmed without any closing."""
    pair = Pair().start().run(SECOND)
    conversation = pair.ends[name]._sessions.pair
    assert conversation is not None
    conversation.sequence = SEQUENCE_LAST - 2
    pair.run(3 * SECOND)

    assert pair.agree
    assert pair.ends[name]._sessions.pair is not conversation
    assert len(pair.changes_of(NEAR) + pair.changes_of(FAR)) == 2


def test_keys_are_changed_without_a_closing() -> None:
    """New key in front at the controller: it falls back while the peer has only the old one, and moves when it can."""
    new = Key(2, b"n" * 16)
    pair = Pair().start().run(SECOND)
    pair.do(NEAR, Rekey((new, KEY)))
    pair.run(SECOND)
    assert pair.far.counters["key"] == 2
    assert read(pair.near, pair.sent[-2][1]).key_id == 1

    pair.do(FAR, Rekey((new, KEY)))
    pair.run(SECOND)
    assert read(pair.far, pair.sent[-1][1]).key_id == 1
    pair.run(60 * SECOND)
    assert read(pair.far, pair.sent[-1][1]).key_id == 2
    pair.do(FAR, Rekey((new,)))
    pair.do(NEAR, Rekey((new,)))
    pair.run(SECOND)
    assert len(pair.changes_of(NEAR) + pair.changes_of(FAR)) == 2


def test_the_controlled_end_forgets_a_key_that_is_gone() -> None:
    """A notification is signed with a key that is still there."""
    pair = Pair().start().run(SECOND)
    pair.do(FAR, Rekey((Key(2, b"n" * 16),)))
    pair.do(FAR, Words((MASTER,)))

    assert read(pair.far, pair.sent[-1][1]).key_id == 2


def test_the_retired_session_of_the_controller_is_answered() -> None:
    """When the answer that confirms a new pair is lost, the controller's next query brings it again."""
    pair = Pair().start().run(SECOND)
    lost: list[int] = []

    def lose_the_confirmation(sender: str, now: int) -> list[int]:
        confirming = sender == FAR and pair.far._sessions.pair is not None and not lost
        if confirming:
            lost.append(now)
        return [] if confirming else [MS]

    pair.fate = lose_the_confirmation
    pair.restart(FAR, adopt=True)
    pair.run(500 * MS)

    assert lost
    assert pair.far.counters["retired"] > 0
    assert pair.agree
    assert len(pair.changes_of(NEAR) + pair.changes_of(FAR)) == 2

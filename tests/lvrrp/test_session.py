"""Sessions: who is believed, and that nothing old ever is."""

import random
from dataclasses import replace

from linkbalancer.clock import MILLISECOND
from linkbalancer.links import Role
from linkbalancer.lvrrp.packet import Datagram, MessageType
from linkbalancer.lvrrp.session import (
    ASIDE_EVERY,
    ASIDE_SEQUENCE,
    CANDIDATE_AGE_MIN,
    RETIRED_MEMORY,
    TURN_MAX,
    TURNS_MAX,
    Candidate,
    Confirmed,
    Conversation,
    Refusal,
    Sessions,
)

MS = MILLISECOND


def end(role: Role = Role.CONTROLLED, seed: int = 1) -> Sessions:
    """Return the sessions of one end."""
    return Sessions(role, random.Random(seed), 0)


def said(session: int, echoed: int = 0, sequence: int = 1) -> Datagram:
    """Return a datagram of the peer."""
    return Datagram(
        kind=MessageType.QUERY,
        key_id=1,
        session=session,
        echoed=echoed,
        sequence=sequence,
        detect=600 * MS,
        sent=5,
        echo_sent=0,
        echo_delay=0,
    )


def candidate(sessions: Sessions, datagram: Datagram, now: int = 0) -> Conversation:
    """Hear a datagram that makes a candidate, and return the conversation to answer in."""
    heard = sessions.hear(now, datagram)
    assert isinstance(heard, Candidate)
    return heard.conversation


def confirmed(sessions: Sessions, peer: int = 77) -> Conversation:
    """Confirm a pair with a peer's session."""
    fresh = candidate(sessions, said(peer))
    assert sessions.hear(0, said(peer, fresh.own, 2)) == Confirmed(fresh, adopted=True)
    return fresh


def test_a_greeting_is_a_candidate_and_its_echo_confirms() -> None:
    """A fresh session is drawn for an unknown one; an echo of it makes both the pair."""
    sessions = end()
    fresh = candidate(sessions, said(77))

    assert sessions.pair is None
    assert (fresh.peer, fresh.heard_stamp) == (77, 5)
    assert sessions.hear(MS, said(77, fresh.own, 2)) == Confirmed(fresh, adopted=True)
    assert sessions.pair is fresh
    assert sessions.hear(MS, said(77, fresh.own, 3)) == Confirmed(fresh, adopted=False)


def test_the_controllers_hello_is_fresh() -> None:
    """The first answer to a greeting confirms at once at the end that greeted."""
    sessions = end(Role.CONTROLLER)
    hello = sessions.speaking

    assert sessions.hear(0, said(88, hello.own)) == Confirmed(hello, adopted=True)


def test_the_confirmed_pair_stands_beside_a_candidate() -> None:
    """While a candidate is not confirmed, the old conversation goes on."""
    sessions = end()
    pair = confirmed(sessions)
    candidate(sessions, said(99))

    assert sessions.hear(MS, said(77, pair.own, 3)) == Confirmed(pair, adopted=False)


def test_repeated_and_reordered_datagrams_are_refused() -> None:
    """The sequence must grow, in the pair and in a candidate."""
    sessions = end()
    pair = confirmed(sessions)
    sessions.hear(0, said(77, pair.own, 9))

    assert sessions.hear(0, said(77, pair.own, 9)) is Refusal.SEQUENCE
    assert sessions.hear(0, said(77, pair.own, 8)) is Refusal.SEQUENCE
    candidate(sessions, said(99, sequence=5))
    assert sessions.hear(0, said(99, sequence=5)) is Refusal.SEQUENCE


def test_an_answer_within_a_candidate_keeps_its_session() -> None:
    """A greeting that comes again is answered with the same fresh session."""
    sessions = end()

    assert candidate(sessions, said(77)) is candidate(sessions, said(77, sequence=2))


def test_a_replayed_conversation_is_only_a_candidate() -> None:
    """A whole old conversation, greeting and confirmation, confirms nothing."""
    sessions = end()
    old = confirmed(sessions)
    new = end(seed=2)
    fresh = candidate(new, said(77))

    assert fresh.own != old.own
    assert new.hear(0, said(77, old.own, 2)) == Candidate(fresh)
    assert new.pair is None


def test_the_controller_ignores_what_answers_somebody_else() -> None:
    """Provoked by a replayed greeting, an answer to it changes nothing at the controller."""
    sessions = end(Role.CONTROLLER)
    sessions.hear(0, said(88, sessions.speaking.own))

    assert sessions.hear(0, said(99, echoed=4711)) is Refusal.ECHO
    assert sessions.hear(0, said(99, echoed=0)) is Refusal.ECHO


def test_the_controller_meets_a_restarted_peer() -> None:
    """An unknown session that echoes the confirmed one is a candidate, and confirmed by its own fresh value."""
    sessions = end(Role.CONTROLLER)
    old = sessions.speaking
    sessions.hear(0, said(88, old.own))
    fresh = candidate(sessions, said(99, old.own))

    assert fresh.own != old.own
    assert sessions.hear(0, said(99, fresh.own, 2)) == Confirmed(fresh, adopted=True)


def test_the_pair_is_believed_only_with_its_echo() -> None:
    """The peer's confirmed session with another echo than ours is refused."""
    sessions = end()
    confirmed(sessions)

    assert sessions.hear(0, said(77, 1, 9)) is Refusal.ECHO


def test_our_own_sessions_are_never_the_peers() -> None:
    """The hello, a fresh value and the confirmed session are refused when they come back."""
    sessions = end()
    hello = sessions.speaking.own
    fresh = candidate(sessions, said(99)).own

    assert sessions.hear(0, said(hello)) is Refusal.OWN_SESSION
    assert sessions.hear(0, said(fresh)) is Refusal.OWN_SESSION
    pair = confirmed(sessions)
    assert sessions.hear(0, said(pair.own)) is Refusal.OWN_SESSION


def test_two_candidates_at_most() -> None:
    """A third is refused while the first is young, then takes its place."""
    sessions = end()
    first = candidate(sessions, said(1))
    second = candidate(sessions, said(2), 50 * MS)

    assert sessions.hear(CANDIDATE_AGE_MIN - 1, said(3)) is Refusal.CROWDED
    third = candidate(sessions, said(3), CANDIDATE_AGE_MIN)
    assert sessions.hear(CANDIDATE_AGE_MIN, said(1, first.own, 9)) is Refusal.CROWDED
    assert sessions.hear(CANDIDATE_AGE_MIN, said(2, second.own, 9)) == Confirmed(second, adopted=True)
    assert third is not first


def test_the_session_that_led_to_a_new_one_is_retired_for_a_while() -> None:
    """When the answer to an old session is confirmed by a new one, the old one is no candidate for a second."""
    sessions = end()
    fresh = candidate(sessions, said(77))
    sessions.hear(0, said(99, fresh.own))

    assert sessions.hear(RETIRED_MEMORY - 1, said(77, sequence=8)) is Refusal.RETIRED
    candidate(sessions, said(77, sequence=9), RETIRED_MEMORY)


def test_a_replay_of_a_retired_session_is_known_by_its_sequence() -> None:
    """What came in it before is refused; what had not come yet is answered once, by whoever asks what became of it."""
    sessions = end()
    fresh = candidate(sessions, said(77, sequence=5))
    sessions.hear(0, said(99, fresh.own))

    assert [sessions.hear(MS, said(77, sequence=number)) for number in (4, 5, 6, 6, 5, 7)] == [
        *[Refusal.SEQUENCE] * 2,
        Refusal.RETIRED,
        *[Refusal.SEQUENCE] * 2,
        Refusal.RETIRED,
    ]
    pair = confirmed(sessions, 11)
    assert isinstance(sessions.hear(2 * MS, said(11, pair.own, 8)), Confirmed)
    sessions.forget(3 * MS)
    assert sessions.hear(3 * MS, said(11, pair.own, 8)) is Refusal.SEQUENCE
    assert sessions.hear(3 * MS, said(11, pair.own, 9)) is Refusal.RETIRED


def test_after_a_leave_only_a_new_session_counts() -> None:
    """The left conversation is not taken up again, and the next hello is a new one."""
    sessions = end()
    pair = confirmed(sessions)
    hello = sessions._hello.own
    sessions.forget(0)

    assert sessions.pair is None
    assert sessions.speaking.own not in (hello, pair.own)
    assert sessions.hear(0, said(77, pair.own, 9)) is Refusal.RETIRED
    sessions.forget(0)
    candidate(sessions, said(99))


def test_a_new_session_begins_before_the_sequence_wraps() -> None:
    """The last number of a session is sent in it; the next datagram has a new one."""
    sessions = Sessions(Role.CONTROLLER, random.Random(1), 0, sequence_last=3)
    hello = sessions.speaking
    sessions.hear(0, said(88, hello.own))
    numbers = [sessions.next_sequence(0, sessions.speaking) for _ in range(3)]

    assert numbers == [1, 2, 3]
    assert sessions.pair is None
    assert sessions.speaking.own != hello.own
    assert sessions.next_sequence(0, sessions.speaking) == 1


def test_what_is_noted_is_what_must_be_echoed() -> None:
    """A conversation keeps the peer's latest stamp, when it came, and with which key."""
    conversation = Conversation(own=1, born=0)
    conversation.note(9, replace(said(77, sequence=4), key_id=2))

    assert conversation == Conversation(own=1, born=0, peer=77, heard_sequence=4, heard_stamp=5, heard_at=9, key_id=2)


def knocks(sessions: Sessions, now: int, session: int) -> str:
    """Have a datagram of an unknown session arrive; return what became of it."""
    heard = sessions.hear(now, said(session))
    if isinstance(heard, Candidate):
        return "candidate" if heard.conversation in sessions._candidates else "aside"
    return str(heard)


def test_who_has_had_fewer_turns_goes_first() -> None:
    """At once before those that had more, after 100 ms before its like, and after 1 s before those that had fewer."""
    sessions = end()
    assert [knocks(sessions, 0, one) for one in (1, 2, 3)] == ["candidate", "candidate", "crowded"]
    later = CANDIDATE_AGE_MIN
    assert [knocks(sessions, later - 1, 3), knocks(sessions, later, 3)] == ["aside", "candidate"]
    assert [one.peer for one in sessions._candidates] == [2, 3]
    # 1 has had a turn; 2 and 3 are at theirs, and were not pushed out by anybody yet.
    assert knocks(sessions, later, 1) == "crowded"
    assert knocks(sessions, TURN_MAX - 1, 1) == "crowded"
    assert knocks(sessions, TURN_MAX, 1) == "candidate"
    assert [one.peer for one in sessions._candidates] == [3, 1]
    # 3 is 100 ms old, and 4 its like; 5 finds 1, which had a turn before.
    assert [knocks(sessions, TURN_MAX, one) for one in (4, 5, 6)] == ["candidate", "candidate", "aside"]
    assert [one.peer for one in sessions._candidates] == [4, 5]


def test_so_many_turns_are_remembered() -> None:
    """Of more the oldest are forgotten, and count as none."""
    sessions = end()
    for number in range(TURNS_MAX + 12):
        assert knocks(sessions, number * CANDIDATE_AGE_MIN, number + 1) == "candidate"
    assert len(sessions._turns) == TURNS_MAX
    assert next(iter(sessions._turns)) == 11


def full(now: int = 0) -> Sessions:
    """Return sessions whose places are taken, and where somebody had none just now."""
    sessions = end()
    assert [knocks(sessions, now, one) for one in (1, 2, 3)] == ["candidate", "candidate", "crowded"]
    return sessions


def test_some_that_find_no_place_are_answered_aside() -> None:
    """One in a millisecond, each in a session of its own, the same every time; who has had a turn is not."""
    sessions = full()
    assert [knocks(sessions, at, 4) for at in (ASIDE_EVERY - 1, ASIDE_EVERY, 2 * ASIDE_EVERY - 1)] == [
        "crowded",
        "aside",
        "crowded",
    ]
    own = {
        session: candidate(sessions, said(session), number * ASIDE_EVERY).own
        for number, session in enumerate((4, 5, 6, 7), start=2)
    }
    assert len({*own.values(), *(one.own for one in sessions._candidates)}) == 6
    assert candidate(sessions, said(5), 6 * ASIDE_EVERY).own == own[5]
    sessions._in_vain(8)
    assert knocks(sessions, 7 * ASIDE_EVERY, 8) == "crowded"


def test_who_echoes_what_he_was_told_aside_is_confirmed() -> None:
    """He has just read it; his sequence goes on from there, and ours is beyond what the answers had."""
    sessions = full()
    fresh = candidate(sessions, said(4), ASIDE_EVERY)
    heard = sessions.hear(5 * ASIDE_EVERY, said(4, fresh.own, 2))

    assert isinstance(heard, Confirmed)
    assert heard.adopted
    assert sessions.pair is heard.conversation
    assert (heard.conversation.own, heard.conversation.peer, sessions._candidates) == (fresh.own, 4, [])
    assert sessions.next_sequence(0, heard.conversation) > ASIDE_SEQUENCE
    assert sessions.hear(5 * ASIDE_EVERY, said(4, fresh.own, 2)) is Refusal.SEQUENCE


def test_what_was_told_aside_is_worth_nothing_to_anybody_else_or_later() -> None:
    """It is derived from the session that it was told to, with what is drawn anew for every pair."""
    sessions = full()
    fresh = candidate(sessions, said(4), ASIDE_EVERY)
    assert knocks(sessions, 2 * ASIDE_EVERY, 5) == "aside"
    assert sessions.hear(2 * ASIDE_EVERY, said(5, fresh.own, 2)) is Refusal.CROWDED
    sessions.hear(5 * ASIDE_EVERY, said(4, fresh.own, 2))
    other = candidate(sessions, said(77), 6 * ASIDE_EVERY)
    sessions.hear(6 * ASIDE_EVERY, said(77, other.own, 2))
    assert candidate(sessions, said(4, fresh.own, 9), 7 * ASIDE_EVERY).own != fresh.own
    assert sessions.pair is other
    sessions.forget(8 * ASIDE_EVERY)
    assert candidate(sessions, said(4, fresh.own, 10), 9 * ASIDE_EVERY).own != fresh.own

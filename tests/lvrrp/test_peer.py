"""What is kept of the peer's words."""

import pytest

from linkbalancer.links import GroupId, GroupState, GroupWord
from linkbalancer.lvrrp.peer import Peer
from linkbalancer.lvrrp.tlv import Body

ONE = GroupWord(1, GroupState.MASTER, 150, 1)
TWO = GroupWord(2, GroupState.BACKUP, 100, 1)


def test_each_word_stands_alone() -> None:
    """A VID that is not stated again keeps its word, and grows old by itself."""
    peer = Peer()
    peer.spoke(10, Body(node="f1", words=(TWO, ONE), fault="miswired", digest=b"d"))
    peer.spoke(20, Body(words=(ONE,)))

    assert peer.words() == (ONE, TWO)
    assert (peer.node, peer.fault, peer.digest) == ("f1", "", b"d")
    assert peer.oldest_at() == 10
    assert peer.expire(15, 5) == (GroupWord(2, GroupState.UNKNOWN, 0, 0),)
    assert peer.word(GroupId(2)) is None
    assert peer.word(GroupId(1)) == (ONE, 20)


def test_silence_drops_every_word() -> None:
    """When the link closes nothing is known of any VID."""
    peer = Peer()
    peer.spoke(10, Body(words=(ONE, TWO)))
    peer.silence()

    assert peer.words() == ()
    assert peer.oldest_at() is None


def test_a_snapshot_comes_back() -> None:
    """A successor knows the same words, as old as they are."""
    peer, successor = Peer(), Peer()
    peer.spoke(10, Body(node="f1", words=(ONE, TWO)))
    successor.restore(peer.snapshot())

    assert successor.node == "f1"
    assert successor.word(GroupId(2)) == (TWO, 10)


@pytest.mark.parametrize("snapshot", [{}, {"words": 5}, {"words": [[1, 99, 1, 1, 1, 1]]}, {"words": [[1]]}])
def test_a_strange_snapshot_is_refused(snapshot: dict[str, object]) -> None:
    """Another form than ours raises, and nothing is taken over."""
    peer = Peer()
    with pytest.raises((KeyError, TypeError, ValueError)):
        peer.restore(snapshot)

    assert peer.words() == ()


def test_what_is_said_again_is_as_young_as_that() -> None:
    """And is no news; one changed word is, and what another datagram states does not make the rest any younger."""
    peer = Peer()
    assert peer.spoke(10, Body(words=(ONE, TWO)))
    assert not peer.spoke(20, Body(words=(ONE, TWO)))
    assert (peer.oldest_at(), peer.word(GroupId(2))) == (20, (TWO, 20))
    assert peer.spoke(30, Body(words=(ONE, GroupWord(2, GroupState.MASTER, 100, 2))))
    assert not peer.spoke(40, Body(words=(ONE,)))
    assert (peer.oldest_at(), peer.word(GroupId(1))) == (30, (ONE, 40))
    assert not peer.spoke(50, Body())
    assert peer.oldest_at() == 30


def test_a_word_that_came_twice_at_once_hides_no_older_one() -> None:
    """Two words on one VID in a datagram are one."""
    peer = Peer()
    peer.spoke(10, Body(words=(TWO,)))
    peer.spoke(20, Body(words=(ONE, ONE)))
    peer.spoke(30, Body(words=(ONE, ONE)))

    assert peer.oldest_at() == 10


def test_what_expired_is_news_when_it_is_said_again() -> None:
    """Though it is what was said last."""
    peer = Peer()
    peer.spoke(10, Body(words=(ONE,)))
    assert len(peer.expire(20, 10)) == 1
    assert peer.spoke(30, Body(words=(ONE,)))
    assert peer.word(GroupId(1)) == (ONE, 30)

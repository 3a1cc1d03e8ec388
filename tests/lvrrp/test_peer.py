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

"""What was last said of each VID, so that only news is said again."""

from linkbalancer.engine.membership import Membership
from linkbalancer.engine.told import Told
from linkbalancer.feed.table import VidEntry
from linkbalancer.links import GroupId, GroupState, GroupWord
from linkbalancer.sim.shape import Shape, loaded

MASTER = GroupWord(1, GroupState.MASTER, 150, 1)


def membership(vid: int, node: str = "b1") -> Membership:
    """A VID of the simulator's first near gateway, not started."""
    return Membership.of(GroupId(vid), loaded(Shape(), node).config.groups[GroupId(vid)], 0)


def test_a_word_of_the_peer_is_news_once() -> None:
    """The same word again is none; another one is; and after a closing every word is."""
    told = Told()
    assert {GroupId(1)} == told.hear("l1", [MASTER])
    assert set() == told.hear("l1", [MASTER])
    assert {GroupId(1)} == told.hear("l2", [MASTER])
    assert {GroupId(1)} == told.hear("l1", [GroupWord(1, GroupState.BACKUP, 150, 2)])
    told.forget_heard()
    assert {GroupId(1)} == told.hear("l2", [MASTER])


def test_a_link_is_told_of_all_its_vids_when_one_has_a_new_word() -> None:
    """In the VIDs' order; and nothing when nothing changed."""
    told = Told()
    two, one = membership(2), membership(1)
    ((link, words, _fault),) = told.word([two, one], lambda _device: 3)
    assert (link, [word.vid for word in words], {word.witnesses for word in words}) == ("l1", [1, 2], {3})
    assert [] == told.word([one, two], lambda _device: 3)
    ((_link, words, _fault),) = told.word([one], lambda _device: 4)
    assert [4, 3] == [word.witnesses for word in words]


def test_an_observed_vid_has_no_word() -> None:
    """It has no link, so there is nobody to tell."""
    assert [] == Told().word([membership(3, "b2")], lambda _device: 0)


def test_entries_are_kept_in_order_and_changes_are_noticed() -> None:
    """The whole table is there, however few VIDs were touched."""
    told = Told()
    first, second = (VidEntry(vid, works=True, master="self", reason="Master here", link="l1") for vid in (1, 2))
    assert told.enter([second])
    assert told.enter([first])
    assert not told.enter([first, second])
    assert [first, second] == told.entries()


def test_only_vids_whose_deadline_has_come_are_due() -> None:
    """A deadline that is gone is forgotten."""
    told, one = Told(), membership(1)
    assert told.deadline() is None
    one.lost_at, one.works = 100, True
    told.note_deadline(one)
    assert (100, [], [GroupId(1)]) == (told.deadline(), told.due(99), told.due(100))
    one.lost_at = None
    told.note_deadline(one)
    assert told.deadline() is None


def test_what_a_peer_said_last_is_known_as_a_whole() -> None:
    """The very words, and the fault beside them; a closing forgets both."""
    told, other = Told(), GroupWord(2, GroupState.BACKUP, 100, 1)
    told.hear("l1", (MASTER, other), "drained")
    assert told.is_heard("l1", (MASTER, other), "drained")
    assert not told.is_heard("l2", (MASTER, other), "drained")
    assert not told.is_heard("l1", (MASTER,), "drained")
    assert not told.is_heard("l1", (MASTER, other), "")
    told.forget_heard()
    assert not told.is_heard("l1", (MASTER, other), "drained")


def test_another_fault_is_news_of_every_vid() -> None:
    """What people are told of them may name it."""
    told = Told()
    told.hear("l1", (MASTER,), "drained by ann")
    assert {GroupId(1)} == told.hear("l1", (MASTER,), "drained by bob")
    assert set() == told.hear("l1", (MASTER,), "drained by bob")

"""Processes that write for one another, at a real map: who is stopped, dead or refused is written by himself."""

import os
import signal
from collections.abc import Iterator

import pytest

from linkbalancer.daemon import together
from linkbalancer.daemon.board import Post
from linkbalancer.daemon.together import FRESH, PATIENCE, Boards, Pointing, Sweeps
from linkbalancer.drivers import translations
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables import load
from linkbalancer.drivers.nftables.aims import AimWriter
from linkbalancer.drivers.nftables.generation import generation
from linkbalancer.links import Vid
from linkbalancer.routing.balance import Aim
from linkbalancer.routing.handover import Form
from linkbalancer.routing.marks import Marks
from tests.daemon.holding import holding
from tests.drivers.nftables.rules import LAYOUT
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

NAMES = ("one", "two", "three")
FIRST, SECOND = Aim(1), Aim(2, Form.KEEP)


class Place:
    """A gateway's table, and the hands of three processes, all in this one."""

    def __init__(self) -> None:
        """Load the table; applications 2 to 4 go by VID 1."""
        self.netlink = NetlinkSocket(NETFILTER)
        load.prepare(LAYOUT, self.netlink)
        self.writer = AimWriter(LAYOUT.marks, self.netlink)
        self.writer.steer(dict.fromkeys((2, 3, 4), FIRST))
        self.boards = Boards(NAMES)
        self.processes = [Pointing(self.writer, self.netlink, self.boards, name) for name in NAMES]

    def post(self, process: int, app_id: int) -> Post:
        """Hang up what a process wants, and nobody at work."""
        post = self.boards.pointing.post(process, [[app_id, "vid_2", "keep", "vid_1", "vid"]])
        assert post is not None
        return post

    def steered(self) -> dict[int, Aim | None]:
        """Return where the kernel has the applications."""
        return {one: aim for one, aim in self.writer.read().items() if one > 1}


@pytest.fixture
def place() -> Iterator[Place]:
    """Return it, in a network namespace of its own."""
    with Namespace("gw") as here, here.entered():
        found = Place()
        yield found
        found.netlink.close()


def test_all_in_one_transaction(place: Place) -> None:
    """Who comes writes what others have posted; they learn that it is done."""
    others = [place.post(1, 3), place.post(2, 4)]
    own = place.processes[0].begin({2: SECOND}, {2: FIRST})
    assert own is not None
    assert [one.outcome(post) for one, post in zip(place.processes, [own, *others], strict=True)] == [True] * 3
    assert place.steered() == dict.fromkeys((2, 3, 4), SECOND)


def test_what_is_refused_is_everybodys_own(place: Place) -> None:
    """A target that the kernel does not have spoils the transaction: each is told to write alone."""
    other = place.post(1, 3)
    own = place.processes[0].begin({2: Aim(77)}, {2: FIRST})
    assert own is not None
    assert place.processes[0].outcome(own) is False
    assert place.processes[1].outcome(other) is False
    assert place.steered() == dict.fromkeys((2, 3, 4), FIRST)


def test_what_is_not_known_is_not_posted(place: Place) -> None:
    """Nor is what so many want at once that nobody's company makes it cheaper."""
    assert place.processes[0].begin({2: SECOND}, {}) is None
    many = dict.fromkeys(range(2, 2 + together.FEW + 1), FIRST)
    assert place.processes[0].begin(many, many) is None


def test_a_stopped_process_is_waited_for_a_moment(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then its own process writes; what is too old by now nobody else begins any more."""
    place.post(2, 4)
    with holding(place.boards.pointing) as pid:
        os.kill(pid, signal.SIGSTOP)
        own = place.processes[0].begin({2: SECOND}, {2: FIRST})
        assert own is not None
        assert place.processes[0].outcome(own) is None
        monkeypatch.setattr(together, "boottime", lambda: own.at + PATIENCE)
        assert place.processes[0].outcome(own) is False
    monkeypatch.setattr(together, "boottime", lambda: own.at + FRESH)
    assert place.processes[1].outcome(place.post(1, 3)) is True
    assert place.steered() == {2: FIRST, 3: SECOND, 4: FIRST}


def test_who_dies_at_work_has_done_nothing(place: Place) -> None:
    """What it took down is written by those who wanted it, at once when they look."""
    taken = place.post(0, 2)
    with holding(place.boards.pointing):
        assert place.processes[0].outcome(taken) is None
    assert place.processes[0].outcome(taken) is False


def test_what_was_meant_for_another_table_is_not_written(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is stopped between look and transaction, while others write, writes nothing when it goes on."""
    calls = list[int]()

    def and_somebody_writes(netlink: NetlinkSocket) -> bytes:
        number = generation(netlink)
        calls.append(1)
        place.writer.steer({4: SECOND if len(calls) % 2 else FIRST})
        return number

    monkeypatch.setattr(together, "generation", and_somebody_writes)
    own = place.processes[0].begin({2: SECOND}, {2: FIRST})
    assert own is not None
    assert place.processes[0].outcome(own) is False
    assert len(calls) > 1
    assert place.writer.read()[2] == FIRST


def test_one_sweep_for_all(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody's flows are let go of by one walk through the table."""
    swept: list[dict[Vid, frozenset[int]]] = []

    def sweep(_netlink: NetlinkSocket, _marks: Marks, wanted: dict[Vid, frozenset[int]]) -> None:
        swept.append(wanted)

    monkeypatch.setattr(translations, "sweep", sweep)
    sweeps = Sweeps(LAYOUT.marks, place.netlink, place.boards, "one")
    place.boards.sweeps.post(1, [[1, [3]], [2, [4]]])
    sweeps.sweep({1: frozenset({2})})
    assert swept == [{1: frozenset({2, 3}), 2: frozenset({4})}]
    sweeps.sweep({1: frozenset(range(100))})
    assert swept[1:] == [{1: frozenset(range(100))}]

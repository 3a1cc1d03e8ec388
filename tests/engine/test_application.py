"""The application's machine as recordings: where it points, when it asks the kernel, what it says."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import SECOND, Instant
from linkbalancer.engine.application import (
    AGAIN,
    Application,
    ConnectionLost,
    Effect,
    Event,
    Report,
    Steer,
    Steered,
    TableReceived,
    Tick,
    Verified,
    Verify,
)
from linkbalancer.feed.table import Table, VidEntry
from linkbalancer.links import Vid
from linkbalancer.routing.application import Application as Configured
from linkbalancer.routing.application import Member

SESSION, APP = 7, 5
WEB = Configured("web", ((Member(2),), (Member(1),)))


def table(*working: Vid, sequence: int = 1, session: int = SESSION, definition: str = "", app: str = "web") -> Table:
    """Return a table in which these VIDs work."""
    entries = tuple(
        VidEntry(vid, vid in working, "self" if vid in working else "none", "Master here" if vid in working else "gone")
        for vid in (1, 2, 3)
    )
    return Table(session, sequence, {app: APP}, {app: definition or WEB.definition}, entries)


class Process:
    """An application with a kernel that can be broken: its map's element, and the VIDs whose rule is missing."""

    def __init__(self, pointing: Vid | None = None) -> None:
        """Point somewhere, as a predecessor left it."""
        self.machine = Application(WEB)
        self.pointing = pointing
        self.missing: set[Vid] = set()
        self.refuses = False
        self.steered: list[Vid] = []
        self.reports: list[Report] = []
        self.now: Instant = 0

    def take(self, event: Event) -> None:
        """Hand in an event and answer what the machine asks."""
        events = [event]
        while events:
            for effect in self.machine.handle(self.now, events.pop(0)):
                events += self.perform(effect)

    def perform(self, effect: Effect) -> list[Event]:
        """Be the kernel and the agent."""
        match effect:
            case Verify(vid, app_id):
                assert app_id == APP
                ok = vid not in self.missing
                return [Verified(vid, ok, "" if ok else "its rule is missing", self.pointing)]
            case Steer(app_id, vid):
                assert app_id == APP
                if self.refuses:
                    return [Steered(vid, ok=False, why="no such chain")]
                self.pointing = vid
                self.steered.append(vid)
                return [Steered(vid, ok=True)]
            case Report():
                self.reports.append(effect)
                return []

    def tick(self) -> None:
        """Let the deadline come."""
        deadline = self.machine.deadline()
        assert deadline is not None
        self.now = deadline
        self.take(Tick())


@pytest.fixture
def process() -> Process:
    """Return a process that has steered to its first choice by its first table."""
    steered = Process()
    steered.take(TableReceived(table(1, 2)))
    return steered


def test_the_first_choice_is_taken(process: Process) -> None:
    """With everything working the application points at the first VID of its list, and says so."""
    assert process.steered == [2]
    assert process.reports == [Report(2, SESSION, 1, "its first choice works")]
    assert process.machine.place == 2


def test_nothing_happens_before_the_first_table() -> None:
    """Without an agent there is no deadline and nothing to say."""
    process = Process()
    assert process.machine.deadline() is None
    process.take(Tick())
    assert process.reports == []


def test_it_leaves_a_vid_that_does_not_work_and_comes_back(process: Process) -> None:
    """The second VID while the first does not work, and the first again as soon as it does (mission A3)."""
    process.take(TableReceived(table(1, sequence=2)))
    process.take(TableReceived(table(1, 2, sequence=3)))
    assert process.steered == [2, 1, 2]
    assert process.reports[1] == Report(1, SESSION, 2, "VID 2: gone")


def test_it_stays_on_a_vid_that_works(process: Process) -> None:
    """The death of a VID that is not used changes nothing but the report's number."""
    process.take(TableReceived(table(2, sequence=2)))
    assert process.steered == [2]
    assert process.reports[-1] == Report(2, SESSION, 2, "its first choice works")


def test_a_restarted_process_writes_nothing_that_is_there() -> None:
    """What a predecessor steered rightly is adopted without touching the kernel."""
    process = Process(pointing=2)
    process.take(TableReceived(table(1, 2)))
    assert process.steered == []
    assert process.machine.place == 2


def test_it_stays_where_it_is_when_nothing_works(process: Process) -> None:
    """With no VID of its list working the application is not moved, and says why for each."""
    process.take(TableReceived(table(1, sequence=2)))
    process.take(TableReceived(table(3, sequence=3)))
    assert process.pointing == 1
    assert process.reports[-1].reason == "nothing of its list works, stays where it is: VID 2: gone; VID 1: gone"


def test_a_place_whose_rule_is_missing_is_left_though_nothing_works(process: Process) -> None:
    """Packets of a VID without its rule would leak into the main table; another VID answers `unreachable` at least."""
    process.take(TableReceived(table(sequence=2)))
    process.missing = {2}
    process.tick()
    assert process.pointing == 1


def test_without_a_place_it_takes_its_first_choice_though_nothing_works() -> None:
    """An application that points nowhere is pointed at its first VID, whose table answers `unreachable`."""
    process = Process()
    process.take(TableReceived(table()))
    assert process.steered == [2]
    assert process.reports[-1].reason.startswith("nothing of its list works, its first choice answers unreachable: ")


def test_a_place_that_is_not_of_its_list_is_left() -> None:
    """After an edit the old place may not be in the list any more; then it is no place to stay."""
    process = Process(pointing=3)
    process.take(TableReceived(table(2)))
    process.take(TableReceived(table(sequence=2)))
    assert process.pointing == 2


def test_a_vid_without_group_is_named() -> None:
    """A VID that no group of this gateway has does not work, and the reason says so."""
    process = Process()
    bare = replace(table(1), vids=(VidEntry(1, works=True, master="self", reason="Master here"),))
    process.take(TableReceived(bare))
    assert process.reports[-1].reason == "VID 2: no group of this gateway"


@pytest.mark.parametrize(
    ("received", "reason"),
    [
        (table(1, 2, definition="eeee"), "the agent's configuration has other VIDs for it than this process"),
        (table(1, 2, app="dns"), "the agent knows no application of this name"),
    ],
)
def test_it_refuses_to_steer_by_another_definition(received: Table, reason: str) -> None:
    """Another definition of it, or no id of its own: nothing is steered, and the report says why."""
    process = Process()
    process.take(TableReceived(received))
    assert process.steered == []
    assert process.reports == [Report(None, SESSION, 1, f"not steered: {reason}")]


def test_it_does_not_point_at_a_vid_whose_rule_is_missing(process: Process) -> None:
    """The kernel is asked first; what fails there does not work, and is asked again a second later."""
    process.missing = {2}
    process.take(TableReceived(table(1, 2, sequence=2)))
    assert process.pointing == 1
    assert process.reports[-1].reason == "VID 2: its rule is missing"
    process.missing = set()
    process.tick()
    assert process.now == AGAIN == 1 * SECOND
    assert process.pointing == 2


def test_it_stays_when_every_rule_is_missing(process: Process) -> None:
    """With nothing to point at in the kernel it stays, and asks once for each VID."""
    process.missing = {1, 2}
    process.take(TableReceived(table(1, 2, sequence=2)))
    assert process.steered == [2]
    assert process.reports[-1].reason == (
        "the kernel holds nothing to point at: VID 2: its rule is missing; VID 1: its rule is missing"
    )


def test_a_stranger_empties_the_map(process: Process) -> None:
    """An element that is gone, or was changed, is written again at the next check."""
    process.pointing = None
    process.tick()
    process.pointing = 1
    process.tick()
    assert process.steered == [2, 2, 2]
    assert len(process.reports) == 1


def test_a_refusal_of_the_kernel_is_reported_and_tried_again() -> None:
    """A map that cannot be written: said, and written at the next check."""
    process = Process()
    process.refuses = True
    process.take(TableReceived(table(1, 2)))
    assert process.reports == [Report(None, SESSION, 1, "the kernel refused to point it at VID 2: no such chain")]
    process.refuses = False
    process.tick()
    assert process.reports[-1] == Report(2, SESSION, 1, "its first choice works")


def test_the_newest_table_wins(process: Process) -> None:
    """An older table of the same agent is ignored; any table of another agent counts."""
    process.take(TableReceived(table(1, sequence=1)))
    assert process.steered == [2]
    process.take(TableReceived(table(1, sequence=1, session=SESSION + 1)))
    assert process.steered == [2, 1]


def test_without_the_agent_everything_stays(process: Process) -> None:
    """When the connection is lost there is no deadline, nothing is steered, late answers of the kernel are ignored."""
    process.take(ConnectionLost())
    assert process.machine.deadline() is None
    for late in (Verified(2, ok=True), Steered(2, ok=True), Tick()):
        process.take(late)
    assert process.steered == [2]
    assert len(process.reports) == 1
    process.take(TableReceived(table(1, 2)))
    assert len(process.reports) == 2


def test_an_answer_to_an_older_question_is_ignored(process: Process) -> None:
    """Only the VID that was asked for last is pointed at."""
    machine = process.machine
    machine.handle(0, TableReceived(table(1, sequence=2)))
    machine.handle(0, TableReceived(table(1, 2, sequence=3)))
    assert machine.handle(0, Verified(1, ok=True, pointing=2)) == []
    machine.handle(0, Steered(1, ok=True))
    assert machine.handle(0, Verified(2, ok=True, pointing=1)) == [Steer(APP, 2)]


STORIES = st.lists(
    st.tuples(
        st.frozensets(st.sampled_from((1, 2, 3))), st.sets(st.sampled_from((1, 2))), st.sampled_from((None, 1, 2, 3))
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(STORIES)
def test_it_ends_on_the_best_that_works(story: list[tuple[frozenset[Vid], set[Vid], Vid | None]]) -> None:
    """After every table and check the place is the first VID that works and is in the kernel, else one of the list."""
    process = Process()
    for sequence, (working, missing, stranger) in enumerate(story, 1):
        process.missing = missing
        process.pointing = stranger or process.pointing
        process.take(TableReceived(table(*working, sequence=sequence)))
        process.tick()
        best = next((vid for vid in (2, 1) if vid in working and vid not in missing), None)
        if best is not None:
            assert process.pointing == best
        elif missing != {1, 2}:
            assert process.pointing in {1, 2} - missing
        assert process.machine.place == process.pointing

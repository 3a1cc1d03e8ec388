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
    Release,
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
from linkbalancer.routing.balance import Aim, Target
from linkbalancer.routing.handover import Form, Handover, Mode

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

    def __init__(self, pointing: Vid | Aim | None = None, configured: Configured = WEB) -> None:
        """Point somewhere, as a predecessor left it."""
        self.machine = Application(configured)
        self.definition = configured.definition
        self.aim = Aim(pointing) if isinstance(pointing, int) else pointing
        self.aims: list[Aim] = []
        self.released: list[set[Vid]] = []
        self.missing: set[Vid] = set()
        self.refuses = False
        self.steered: list[Target] = []
        self.reports: list[Report] = []
        self.now: Instant = 0
        self.sequence = 0

    @property
    def pointing(self) -> Target | None:
        """What the kernel's map has for it."""
        return None if self.aim is None else self.aim.to

    @pointing.setter
    def pointing(self, to: Target | None) -> None:
        self.aim = None if to is None else Aim(to)

    def see(self, *working: Vid, after: Instant = 0) -> None:
        """Receive the next table, in which these VIDs work."""
        self.now += after
        self.sequence += 1
        self.take(TableReceived(table(*working, sequence=self.sequence, definition=self.definition)))

    def take(self, event: Event) -> None:
        """Hand in an event and answer what the machine asks."""
        events = [event]
        while events:
            for effect in self.machine.handle(self.now, events.pop(0)):
                events += self.perform(effect)

    def perform(self, effect: Effect) -> list[Event]:
        """Be the kernel and the agent."""
        match effect:
            case Verify(target, vids, app_id):
                assert app_id == APP
                return [Verified(target, dict.fromkeys(self.missing & set(vids), "its rule is missing"), self.aim)]
            case Steer(app_id, aim):
                assert app_id == APP
                if self.refuses:
                    return [Steered(aim, ok=False, why="no such chain")]
                self.aim = aim
                self.aims.append(aim)
                self.steered.append(aim.to)
                return [Steered(aim, ok=True)]
            case Release(app_id, vids):
                assert app_id == APP
                self.released.append({*vids})
                return []
            case Report():
                self.reports.append(effect)
                return []

    def tick(self) -> None:
        """Let the deadline come."""
        deadline = self.machine.deadline()
        assert deadline is not None
        self.now = deadline
        self.take(Tick())
        after = self.machine.deadline()
        assert after is not None
        assert after > self.now, "a deadline that stays in the past keeps a processor busy"


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
    for late in (Verified(2, {}), Steered(Aim(2), ok=True), Steered(Aim(2), ok=False), Tick()):
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
    assert machine.handle(0, Verified(1, {}, Aim(2))) == []
    machine.handle(0, Steered(Aim(1), ok=True))
    assert machine.handle(0, Verified(2, {}, Aim(1))) == [Steer(APP, Aim(2))]


STORIES = st.lists(
    st.tuples(
        st.frozensets(st.sampled_from((1, 2, 3))), st.sets(st.sampled_from((1, 2))), st.sampled_from((None, 1, 2, 3))
    ),
    max_size=12,
)


@pytest.mark.thorough
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


def web(*, handover: Handover, failback: Handover | None = None, good_for: Instant = 0) -> Process:
    """Return a process of an application with options, on its first choice."""
    process = Process(configured=replace(WEB, handover=handover, failback=failback, good_for=good_for))
    process.see(1, 2)
    process.aims.clear()
    return process


KEEP, RESET, MOVE = Handover(Mode.KEEP), Handover(Mode.RESET), Handover(Mode.MOVE)
DRAIN = Handover(Mode.DRAIN, 60 * SECOND)


@pytest.mark.parametrize(
    ("handover", "failback", "away", "back"),
    [
        (MOVE, None, Form.MOVE, Form.MOVE),
        (KEEP, None, Form.KEEP, Form.KEEP),
        (DRAIN, None, Form.KEEP, Form.KEEP),
        (RESET, None, Form.RESET, Form.RESET),
        (MOVE, KEEP, Form.KEEP, Form.KEEP),
        (MOVE, RESET, Form.MOVE, Form.RESET),
        (KEEP, MOVE, Form.MOVE, Form.MOVE),
        (RESET, MOVE, Form.RESET, Form.MOVE),
        (RESET, KEEP, Form.HOLD, Form.HOLD),
        (RESET, DRAIN, Form.HOLD, Form.HOLD),
    ],
)
def test_it_leaves_and_returns_in_its_manner(
    handover: Handover, failback: Handover | None, away: Form, back: Form
) -> None:
    """A failover leaves a VID that works no more, a fail-back one that works: each has its form."""
    process = web(handover=handover, failback=failback)
    process.see(1)
    process.see(1, 2)
    assert process.aims == [Aim(1, away), Aim(2, back)]


def test_a_drain_ends_at_its_deadline() -> None:
    """Flows stay on a VID that works for so long, and then follow; what is translated begins anew then."""
    process = web(handover=DRAIN)
    process.see(1)
    process.released.clear()
    process.see(1, 2, after=5 * SECOND)
    assert process.aims[-1] == Aim(2, Form.KEEP)
    assert process.released == []
    began = process.now
    while process.aim == Aim(2, Form.KEEP):
        process.tick()
    assert process.now == began + 60 * SECOND
    assert process.aim == Aim(2, Form.MOVE)
    assert process.released == [{1}]
    process.tick()
    assert process.aims[-1] == Aim(2, Form.MOVE)
    assert len(process.aims) == 3


def test_a_vid_that_dies_while_flows_drain_from_it_lets_them_go() -> None:
    """The kernel has them follow; those whose source is translated begin anew."""
    process = web(handover=DRAIN)
    process.see(1)
    process.see(1, 2)
    process.released.clear()
    process.see(2)
    assert process.released == [{1}]
    assert process.aim == Aim(2, Form.KEEP)


def test_a_process_that_starts_in_a_drain_begins_it_anew() -> None:
    """It knows nothing of when it began; a form that its application never has is changed at once."""
    drains, moves = (replace(WEB, handover=one) for one in (DRAIN, MOVE))
    process = Process(Aim(2, Form.KEEP), drains)
    process.see(1, 2)
    while process.aim == Aim(2, Form.KEEP):
        process.tick()
    assert process.now == 60 * SECOND
    edited = Process(Aim(2, Form.KEEP), moves)
    edited.see(1, 2)
    assert edited.aims == [Aim(2, Form.MOVE)]
    rested = Process(Aim(2, Form.MOVE), drains)
    rested.see(1, 2)
    assert rested.aims == []


def test_what_a_predecessor_left_is_let_go_once() -> None:
    """A process that starts does not know what it was about; one that is pointed nowhere has nothing to let go."""
    process = Process(2)
    process.see(1, 2)
    process.see(1, 2, 3)
    assert process.released == [{1}]
    keeps = Process(Aim(2, Form.KEEP), replace(WEB, handover=KEEP))
    keeps.see(1, 2)
    assert keeps.released == []
    fresh = Process()
    fresh.see(1, 2)
    assert fresh.released == []


def test_translated_flows_are_let_go_with_their_vid() -> None:
    """All others when they must move; when they may stay, those of VIDs that work no more; none when nothing works."""
    moves, keeps = web(handover=MOVE), web(handover=KEEP)
    for process in (moves, keeps):
        process.see(1)
        process.see(1, 2)
        process.see(2)
        process.see()
    assert moves.released == [{2}, {1}, {1}]
    assert keeps.released == [{2}, {1}]


def test_translated_flows_are_let_go_when_another_gateway_becomes_master_of_their_vid() -> None:
    """From here they have no way; a connection of the same ports that comes back later is another one, made there."""
    process = web(handover=KEEP)
    ours = table(1, 2, sequence=2)
    theirs = tuple(replace(entry, master="other") if entry.vid == 1 else entry for entry in ours.vids)
    definitions = {"web": process.definition}
    process.take(TableReceived(replace(ours, definitions=definitions)))
    process.released.clear()
    process.take(TableReceived(replace(ours, sequence=3, definitions=definitions, vids=theirs)))
    assert (process.released, process.aim) == ([{1}], Aim(2, Form.KEEP))
    assert not process.machine.may_stay(1)
    process.take(TableReceived(replace(ours, sequence=4, definitions=definitions)))
    assert process.released == [{1}]
    assert process.machine.may_stay(1)


def test_where_its_translated_flows_may_be_by_now() -> None:
    """Where it is; where they may stay, while that works; of a balanced step on what works. Unknown: anywhere."""
    assert Process().machine.may_stay(9)
    moves, keeps = web(handover=MOVE), web(handover=KEEP)
    balanced = Process(None, replace(WEB, steps=((Member(1), Member(2)),)))
    for process in (moves, keeps, balanced):
        process.see(1)
    assert [one.machine.may_stay(2) for one in (moves, keeps, balanced)] == [False, False, False]
    for process in (moves, keeps, balanced):
        process.see(1, 2)
    assert [one.machine.may_stay(1) for one in (moves, keeps, balanced)] == [False, True, True]
    assert [one.machine.may_stay(2) for one in (moves, keeps, balanced)] == [True, True, True]
    moves.see()
    assert moves.machine.may_stay(2)


def test_a_vid_is_taken_again_when_it_has_worked_for_long_enough() -> None:
    """The clock starts anew whenever it fails; leaving a VID that does not work waits for nothing."""
    process = web(handover=MOVE, good_for=30 * SECOND)
    process.see(1)
    assert process.aims == [Aim(1)]
    process.see(1, 2, after=1 * SECOND)
    assert process.aims == [Aim(1)]
    assert process.reports[-1].reason == "VID 2: works again, and is taken when it has for 30s"
    process.see(1, after=29 * SECOND)
    process.see(1, 2)
    came = process.now
    while len(process.aims) == 1:
        process.tick()
    assert process.now == came + 30 * SECOND
    process.see(1)
    process.see(1, 2, after=SECOND)
    process.see(2, after=SECOND)
    assert process.aims[1:] == [Aim(2), Aim(1), Aim(2)]


def test_a_process_that_starts_elsewhere_waits_too() -> None:
    """What has worked for how long is not known to it: from its first table."""
    process = Process(1, replace(WEB, good_for=30 * SECOND))
    process.see(1, 2)
    assert process.aims == []
    while not process.aims:
        process.tick()
    assert process.now == 30 * SECOND

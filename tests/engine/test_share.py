"""What a process with many applications asks and tells: once for all of them, and each for itself where one is ill."""

from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import SECOND, Instant
from linkbalancer.engine.application import AGAIN, ConnectionLost, Report, TableReceived, Tick
from linkbalancer.engine.share import PACE, Effect, Event, Look, Point, Pointed, Seen, Share, Tell
from linkbalancer.engine.sweeping import LOOKS, SETTLED, Inspect, Inspected, Remains, Sweep
from linkbalancer.feed.table import Table, VidEntry
from linkbalancer.links import Vid
from linkbalancer.routing.application import Application, Member
from linkbalancer.routing.balance import Aim, Target
from linkbalancer.routing.choice import choose

VIDS = (1, 2, 3)
NAMES = ("web", "mail", "voip")
STEPS = {"web": (1, 2), "mail": (2, 1), "voip": (1, 3)}
APPLICATIONS = {name: Application(name, tuple((Member(vid),) for vid in STEPS[name])) for name in NAMES}
IDS = {name: number for number, name in enumerate(NAMES, 2)}


def table(*working: Vid, sequence: int = 1, session: int = 7) -> Table:
    """Return a table in which these VIDs work."""
    definitions = {name: one.definition for name, one in APPLICATIONS.items()}
    entries = tuple(VidEntry(vid, vid in working, "self", "its link") for vid in VIDS)
    return Table(session, sequence, IDS, definitions, entries)


class Process:
    """A share with a kernel: the map, what is missing for VIDs, and the VIDs whose chains it does not have."""

    def __init__(self, processes: int = 1) -> None:
        """Have an empty map."""
        self.share = Share(APPLICATIONS.values(), processes)
        self.map: dict[int, Target | None] = {}
        self.missing: dict[Vid, str] = {}
        self.refused: set[Vid] = set()
        self.done: list[Effect] = []
        self.told: dict[str, Report] = {}
        self.now: Instant = 0
        self.flows: set[tuple[Vid, int]] = set()
        self.recreated = False

    def take(self, event: Event) -> list[Effect]:
        """Hand in an event, answer what is asked; return all that was wanted."""
        self.done = []
        events = [event]
        while events:
            for effect in self.share.handle(self.now, events.pop(0)):
                self.done.append(effect)
                events += self.perform(effect)
        return self.done

    def perform(self, effect: Effect) -> list[Event]:
        """Be the kernel and the agent."""
        match effect:
            case Look(vids, app_ids, _):
                missing = {vid: why for vid, why in self.missing.items() if vid in vids}
                return [Seen(missing, {one: Aim(vid) if (vid := self.map.get(one)) else None for one in app_ids})]
            case Point(wanted) if self.refused & {aim.to for aim in wanted.values()}:
                return [Pointed(wanted, ok=False, why="no such chain")]
            case Point(wanted):
                self.map |= {one: aim.to for one, aim in wanted.items()}
                return [Pointed(wanted, ok=True)]
            case Sweep(wanted):
                if not self.recreated:
                    self.flows -= {(vid, app_id) for vid, app_ids in wanted.items() for app_id in app_ids}
                return []
            case Inspect(wanted):
                asked = {(vid, app_id) for vid, app_ids in wanted.items() for app_id in app_ids}
                return [Inspected(wanted, dict.fromkeys(asked & self.flows, 3))]
            case Tell(reports):
                self.told |= reports
                return []
            case Remains():
                return []

    def places(self) -> dict[str, Target | None]:
        """Return where the map sends the applications, by their names."""
        return {name: self.map.get(app_id) for name, app_id in IDS.items()}


def test_one_look_one_transaction_one_message() -> None:
    """However many applications there are, the kernel is asked once, changed once, and the agent told once."""
    process = Process()
    look, point, tell = process.take(TableReceived(table(1, 2, 3)))
    assert look == Look(frozenset({1, 2}), (2, 3, 4), afresh=True)
    assert point == Point({2: Aim(1), 3: Aim(2), 4: Aim(1)})
    assert isinstance(tell, Tell)
    assert [(name, report.vid) for name, report in tell.reports] == [("web", 1), ("mail", 2), ("voip", 1)]


def test_a_dead_vid_moves_those_that_are_on_it() -> None:
    """The others are looked at too, and left where they are."""
    process = Process()
    process.take(TableReceived(table(1, 2, 3)))
    look, point, *_ = process.take(TableReceived(table(2, 3, sequence=2)))
    assert look == Look(frozenset({2, 3}), (2, 3, 4), afresh=False)
    assert point == Point({2: Aim(2), 4: Aim(3)})
    assert process.places() == {"web": 2, "mail": 2, "voip": 3}


def test_packets_come_before_words() -> None:
    """What has to be written is wanted before what has to be told."""
    process = Process()
    process.take(TableReceived(table(1, 2, 3)))
    process.map[IDS["mail"]] = 1
    done = process.take(TableReceived(table(2, 3, sequence=2)))
    assert [type(effect) for effect in done] == [Look, Point, Tell, Sweep]


def test_one_vid_that_the_kernel_refuses_spoils_no_other() -> None:
    """A transaction that is refused is tried again VID by VID; only the applications of the bad one stay."""
    process = Process()
    process.refused = {1}
    process.take(TableReceived(table(1, 2, 3)))
    assert process.places() == {"web": None, "mail": 2, "voip": None}
    assert "refused to point it at VID 1: no such chain" in process.told["web"].reason
    assert process.told["mail"].vid == 2


def test_a_vid_that_lacks_something_is_passed_by() -> None:
    """Whose rule or table is missing is asked about once for all, and the next choice is looked at at once."""
    process = Process()
    process.missing = {1: "its table 20001 is missing"}
    process.take(TableReceived(table(1, 2, 3)))
    assert process.places() == {"web": 2, "mail": 2, "voip": 3}
    assert "its table 20001 is missing" in process.told["voip"].reason


def test_the_kernel_is_asked_again_afresh() -> None:
    """Once a second, and by many processes so seldom that together they do not eat a core."""
    process = Process()
    assert process.share.deadline() is None
    process.take(TableReceived(table(1, 2, 3)))
    assert process.share.deadline() == AGAIN
    process.map[IDS["web"]] = 3  # by somebody else
    process.now = AGAIN - 1
    assert process.take(Tick()) == []
    process.now = AGAIN
    look, point, *_ = process.take(Tick())
    assert look == Look(frozenset({1, 2}), (2, 3, 4), afresh=True)
    assert point == Point({2: Aim(1)})
    many = Process(processes=2000)
    many.take(TableReceived(table(1)))
    assert many.share.deadline() == 2000 * PACE > SECOND


def test_a_new_agent_is_looked_at_afresh() -> None:
    """It may have written to the map: nothing that was known before counts."""
    process = Process()
    process.take(TableReceived(table(1, 2, 3)))
    assert process.take(ConnectionLost()) == []
    assert process.share.deadline() is None
    assert process.take(TableReceived(table(1, 2, 3, session=8)))[0] == Look(frozenset({1, 2}), (2, 3, 4), afresh=True)


def test_flows_are_let_go_together_after_all_else_and_looked_for() -> None:
    """By VID, of which applications; whatever was on its way is found when it has settled, and deleted then."""
    process = Process()
    process.take(TableReceived(table(1, 2, 3)))
    *_, sweep = process.take(TableReceived(table(2, 3, sequence=2)))
    assert sweep == Sweep({1: frozenset({2, 3, 4})})
    process.flows = {(1, IDS["web"])}
    process.now += SETTLED
    done = process.take(Tick())
    assert done[-3:] == [
        Inspect(sweep.wanted),
        Sweep({1: frozenset({IDS["web"]})}),
        Remains(IDS["web"], 1, 3, final=False),
    ]
    process.now += SETTLED
    assert process.take(Tick())[-1] == Inspect({1: frozenset({IDS["web"]})})
    process.now += SETTLED
    assert {type(effect) for effect in process.take(Tick())} == {Look}


def test_flows_that_begin_again_and_again_are_told_at_last() -> None:
    """Nobody deletes for ever."""
    process = Process()
    process.take(TableReceived(table(1, 2, 3)))
    process.recreated, process.flows = True, {(1, IDS["web"])}
    process.take(TableReceived(table(2, 3, sequence=2)))
    told: list[Effect] = []
    for _second in range(2 * LOOKS):
        process.now += SETTLED
        told += process.take(Tick())
    assert [one.final for one in told if isinstance(one, Remains)] == [False] * (LOOKS - 1) + [True]
    assert len([one for one in told if isinstance(one, Inspect)]) == LOOKS


def test_who_has_come_back_to_a_vid_is_let_be() -> None:
    """Flows that began there since then are where they belong: nothing is asked, and nothing is deleted."""
    process = Process()
    process.take(TableReceived(table(1, 2, 3)))
    process.take(TableReceived(table(2, 3, sequence=2)))
    process.now += SETTLED // 2
    *_, sweep = process.take(TableReceived(table(1, 2, 3, sequence=3)))
    assert sweep == Sweep({2: frozenset({IDS["web"]}), 3: frozenset({IDS["voip"]})})
    there = process.flows = {(1, IDS["web"]), (1, IDS["voip"])}
    for _second in range(3):
        process.now += SETTLED
        assert not [one for one in process.take(Tick()) if isinstance(one, Sweep)]
    assert process.flows == there


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sets(st.sampled_from(VIDS)), max_size=6))
def test_it_goes_where_each_application_goes_alone(histories: list[set[Vid]]) -> None:
    """After any tables, every application that has a VID that works is on the first such of its own list."""
    process = Process()
    for sequence, working in enumerate(histories, 1):
        process.take(TableReceived(table(*working, sequence=sequence)))
        for name, place in process.places().items():
            best = choose(APPLICATIONS[name].steps, frozenset(working))
            assert best in {None, place}
            assert process.share.applications[name].place == place
            if best is not None:
                assert process.share.name_of(IDS[name]) == name

"""The machine of an application with a balanced step: one target, whichever of its VIDs work."""

from dataclasses import replace

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.engine.application import TableReceived
from linkbalancer.links import Vid
from linkbalancer.routing.application import Application as Configured
from linkbalancer.routing.application import Member
from linkbalancer.routing.balance import Pool
from linkbalancer.routing.servicelevel import ServiceLevel
from linkbalancer.routing.sticky import Sticky
from tests.engine.test_application import Process, table

POOL = (Member(1, 3), Member(2))
BALANCED = Configured("web", (POOL, (Member(3),)), sticky=Sticky.SOURCE)


class Balanced(Process):
    """An application whose first step is balanced."""

    def __init__(self, configured: Configured = BALANCED) -> None:
        """Point nowhere."""
        super().__init__(configured=configured)

    def learn(self, *working: Vid) -> None:
        """Hear which VIDs work."""
        self.see(*working, after=1)


def test_a_balanced_step_is_one_target_while_any_of_it_works() -> None:
    """A VID that dies moves nothing here: the kernel knows which of them work. The report says what is divided how."""
    process = Balanced()
    for working in ((1, 2, 3), (2, 3), (3,), (1, 3)):
        process.learn(*working)

    pool = Pool(POOL, Sticky.SOURCE)
    assert process.steered == [pool, 3, pool]
    assert [(report.vid, report.reason) for report in process.reports] == [
        (1, "balanced over VID 1 (75%), VID 2 (25%)"),
        (2, "balanced over VID 2 (100%); VID 1: gone"),
        (3, "VID 1: gone; VID 2: gone"),
        (1, "balanced over VID 1 (100%); VID 2: gone"),
    ]


def test_a_vid_that_the_kernel_lacks_is_left_out_of_the_balance() -> None:
    """The step is used as long as the kernel has one of its VIDs that works."""
    process = Balanced()
    process.missing = {1}
    process.learn(1, 2, 3)
    assert process.steered == [Pool(POOL, Sticky.SOURCE)]
    assert process.reports[-1].vid == 2
    process.missing = {1, 2}
    process.tick()
    assert process.steered[-1] == 3


def test_a_balanced_step_stays_where_nothing_works() -> None:
    """Where it was pointed it stays, by the first of its VIDs that the kernel has."""
    process = Balanced()
    process.missing = {1}
    process.learn(1, 2)
    process.learn()
    assert process.steered == [Pool(POOL, Sticky.SOURCE)]
    assert process.reports[-1].vid == 2
    assert process.reports[-1].reason.startswith("nothing of its list works, stays where it is: VID 1: its rule")


def test_a_refusal_names_the_balanced_step() -> None:
    """As its VIDs and weights."""
    process = Balanced()
    process.refuses = True
    process.learn(1)
    assert process.reports[-1].reason == "the kernel refused to point it at VIDs 1*3+2: no such chain"


def test_a_pool_of_an_older_configuration_is_told_by_its_first_vid() -> None:
    """None of its VIDs may be known any more."""
    process = Balanced()
    process.pointing, process.refuses = Pool((Member(8), Member(9)), Sticky.FLOW), True
    process.learn(1)
    assert process.reports[-1].vid == 8


def test_flows_whose_source_is_translated_begin_anew_when_their_vid_of_a_balanced_step_dies() -> None:
    """They are pointed nowhere else, so nothing but its death says so; those of others of the step stay."""
    process = Balanced()
    process.learn(1, 2, 3)
    process.released.clear()
    process.learn(2, 3)
    assert process.released == [{1}]
    process.released.clear()
    process.learn(3)
    assert {vid for some in process.released for vid in some} == {1, 2}


def test_what_a_predecessor_left_on_a_dead_vid_of_a_balanced_step_is_let_go() -> None:
    """And what it left on VIDs of no step."""
    process = Balanced()
    process.pointing = Pool(POOL, Sticky.SOURCE)
    process.learn(2, 3)
    assert process.released == [{1, 3}]


def test_a_balanced_step_waits_until_something_of_it_has_worked_for_long_enough() -> None:
    """Where one of it works already, another that comes back waits for nothing: it has its share at once."""
    process = Balanced(replace(BALANCED, good_for=60 * SECOND))
    process.learn(3)
    process.learn(2, 3)
    assert process.steered == [3]
    assert process.reports[-1].reason == "VID 1: gone; VID 2: works again, and is taken when it has for 60s"
    began = process.now
    while process.steered == [3]:
        process.tick()
    assert process.now == began + 60 * SECOND
    process.learn(1, 2, 3)
    assert process.steered == [3, Pool(POOL, Sticky.SOURCE)]
    assert process.reports[-1].reason == "balanced over VID 1 (75%), VID 2 (25%)"


def test_a_balanced_step_keeps_its_service_level_while_one_of_it_does() -> None:
    """The kernel divides among all that work, so one that breaks it is sent to all the same, and that is said."""
    configured = replace(BALANCED, sla=ServiceLevel(rtt=80 * MILLISECOND))
    process = Balanced(configured)
    for sequence, breaking in enumerate(((1,), (1, 2), (1, 2, 3)), 1):
        plain = table(1, 2, 3, sequence=sequence, definition=configured.definition)
        entries = tuple(
            replace(one, breaks=(("rtt<80ms", "slow"),)) if one.vid in breaking else one for one in plain.vids
        )
        process.take(TableReceived(replace(plain, vids=entries)))

    pool, slow = Pool(POOL, Sticky.SOURCE), "breaks its sla: slow"
    assert process.steered == [pool, 3, pool]
    assert [report.reason for report in process.reports] == [
        f"balanced over VID 1 (75%), VID 2 (25%); VID 1: {slow}",
        f"VID 1: {slow}; VID 2: {slow}",
        f"balanced over VID 1 (75%), VID 2 (25%); VID 1: {slow}; VID 2: {slow}, and nothing that works keeps it",
    ]

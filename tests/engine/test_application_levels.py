"""An application with a service level passes over VIDs whose link breaks it, where another one keeps it."""

from dataclasses import replace

from linkbalancer.clock import MILLISECOND
from linkbalancer.engine.application import TableReceived
from linkbalancer.links import Vid
from linkbalancer.routing.application import Application as Configured
from linkbalancer.routing.application import Member
from linkbalancer.routing.servicelevel import ServiceLevel
from tests.engine.test_application import WEB, Process, table

STRICT = Configured("web", ((Member(2),), (Member(1),)), sla=ServiceLevel(rtt=80 * MILLISECOND))


def breaking(broken: dict[Vid, str], *working: Vid, sequence: int) -> TableReceived:
    """Return a table in which some VIDs break the level of `STRICT`, and another one that nobody here asks for."""
    plain = table(*working, sequence=sequence, definition=STRICT.definition)
    entries = tuple(
        replace(one, breaks=(("loss<1%", "x"), ("rtt<80ms", broken[one.vid]))) if one.vid in broken else one
        for one in plain.vids
    )
    return TableReceived(replace(plain, vids=entries))


def test_a_vid_that_breaks_the_service_level_is_passed_over() -> None:
    """For the next that works and keeps it; and back."""
    process = Process(configured=STRICT)
    process.take(breaking({}, 1, 2, sequence=1))
    process.take(breaking({2: "rtt 120 ms > 80 ms"}, 1, 2, sequence=2))
    process.take(breaking({}, 1, 2, sequence=3))

    assert process.steered == [2, 1, 2]
    assert [report.reason for report in process.reports] == [
        "its first choice works",
        "VID 2: breaks its sla: rtt 120 ms > 80 ms",
        "its first choice works",
    ]


def test_a_bad_link_is_better_than_none() -> None:
    """Where nothing keeps the level, the first that works is taken, and that is said."""
    process = Process(configured=STRICT)
    process.take(breaking({2: "rtt 120 ms > 80 ms", 1: "rtt 90 ms > 80 ms"}, 1, 2, sequence=1))
    process.take(breaking({1: ""}, 1, sequence=2))

    assert process.steered == [2, 1]
    assert [report.reason for report in process.reports] == [
        "VID 2: breaks its sla: rtt 120 ms > 80 ms, and nothing that works keeps it",
        "VID 2: gone; VID 1: breaks its sla: see its link, and nothing that works keeps it",
    ]


def test_what_does_not_work_is_blamed_for_that() -> None:
    """And not for a level that it broke before."""
    process = Process(configured=STRICT)
    process.take(breaking({2: "rtt 120 ms > 80 ms"}, 1, sequence=1))

    assert [report.reason for report in process.reports] == ["VID 2: gone"]


def test_a_level_is_nothing_to_applications_that_ask_for_none() -> None:
    """They stay where they are."""
    process = Process()
    plain = breaking({2: "rtt 120 ms > 80 ms"}, 1, 2, sequence=1).table
    process.take(TableReceived(replace(plain, definitions={"web": WEB.definition})))

    assert process.steered == [2]

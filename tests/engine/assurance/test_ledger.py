"""The links of a gateway and its neighbours, judged by what rules ask for."""

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.engine.assurance.figures import NOTHING, Figures
from linkbalancer.engine.assurance.ledger import SILENT, WAYS_MAX, Ledger, levels_of
from linkbalancer.engine.assurance.tidings import Tiding, pages, read
from linkbalancer.routing.servicelevel import ServiceLevel
from linkbalancer.weights.metrics import Metrics

FAST, TIGHT = ServiceLevel(rtt=80 * MILLISECOND), ServiceLevel(rtt=30 * MILLISECOND, after=SECOND)
LINKS = {"l1": frozenset((1, 2))}
B2 = "192.0.2.2"
BROKEN = (("rtt<80ms", "rtt 120 ms > 80 ms"),)


def ledger(*levels: ServiceLevel) -> Ledger:
    """Return that of a gateway of one link."""
    return Ledger(levels or (FAST,), LINKS)


def rtt(milliseconds: int) -> Metrics:
    """Return a link of this round-trip time."""
    return Metrics(rtt=milliseconds * MILLISECOND)


def told(milliseconds: int | None, *vids: int, link: str = "l2") -> bytes:
    """Return what a neighbour tells of its link."""
    figures = NOTHING if milliseconds is None else Figures(rtt=milliseconds * MILLISECOND)
    (page,) = pages([Tiding(link, figures, frozenset(vids))])
    return page


def break_own(one: Ledger) -> None:
    """Let the own link break the level, at 3 s."""
    assert not one.measured(0, "l1", rtt(120), None)
    assert one.measured(3 * SECOND, "l1", rtt(120), None)


def break_neighbours(one: Ledger) -> None:
    """Let a neighbour's link do so."""
    one.hear(0, "eth0", B2, told(120, 3))
    assert one.hear(3 * SECOND, "eth0", B2, told(120, 3))


def test_where_no_level_is_asked_for_nothing_is_done() -> None:
    """Nothing is kept, told or waited for."""
    idle = Ledger((), LINKS)

    assert not idle
    assert not idle.measured(0, "l1", rtt(120), None)
    assert not idle.hear(0, "eth0", B2, told(120, 3))
    assert (idle.pages(), idle.describe(), idle.snapshot(), idle.deadline()) == ([], [], [], None)
    idle.recall(0, [["l1", "", "", [1], {"rtt<80ms": ["x", 0, None]}]])
    idle.closed(0, "l1")
    assert idle.of_own("l1") == ()


def test_an_own_link_breaks_a_level_and_keeps_it_again() -> None:
    """By what is measured, and by time."""
    one = ledger()
    break_own(one)

    assert one.of_own("l1") == BROKEN
    assert one.of_own("l9") == ()
    assert not one.measured(4 * SECOND, "l1", rtt(20), None)
    assert one.deadline() == 34 * SECOND
    assert not one.tick(33 * SECOND)
    assert one.tick(34 * SECOND)
    assert one.of_own("l1") == ()


def test_each_level_is_judged_by_itself() -> None:
    """A link may keep one and break another."""
    one = ledger(FAST, TIGHT)
    one.measured(0, "l1", rtt(50), None)
    one.measured(SECOND, "l1", rtt(50), None)

    assert one.of_own("l1") == (("rtt<30ms,after:1s", "rtt 50 ms > 30 ms"),)


def test_a_link_that_closes_is_neither_good_nor_bad() -> None:
    """What it broke it breaks until nothing has been said against it for long enough."""
    one = ledger()
    break_own(one)
    one.closed(10 * SECOND, "l1")
    one.closed(10 * SECOND, "l9")

    assert one.of_own("l1") == BROKEN
    assert one.tick(40 * SECOND)
    assert one.of_own("l1") == ()


def test_a_neighbours_link_counts_for_its_vids() -> None:
    """By the address that its gateway is heard from; not for another's, nor on another LAN."""
    one = ledger()
    break_neighbours(one)

    assert one.of_neighbour("eth0", B2, 3) == BROKEN
    assert one.of_neighbour("eth0", B2, 4) == ()
    assert one.of_neighbour("eth0", "192.0.2.3", 3) == ()
    assert one.of_neighbour("eth2", B2, 3) == ()
    assert one.hear(4 * SECOND, "eth0", B2, told(120, 4))
    assert one.of_neighbour("eth0", B2, 4) == BROKEN


def test_nonsense_says_nothing() -> None:
    """And takes no room."""
    one = ledger()

    assert not one.hear(0, "eth0", B2, b"\x20\x00")
    assert len(one.describe()) == 1


def test_who_falls_silent_is_known_no_more() -> None:
    """A good link at once, a bad one when it has been nothing for long enough."""
    good, bad = ledger(), ledger()
    good.hear(0, "eth0", B2, told(20, 3))
    assert good.deadline() == SILENT
    assert not good.tick(SILENT)
    assert len(good.describe()) == 1
    assert good.deadline() is None

    break_neighbours(bad)
    assert bad.deadline() == 3 * SECOND + SILENT
    assert not bad.tick(3 * SECOND + SILENT)
    assert bad.of_neighbour("eth0", B2, 3) == BROKEN
    assert bad.deadline() == 3 * SECOND + SILENT + FAST.back
    assert bad.tick(3 * SECOND + SILENT + FAST.back)
    assert len(bad.describe()) == 1


def test_a_flood_of_links_has_a_bound() -> None:
    """One more is let be; an own link is always judged."""
    one = ledger()
    for number in range(WAYS_MAX + 2):
        one.hear(0, "eth0", B2, told(120, 3, link=f"x{number}"))

    assert len(one.describe()) == WAYS_MAX + 1
    break_own(one)


def test_what_is_told_are_the_figures_and_the_vids() -> None:
    """Of own links only."""
    one = ledger()
    one.measured(0, "l1", rtt(70), rtt(72))
    one.hear(0, "eth0", B2, told(120, 3))

    (page,) = one.pages()
    assert list(read(page)) == [Tiding("l1", Figures(rtt=72 * MILLISECOND), frozenset((1, 2)))]


def test_it_describes_itself() -> None:
    """Every link with its figures and what it breaks."""
    one = ledger()
    break_neighbours(one)
    one.measured(0, "l1", Metrics(loss=0.5, rtt=70 * MILLISECOND), None)
    one.measured(40 * SECOND, "l1", Metrics(loss=0.5, rtt=70 * MILLISECOND), None)

    figures = {"loss": 0.31606, "rtt_ms": 70.0, "jitter_ms": None}
    assert one.describe() == [
        {"link": "l1", "of": None, "device": None, **figures, "breaks": {}},
        {
            "link": "l2",
            "of": B2,
            "device": "eth0",
            "loss": None,
            "rtt_ms": 120.0,
            "jitter_ms": None,
            "breaks": dict(BROKEN),
        },
    ]


def test_a_successor_goes_on() -> None:
    """With own links and neighbours'; what nobody measures any more is met again."""
    one = ledger()
    break_own(one)
    break_neighbours(one)
    heir = ledger()
    heir.recall(5 * SECOND, one.snapshot())

    assert heir.of_own("l1") == heir.of_neighbour("eth0", B2, 3) == BROKEN
    assert heir.deadline() == 5 * SECOND + FAST.back
    assert heir.tick(5 * SECOND + FAST.back)
    assert heir.of_own("l1") == heir.of_neighbour("eth0", B2, 3) == ()


@pytest.mark.parametrize(
    "left", [None, {}, [1], [["l9", "", "", [], {}]], [["l1", "", "", [1], {"loss<9%": ["x", 0, None]}]]]
)
def test_what_makes_no_sense_is_nothing(left: object) -> None:
    """Nor what is configured no more."""
    one = ledger()
    one.recall(0, left)

    assert one.of_own("l1") == ()


def test_levels_are_those_that_applications_name() -> None:
    """Each once."""
    assert list(levels_of([None, FAST, TIGHT, FAST])) == [FAST, TIGHT]

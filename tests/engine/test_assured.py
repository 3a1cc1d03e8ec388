"""Service levels in an agent: who is told what, and when."""

from dataclasses import replace
from typing import Any

from linkbalancer.clock import MILLISECOND
from linkbalancer.engine.assurance.figures import Figures
from linkbalancer.engine.assurance.tidings import Tiding, pages, read
from linkbalancer.engine.company import Herald, elements, encode
from linkbalancer.engine.effects import Effect, Publish, Record, SendHerald
from linkbalancer.engine.events import HeraldReceived, Measured, Retire
from linkbalancer.engine.found import Found
from linkbalancer.links import GroupId
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.shape import LAN_DEVICE, lan_address
from linkbalancer.sim.wire import NEAR
from linkbalancer.weights.metrics import Metrics
from tests.engine.bench import SHAPE, Bench, of_type

LEVEL = "rtt<80ms"
STRICT = replace(SHAPE, vids=2, sla=LEVEL)
SLOW = (LEVEL, "rtt 120 ms > 80 ms")


def bench(found: Found | None = None, now: int = 10**12) -> Bench:
    """Return gateway b1 where applications ask for a service level, and b2 is Master of both VIDs."""
    one = Bench(STRICT, found=found, now=now)
    one.start()
    hear(one)
    one.wait(5000)
    hear(one)
    return one


def hear(one: Bench) -> list[Effect]:
    """Hear b2 as Master of everything."""
    return [*one.hear(1, 200), *one.hear(2, 200)]


def tell(one: Bench, milliseconds: int, *vids: int, link: str = "l2") -> list[Effect]:
    """Let b2 tell of its link, which carries these VIDs."""
    (page,) = pages([Tiding(link, Figures(rtt=milliseconds * MILLISECOND), frozenset(vids))])
    data = encode(Herald("b2", b"r")) + page
    return one.do(HeraldReceived(LAN_DEVICE, lan_address(NEAR, 2), data))


def slow(one: Bench) -> list[Effect]:
    """Let b2's link be slow for four seconds."""
    effects = []
    for _ in range(8):
        effects += [*hear(one), *tell(one, 120, 1), *one.wait(500)]
    return effects


def breaks(effects: list[Effect]) -> list[dict[int, tuple[tuple[str, str], ...]]]:
    """Return what each table says of service levels."""
    return [{one.vid: one.breaks for one in told.table.vids} for told in of_type(effects, Publish)]


def records(effects: list[Effect]) -> list[str]:
    """Return the records of service levels."""
    return [f"{one.subject} {one.text}" for one in of_type(effects, Record) if one.kind == "service-level"]


def test_a_neighbours_bad_link_is_told_to_applications_and_in_the_history() -> None:
    """When the verdict turns, and never for a figure."""
    one = bench()
    told = slow(one)

    assert breaks(told)[-1] == {1: (SLOW,), 2: ()}
    assert len(breaks(told)) <= 2
    assert records(told) == ["VID 1 breaks sla=rtt<80ms: rtt 120 ms > 80 ms"]
    well = []
    for _ in range(70):
        well += [*hear(one), *tell(one, 20, 1), *one.wait(500)]
    assert breaks(well)[-1] == {1: (), 2: ()}
    assert records(well) == ["VID 1 keeps sla=rtt<80ms again"]


def test_the_status_says_what_is_asked_and_what_is_broken() -> None:
    """Of each application, of each link, and where an application would go next: not to what breaks its level."""
    one = bench()
    slow(one)
    now = one.agent.status(one.now)

    assert now["applications"]["app2"]["sla"] == {"level": LEVEL, "breaks": {"1": SLOW[1]}}
    assert [(link["link"], link["of"], link["breaks"]) for link in now["service_levels"]] == [
        ("l1", None, {}),
        ("l2", "192.168.1.2", {LEVEL: SLOW[1]}),
    ]
    assert now["applications"]["app1"]["next"] == 2
    plain = Bench(SHAPE)
    plain.start()
    assert plain.agent.status(plain.now)["applications"]["app1"]["sla"] is None


def test_a_vid_that_moves_is_judged_by_its_new_link_at_once() -> None:
    """Nobody waits for a link that no longer carries it."""
    one = bench()
    slow(one)
    moved = one.hear(1, 250, number=3)

    assert breaks(moved) == [{1: (), 2: ()}]


def test_of_a_vid_that_nobody_carries_there_is_nothing_to_say() -> None:
    """It does not work, and that is enough."""
    one = bench()
    slow(one)
    gone = one.wait(5000)

    assert breaks(gone)[-1] == {1: (), 2: ()}


def test_what_a_gateway_goes_from_breaks_nothing() -> None:
    """Applications leave it first, for that alone."""
    one = bench()
    slow(one)
    retired = one.do(Retire(frozenset([GroupId(1)]), frozenset()))

    assert breaks(retired)[-1] == {1: (), 2: ()}


def test_figures_of_an_own_link_need_it_open() -> None:
    """They are told to the LAN as not known before."""
    one = bench()
    one.do(Measured("l1", Metrics(rtt=120 * MILLISECOND)))
    sent = of_type(one.wait(4000), SendHerald)

    assert [list(read(elements(herald.data))) for herald in sent][-1] == [Tiding("l1", Figures(), frozenset((1, 2)))]


def test_an_own_bad_link_is_told_to_applications() -> None:
    """Of a VID that this gateway is Master of; and closed it is known no more."""
    shape = replace(STRICT, sla="rtt<80ms,after:0s", secret=False)
    node = healthy(shape, 1).nodes["f1"]
    one = Bench(shape, now=node.clock + 100 * MILLISECOND, name="f1", found=Found(snapshot=node.saved))
    one.start()
    told = one.do(Measured("l1", Metrics(rtt=120 * MILLISECOND)))

    assert one.agent.memberships[GroupId(1)].is_master
    assert breaks(told) == [{1: (("rtt<80ms,after:0s", SLOW[1]),), 2: ()}]
    (own, *_) = one.agent.status(one.now)["service_levels"]
    assert (own["rtt_ms"], own["breaks"]) == (120.0, {"rtt<80ms,after:0s": SLOW[1]})
    one.wait(1000)
    (own, *_) = one.agent.status(one.now)["service_levels"]
    assert own["rtt_ms"] is None


def test_a_successor_knows_what_was_broken() -> None:
    """The first table by which the VID works says it."""
    one = bench()
    slow(one)
    left: dict[str, Any] = one.agent.snapshot(one.now)
    heir = Bench(STRICT, found=Found(snapshot=left), now=one.now)
    told = [*heir.start(), *hear(heir), *heir.wait(2000), *hear(heir)]

    works = [publish.table for publish in of_type(told, Publish) if 1 in publish.table.working]
    assert works[0].breaking(LEVEL) == {1: SLOW[1]}

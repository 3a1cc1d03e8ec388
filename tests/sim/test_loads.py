"""What VIDs carry: drawn by chance alone, within what links can take and beyond."""

from random import Random

from linkbalancer.sim.loads import SHIFTS_MAX, WAIT_MAX_MS, Load, Loads, Shift, draw_loads
from linkbalancer.sim.weighing import Figures
from linkbalancer.sim.wire import FAR, NEAR

LINKS = (Figures(capacity=100e6), Figures(capacity=50e6, capacity_in=10e6))


def test_a_load_runs_both_ways() -> None:
    """What leaves the near LAN runs to the far one."""
    load = Load(out=3e6, back=7e6)
    assert (load.towards(FAR), load.towards(NEAR)) == (3e6, 7e6)
    assert str(Shift(500, 2, load)) == "at 500 ms VID 2: 3.0 Mbit/s out, 7.0 back"


def test_loads_fit_or_do_not() -> None:
    """Each direction for itself; some change, at most so often, and all by the same chance again."""
    found = [draw_loads(Random(seed), LINKS, 3, 1000) for seed in range(200)]
    assert found == [draw_loads(Random(seed), LINKS, 3, 1000) for seed in range(200)]
    for of, room in (("out", 150e6), ("back", 110e6)):
        totals = [sum(getattr(load, of) for load in one.first) for one in found]
        assert min(totals) < 0.2 * room
        assert max(totals) > room
    assert {len(one.shifts) for one in found} == set(range(SHIFTS_MAX + 1))
    assert {wait for one in found for wait in one.waits_ms} == set(range(WAIT_MAX_MS + 1))
    assert all(1000 <= shift.at_ms <= one.until_ms and 1 <= shift.vid <= 3 for one in found for shift in one.shifts)


def test_a_person_reads_what_was_drawn() -> None:
    """A line a VID, a line a change, and what queues there are."""
    loads = Loads((Load(1e6, 2e6),), (Shift(700, 1, Load(0, 0)),), (0, 4))
    assert str(loads).splitlines() == [
        "VID 1: 1.0 Mbit/s out, 2.0 back",
        "at 700 ms VID 1: 0.0 Mbit/s out, 0.0 back",
        "packets wait 0, 4 ms where these links are full",
    ]
    assert (loads.until_ms, Loads(()).until_ms) == (700, 0)

"""Links that lose, duplicate, delay and fall silent."""

from random import Random

from linkbalancer.sim.wire import FAR, NEAR, Wire


def test_a_whole_link_delivers_once_after_its_delay() -> None:
    """Delay and jitter bound every arrival."""
    wire, chance = Wire("l1", 1), Random(1)
    for _ in range(50):
        (delay,) = wire.arrivals(FAR, chance)
        assert wire.delay <= delay <= wire.delay + wire.jitter


def test_silence_is_a_matter_of_direction() -> None:
    """One-way loss stops one direction alone, a cut both."""
    wire, chance = Wire("l1", 1), Random(1)
    wire.deaf[FAR] += 1
    assert (wire.arrivals(FAR, chance), len(wire.arrivals(NEAR, chance))) == ([], 1)
    wire.cuts += 1
    assert wire.arrivals(NEAR, chance) == []


def test_loss_and_duplication_are_percentages() -> None:
    """Of many datagrams about so many are lost, and about so many of the rest come twice."""
    wire, chance = Wire("l1", 1, loss=20, duplication=50), Random(1)
    counts = [len(wire.arrivals(FAR, chance)) for _ in range(2000)]
    assert 300 < counts.count(0) < 500
    assert 600 < counts.count(2) < 1000

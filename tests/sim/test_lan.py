"""Virtual LANs."""

from random import Random

from linkbalancer.sim.lan import HOST, Lan


def lan() -> Lan:
    """Return a LAN of two gateways."""
    return Lan("near", "eth0", {"b1": b"\2\0\0\0\0\1", "b2": b"\2\0\0\0\0\2"})


def test_islands_and_cut_legs_separate_stations() -> None:
    """Frames pass on one island only, and never over a leg without carrier; the host is a station too."""
    net = lan()
    assert net.connected("b1", "b2")
    net.islands = {"b1": 1}
    assert (net.connected("b1", "b2"), net.connected("b1", HOST), net.connected("b2", HOST)) == (False, False, True)
    net.legs["b2"] = 1
    assert not net.connected("b2", HOST)
    assert net.arrival("b2", HOST, Random(1)) is None


def test_a_lossy_lan_loses_some_frames() -> None:
    """The rest arrives after the delay."""
    net, chance = lan(), Random(1)
    net.loss = 50
    arrivals = [net.arrival("b1", "b2", chance) for _ in range(400)]
    assert 120 < arrivals.count(None) < 280
    assert all(net.delay <= delay <= net.delay + net.jitter for delay in arrivals if delay is not None)


def test_frames_between_two_stations_keep_their_order_unless_some_are_lost() -> None:
    """A frame that would be quicker than the one before it waits for that one; others do not."""
    net = lan()
    assert [net.queue("b1", "b2", now, delay) for now, delay in ((0, 90), (10, 50), (100, 50))] == [90, 80, 50]
    assert net.queue("b2", "b1", 10, 50) == 50
    net.loss = 5
    assert net.queue("b1", "b2", 110, 20) == 20

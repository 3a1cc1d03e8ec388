"""Stalls on real packets: a busy host, and an agent that is stopped and goes on; who is Master beside whom."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.clock import MILLISECOND
from tests.daemon.pair import Pair, beginnings, burning, longest_pause, two
from tests.daemon.waiting import until
from tests.interop.makers import Keepalived, Ours

pytestmark = pytest.mark.lab

INTERVAL_MS = 100
OVERLAP = 60 * MILLISECOND
"""How long two may both be heard around a hand-over: what is under way, and a busy machine."""


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Return two of our gateways, the better one Master."""
    with two(Ours, tmp_path, INTERVAL_MS) as found:
        yield found


@pytest.mark.parametrize(("who", "seconds"), [("agent", 1.4), ("agent", 3.0), ("everybody", 3.0)])
def test_a_stopped_master_listens_before_it_speaks(pair: Pair, who: str, seconds: float) -> None:
    """The other takes over; woken, it goes back by the rules, and each instant has one Master but for the hand-over.

    What waited in its socket is heard before its own timer is judged: the other's adverts, which it answers, being the
    better one; if there were none it would listen for an interval before it speaks. An agent that is silent for longer
    than its supervisor's patience is replaced; the new one listens first as well. Where the supervisor has stood still
    too, nobody's silence counts.
    """
    pids = pair.pids("g1", "lb:agent") if who == "agent" else list(pair.gateways["g1"].namespace.pids())
    pair.freeze(pids, seconds)
    woken = time.clock_gettime_ns(time.CLOCK_REALTIME)
    heard = pair.listen(4)
    replaced = who == "agent" and seconds > 2
    back = [one for one in heard if one.who == "g1" and one.priority and (replaced or one.at > woken)]

    assert beginnings(pair.adverts, pair.interval) == 1
    assert back, "it takes its mastership back"
    last = max(one.at for one in pair.adverts if one.who == "g2")
    assert last - back[0].at < OVERLAP, "and from then on it is alone"
    assert (pair.pids("g1", "lb:agent") == pids) is (who == "agent" and not replaced) or who == "everybody"


def test_a_stopped_backup_takes_over_from_nobody(pair: Pair) -> None:
    """Its timers have all run out; the Master's adverts were in its socket."""
    (agent,) = pair.pids("g2", "lb:agent")
    pair.freeze([agent], 1.4)
    pair.listen(1)

    assert beginnings(pair.adverts, pair.interval) == 0
    assert pair.pids("g2", "lb:agent") == [agent]


def test_a_busy_host_makes_no_master(pair: Pair) -> None:
    """For some seconds here; `test_a_minute_of_full_load` is the real thing."""
    with burning(2 * (os.cpu_count() or 1)):
        heard = pair.listen(6)

    assert beginnings(pair.adverts, pair.interval) == 0
    assert longest_pause(heard) < 3 * pair.interval


@pytest.mark.slow
def test_a_minute_of_full_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two of ours, then two Keepalived, each for a minute with every processor busy; the figures are shown."""
    rows = []
    for maker in (Ours, Keepalived):
        with two(maker, tmp_path / maker.__name__, INTERVAL_MS) as pair, burning(2 * (os.cpu_count() or 1)):
            heard = pair.listen(60)
            count = beginnings(pair.adverts, pair.interval)
            pause = f"longest pause between adverts {longest_pause(heard) / MILLISECOND:.1f} ms"
            rows.append((maker.__name__, count, pause + _lateness(pair)))
    with capsys.disabled():
        sys.stdout.write("".join(f"\n{name}: {count} false take-overs in 60 s, {words}" for name, count, words in rows))

    assert rows[0][1] <= rows[1][1]
    assert rows[0][1] == 0


def _lateness(pair: Pair) -> str:
    gateway = pair.gateways["g1"]
    if not isinstance(gateway, Ours):
        return ""
    until(gateway.status)
    daemon = gateway.status()["daemon"]
    worst = daemon["timer_lateness"]["worst_us"] / 1000
    return f"; timers at worst {worst:.1f} ms late, real time {daemon['real_time']}, locked {daemon['memory_locked']}"

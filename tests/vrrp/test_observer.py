"""The observer: it follows whoever is Master, and notices when nobody is."""

from ipaddress import IPv4Address, IPv4Interface

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.vrrp.effects import Changed
from linkbalancer.vrrp.events import Heard, Tick
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.heard import LastHeard
from linkbalancer.vrrp.observer import Observer

FIRST = IPv4Address("192.0.2.1")
SECOND_ROUTER = IPv4Address("192.0.2.2")
FIRST_FOUND = Changed("none", "192.0.2.1", "it advertises priority 100")


@pytest.fixture
def observer() -> Observer:
    """An observer that heard the first router at instant 0, at priority 100 and an interval of 1 s."""
    group = Group(
        vid=1,
        device="eth0",
        virtual_ips=(IPv4Interface("192.0.2.251/24"),),
        priority=100,
        advert_interval=SECOND,
    )
    observer = Observer(group)
    assert observer.deadline() is None
    assert observer.handle(0, Tick()) == []
    assert observer.handle(0, Heard(100, SECOND, FIRST)) == [FIRST_FOUND]
    return observer


def test_a_master_that_goes_on_is_no_news(observer: Observer) -> None:
    """The same Master moves the deadline, at whatever priority and interval, and nothing else."""
    assert observer.handle(SECOND, Heard(50, 2 * SECOND, FIRST)) == []

    assert observer.heard == LastHeard(50, FIRST, 2 * SECOND, SECOND)
    assert observer.deadline() == SECOND + 7_992_187_500  # 3 * 2 s + 255/256 * 2 s


def test_who_becomes_master_forgets_who_was(observer: Observer) -> None:
    """Nobody is followed any more, and there is no deadline; whoever advertises still is news."""
    observer.forget()
    assert (observer.heard, observer.deadline()) == (None, None)
    assert observer.handle(SECOND, Heard(100, SECOND, FIRST)) == [FIRST_FOUND]


def test_silence_ends_a_mastership(observer: Observer) -> None:
    """A Master counts until the slowest Backup, of priority 1, would have taken over."""
    assert observer.deadline() == 3_996_093_750
    assert observer.handle(3_996_093_749, Tick()) == []
    assert observer.handle(3_996_093_750, Tick()) == [Changed("192.0.2.1", "none", "it fell silent")]
    assert observer.heard is None
    assert observer.deadline() is None


def test_a_leaving_master_counts_for_one_skew(observer: Observer) -> None:
    """After priority 0 the Master is gone when the skew of priority 1 has passed without a successor."""
    assert observer.handle(SECOND, Heard(0, SECOND, FIRST)) == []
    assert observer.deadline() == 1_996_093_750
    assert observer.handle(1_996_093_750, Tick()) == [Changed("192.0.2.1", "none", "it left")]


def test_a_successor_replaces_a_leaving_master(observer: Observer) -> None:
    """After priority 0 anybody's advert is the new Master's, however low."""
    observer.handle(SECOND, Heard(0, SECOND, FIRST))

    changes = observer.handle(1200 * MILLISECOND, Heard(1, SECOND, SECOND_ROUTER))

    assert changes == [Changed("192.0.2.1", "192.0.2.2", "it advertises priority 1")]


def test_priority_zero_of_somebody_else_is_no_matter(observer: Observer) -> None:
    """Only the Master that is followed can leave; with nobody followed there is nothing to leave."""
    assert observer.handle(SECOND, Heard(0, SECOND, SECOND_ROUTER)) == []
    assert observer.heard == LastHeard(100, FIRST, SECOND, 0)

    nobody = Observer(observer.group)
    assert nobody.handle(0, Heard(0, SECOND, FIRST)) == []
    assert nobody.heard is None


@pytest.mark.parametrize(("priority", "wins"), [(99, False), (100, True), (101, True)])
def test_of_two_masters_the_better_one_is_followed(observer: Observer, priority: int, *, wins: bool) -> None:
    """Priority decides, then the higher address, as between the two Masters themselves."""
    changes = observer.handle(SECOND // 2, Heard(priority, SECOND, SECOND_ROUTER))

    assert bool(changes) is wins
    assert observer.heard is not None
    assert observer.heard.source == (SECOND_ROUTER if wins else FIRST)


def test_a_worse_master_is_followed_once_the_better_is_overdue(observer: Observer) -> None:
    """A Master that has missed two adverts is dead enough when somebody else advertises."""
    observer.handle(10 * SECOND, Heard(100, SECOND, FIRST))

    assert observer.handle(12 * SECOND, Heard(50, SECOND, SECOND_ROUTER)) == []
    changes = observer.handle(12 * SECOND + 1, Heard(50, SECOND, SECOND_ROUTER))

    assert changes == [Changed("192.0.2.1", "192.0.2.2", "it advertises priority 50")]

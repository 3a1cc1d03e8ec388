"""How long an advert counts, and what its absence is called."""

from ipaddress import IPv4Address

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.vrrp.heard import LastHeard

RIVAL = IPv4Address("192.0.2.20")


@pytest.mark.parametrize(("priority", "gone_at"), [(100, 4_996_093_750), (0, 1_996_093_750)])
def test_an_advert_counts_until_the_slowest_backup_would_act(priority: int, gone_at: int) -> None:
    """A Master counts for three intervals and the skew of priority 1 (255/256), a leaving one for that skew alone."""
    assert LastHeard(priority, RIVAL, SECOND, at=1000 * MILLISECOND).gone_at() == gone_at


@pytest.mark.parametrize(("priority", "gone_at"), [(100, 31_996_093_750), (0, 1_996_093_750)])
def test_version_2_has_skews_of_a_second(priority: int, gone_at: int) -> None:
    """At an interval of 10 s, three of them and 255/256 of a second."""
    heard = LastHeard(priority, RIVAL, 10 * SECOND, at=1000 * MILLISECOND, version=2)

    assert heard.gone_at() == gone_at


@pytest.mark.parametrize(
    ("priority", "words"),
    [
        (0, "192.0.2.20 left"),
        (99, "outranks 192.0.2.20 of priority 99"),
        (100, "192.0.2.20 fell silent"),
        (101, "192.0.2.20 fell silent"),
    ],
)
def test_why_a_backup_took_over(priority: int, words: str) -> None:
    """The last advert tells a Master that left from one that was outranked or went silent."""
    assert LastHeard(priority, RIVAL, SECOND, at=0).absence(own_priority=100) == words

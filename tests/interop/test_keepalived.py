"""Our near gateway and a Debian Keepalived in one VRRP group: one of them is Master, whatever happens to either."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.links import Vid
from linkbalancer.vrrp.packet import ChecksumForm
from linkbalancer.vrrp.timers import skew_time
from tests.daemon.waiting import until
from tests.interop.advertising import Ear
from tests.interop.keepalived import PRIORITY, Keepalived
from tests.interop.site import INTERVAL_MS, OURS, PATIENCE_S, STRANGER, Site, built

pytestmark = pytest.mark.lab

SHARED, UNREADABLE = 1, 2
"""The VID that both speak alike, and the one whose adverts (RFC 9568's checksum) this Keepalived cannot read."""

SKEW = skew_time(PRIORITY, INTERVAL_MS * MILLISECOND)
SLACK = 300 * MILLISECOND
"""What a busy machine may add; a Keepalived that missed our farewell would be later than this: it would wait for
three intervals and its skew, counted from our last advert, which is at most one interval older than the farewell."""

assert SKEW + SLACK < 2 * INTERVAL_MS * MILLISECOND + SKEW


@dataclass(frozen=True, slots=True)
class Lan:
    """The near LAN with both gateways on it."""

    site: Site
    keepalived: Keepalived
    ear: Ear

    def await_ours(self, vid: Vid = SHARED) -> None:
        """Wait until ours is the one Master: in its own eyes, in Keepalived's, and by who has the address."""
        until(lambda: self.site.group(vid).get("tier") == "high", PATIENCE_S, "the link is good")
        until(lambda: self.site.group(vid).get("state") == "master", PATIENCE_S, "ours is Master")
        until(lambda: self.keepalived.is_in(vid, "BACKUP"), PATIENCE_S, "Keepalived is Backup")
        until(lambda: self.site.holders(vid) == {"b1"}, PATIENCE_S, "ours alone has the virtual IP")

    def await_keepalived(self, vid: Vid = SHARED) -> None:
        """Wait until Keepalived is the one Master, and ours (where it runs) knows that."""
        until(lambda: self.keepalived.is_in(vid, "MASTER"), PATIENCE_S, "Keepalived is Master")
        until(lambda: self.site.group(vid).get("state") != "master", PATIENCE_S, "ours is not Master")
        until(lambda: self.site.holders(vid) == {"stranger"}, PATIENCE_S, "Keepalived alone has the virtual IP")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield the site with both daemons started; they run from test to test."""
    with built(tmp_path_factory.mktemp("site")) as site:
        site.start()
        yield site


@pytest.fixture
def lan(site: Site, tmp_path: Path) -> Iterator[Lan]:
    """Yield the LAN with a fresh Keepalived, settled: our link is good and ours is Master. Heal it afterwards."""
    with site.listening() as ear, Keepalived(site, tmp_path / "keepalived", [SHARED]) as keepalived:
        lan = Lan(site, keepalived, ear)
        try:
            lan.await_ours()
            yield lan
        finally:
            site.link(up=True)
            sys.stdout.write(f"{keepalived.log}\n{site.ours.log.read_text()}")  # pytest shows it where a test failed


def test_one_master_and_peace(lan: Lan) -> None:
    """Left alone, the two agree for good: ours advertises, Keepalived is silent, and no state changes on a side."""
    before, entered, heard = lan.site.group(SHARED), lan.keepalived.states(SHARED), len(lan.ear.adverts(SHARED))
    until(lambda: len(lan.ear.adverts(SHARED)) >= heard + 15, PATIENCE_S, "15 more adverts")
    assert {advert.source for advert in lan.ear.adverts(SHARED)[heard:]} == {OURS}
    after = lan.site.group(SHARED)
    assert (before["transitions"], "master") == (after["transitions"], after["state"])
    assert entered == lan.keepalived.states(SHARED)
    assert lan.site.holders(SHARED) == {"b1"}
    assert "checksum" not in lan.keepalived.log


def test_link_cut_and_healed(lan: Lan) -> None:
    """Ours resigns with its link: Keepalived follows by its skew time; the link healed, ours takes over again."""
    lan.site.link(up=False)
    farewell, answer = until(lambda: lan.ear.handover(SHARED, OURS, STRANGER), PATIENCE_S, "Keepalived takes over")
    assert answer.priority == PRIORITY
    assert answer.at - farewell.at < SKEW + SLACK
    lan.await_keepalived()
    group = lan.site.group(SHARED)
    assert (group["state"], group["tier"], group["priority"], group["master"]) == ("backup", "dead", 1, STRANGER)

    lan.site.link(up=True)
    lan.await_ours()
    last = lan.ear.adverts(SHARED)[-1]
    assert (last.source, last.priority) == (OURS, lan.site.group(SHARED)["priority"])
    assert last.priority > PRIORITY


def test_graceful_stop_and_start(lan: Lan) -> None:
    """Asked to leave, ours says so: Keepalived takes over by its skew time; started again, ours takes over."""
    lan.site.ours.stop()
    farewell, answer = until(lambda: lan.ear.handover(SHARED, OURS, STRANGER), PATIENCE_S, "Keepalived takes over")
    assert answer.at - farewell.at < SKEW + SLACK
    lan.await_keepalived()
    lan.site.ours.start()
    lan.await_ours()


def test_keepalived_leaves(lan: Lan) -> None:
    """A leaving Keepalived is heard: ours takes over at once, though its link is cut, as the last resort of the LAN."""
    lan.site.link(up=False)
    lan.await_keepalived()
    lan.keepalived.stop()
    farewell, answer = until(lambda: lan.ear.handover(SHARED, STRANGER, OURS), PATIENCE_S, "ours takes over")
    assert answer.priority == 1
    assert answer.at - farewell.at < skew_time(1, INTERVAL_MS * MILLISECOND) + SLACK
    until(lambda: lan.site.holders(SHARED) == {"b1"}, PATIENCE_S, "ours has the virtual IP")


@pytest.fixture
def link_cut(site: Site) -> Iterator[Site]:
    """Yield the site with its link cut, and heal it afterwards."""
    site.link(up=False)
    yield site
    site.link(up=True)


def test_other_form_of_checksum_is_accepted(link_cut: Site, tmp_path: Path) -> None:
    """A group of ours that sends RFC 9568's checksum obeys a Keepalived that sends the older one and refuses ours."""
    with link_cut.listening() as ear, Keepalived(link_cut, tmp_path / "keepalived", [UNREADABLE]) as keepalived:
        Lan(link_cut, keepalived, ear).await_keepalived(UNREADABLE)
        assert link_cut.group(UNREADABLE)["master"] == STRANGER
        forms = {advert.source: advert.form for advert in ear.adverts(UNREADABLE)}
        assert forms == {OURS: ChecksumForm.RFC9568, STRANGER: ChecksumForm.RFC5798}
        assert "checksum" in keepalived.log

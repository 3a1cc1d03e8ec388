"""Loading into a real kernel."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables import load, render
from linkbalancer.drivers.nftables.elements import MapWriter, chains
from linkbalancer.links import Role
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.selector import Interval, Selector
from tests.drivers.nftables.rules import IDS, LAYOUT, SAMPLE, classifier
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab


@pytest.fixture
def netlink() -> Iterator[NetlinkSocket]:
    """Yield a socket into an empty namespace, which the test runs in."""
    with Namespace() as here, here.entered():
        opened = NetlinkSocket(NETFILTER)
        yield opened
        opened.close()


def test_preparing_again_does_nothing(netlink: NetlinkSocket) -> None:
    """The skeleton is loaded once; a layout with other VIDs mends it and forgets the old ones."""
    assert load.prepare(LAYOUT, netlink)
    assert not load.prepare(LAYOUT, netlink)
    writer = MapWriter(Marks(), netlink)
    writer.steer({2: 1, 3: 2})
    assert load.prepare(replace(LAYOUT, vids=(2, 3)), netlink)
    assert writer.read() == {1: None, 2: None, 3: 2}
    names = chains(netlink)
    assert {"vid_2", "vid_3"} < set(names)
    assert "vid_1" not in names
    assert len([name for name in names if name.startswith(render.SKELETON)]) == 1


def test_the_same_classifier_is_not_loaded_twice(netlink: NetlinkSocket) -> None:
    """A reload that changes nothing loads nothing; the digest in use is read back."""
    load.prepare(LAYOUT, netlink)
    assert load.digest(netlink) is None
    assert load.install(LAYOUT, SAMPLE, IDS, netlink)
    assert not load.install(LAYOUT, SAMPLE, IDS, netlink)
    assert load.digest(netlink) == SAMPLE.digest[:12]
    assert load.install(replace(LAYOUT, role=Role.CONTROLLED), SAMPLE, IDS, netlink)


def test_a_new_classifier_leaves_nothing_of_the_old_one(netlink: NetlinkSocket) -> None:
    """Chains and elements of applications that are gone are deleted; those that stay keep their VID."""
    load.prepare(LAYOUT, netlink)
    load.install(LAYOUT, SAMPLE, IDS, netlink)
    writer = MapWriter(Marks(), netlink)
    writer.steer(dict.fromkeys(IDS.values(), 1))
    new = classifier(("voice", Selector(dscp=(Interval(46, 46),))), ("new", Selector(family=4)))
    assert load.install(LAYOUT, new, {"voice": 3, "new": 6}, netlink)
    assert writer.read() == {1: None, 3: 1}
    left = {name for name in chains(netlink) if name.startswith(("app_", "forward_", "mirror_"))}
    digest = new.digest[:12]
    assert left == {"app_1", "app_3", "app_6", f"forward_{digest}", f"mirror_{digest}"}


def test_a_load_that_was_cut_off_is_made_good(netlink: NetlinkSocket) -> None:
    """After the first of the two transactions nothing is in use yet, and the next load finishes the work."""
    load.prepare(LAYOUT, netlink)
    load.load(render.generation(SAMPLE, IDS, Marks()))
    assert load.digest(netlink) is None
    assert load.install(LAYOUT, SAMPLE, IDS, netlink)
    assert load.digest(netlink) == SAMPLE.digest[:12]


def test_ids_that_changed_are_loaded_anew(netlink: NetlinkSocket) -> None:
    """The same rules with other ids are another generation, under the same chains."""
    load.prepare(LAYOUT, netlink)
    load.install(LAYOUT, SAMPLE, IDS, netlink)
    assert load.install(LAYOUT, SAMPLE, {**IDS, "rest": 9}, netlink)
    assert {"app_9"} < set(chains(netlink))
    assert "app_5" not in chains(netlink)


def test_nfts_own_words_are_kept(netlink: NetlinkSocket) -> None:
    """A text that nft refuses is an error with its words, and nothing of it is loaded."""
    with pytest.raises(DriverError, match=r"load this: .*syntax error") as refusal:
        load.load("add table inet linkbalancer\nnonsense here\n", "load this")
    assert not refusal.value.retry
    assert chains(netlink) == []


def test_without_nft_the_error_says_so(netlink: NetlinkSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without the program gets a sentence, not a traceback."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(DriverError, match="the program nft is missing"):
        load.prepare(LAYOUT, netlink)

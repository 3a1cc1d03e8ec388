"""Loading into a real kernel."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables import load, render
from linkbalancer.drivers.nftables.classifying import generation
from linkbalancer.drivers.nftables.elements import MapWriter
from linkbalancer.drivers.nftables.eras import ERA
from linkbalancer.drivers.nftables.listing import chains
from linkbalancer.drivers.nftables.sweep import sweep
from linkbalancer.links import Role
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.selector import Interval, Selector
from tests.drivers.nftables.filters import rules
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
    assert load.loaded(LAYOUT, new, {"voice": 3, "new": 6}, netlink)


def test_an_edit_among_many_rules_loads_what_changed(netlink: NetlinkSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of thousands of lines nearly none is loaded anew; nothing of the old ones is left; and back again."""
    some = rules("firewall-ipv4")
    ids = {name: number for number, name in enumerate(sorted({one.application for one in some}), 2)}
    whole, edited = Classifier(some), Classifier(some[:-1])
    texts: list[str] = []
    real = load.load

    def noted(text: str, operation: str) -> None:
        texts.append(text)
        real(text, operation)

    monkeypatch.setattr(load, "load", noted)
    load.prepare(LAYOUT, netlink)
    assert load.install(LAYOUT, whole, ids, netlink)
    first = chains(netlink)
    lines = sum(text.count("\n") for text in texts)
    for wanted in (edited, whole):
        texts.clear()
        assert load.install(LAYOUT, wanted, ids, netlink)
        assert load.loaded(LAYOUT, wanted, ids, netlink)
        assert not load.install(LAYOUT, wanted, ids, netlink)
        assert len(texts) == 1
        assert texts[0].count("\n") < lines / 20
    # Only the era is another one: flows are classified anew after each of the two edits.
    assert {*chains(netlink)} ^ {*first} == {"era_1", "era_3"}


def _edits() -> tuple[Classifier, Classifier, dict[str, int]]:
    """Return many rules, the same without the last one, and their applications' numbers; compiled in this order."""
    some = rules("firewall-ipv4")
    ids = {name: number for number, name in enumerate(sorted({one.application for one in some}), 2)}
    whole, edited = Classifier(some), Classifier(some[:-1])
    generation(edited, ids, LAYOUT)
    generation(whole, ids, LAYOUT)
    return whole, edited, ids


def test_an_edit_of_what_is_known_to_be_in_use_lists_no_chains(
    netlink: NetlinkSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the era and the generation before: the same chains are there in the end as when all are listed."""
    whole, edited, ids = _edits()
    load.prepare(LAYOUT, netlink)
    load.install(LAYOUT, whole, ids, netlink)
    first = {one for one in chains(netlink) if not one.startswith(ERA)}
    load.install(LAYOUT, edited, ids, netlink)
    second = {one for one in chains(netlink) if not one.startswith(ERA)}
    load.install(LAYOUT, whole, ids, netlink)
    for since, wanted, found in ((3, edited, second), (4, whole, first)):
        with monkeypatch.context() as patch:
            patch.delattr(load, "chains")
            assert load.install(LAYOUT, wanted, ids, netlink, since)
        assert load.loaded(LAYOUT, wanted, ids, netlink)
        assert load.era(netlink) == since + 1
        assert {one for one in chains(netlink) if not one.startswith(ERA)} == found


def test_an_edit_of_what_is_not_in_use_goes_the_whole_way(netlink: NetlinkSocket) -> None:
    """Another era than was said; another generation; and names that promise chains that are not there."""
    whole, edited, ids = _edits()
    load.prepare(LAYOUT, netlink)
    load.install(LAYOUT, whole, ids, netlink)
    assert load.install(LAYOUT, edited, ids, netlink, since=7)
    assert load.loaded(LAYOUT, edited, ids, netlink)
    assert load.era(netlink) == 2
    third = Classifier(whole.rules[1:])
    generation(whole, ids, LAYOUT)
    assert load.install(LAYOUT, third, ids, netlink, since=2)
    assert load.loaded(LAYOUT, third, ids, netlink)
    made = generation(third, ids, LAYOUT)
    load.load("delete table inet linkbalancer\n")
    load.prepare(LAYOUT, netlink)
    notes = (made.name, render.form_name(Marks()), "era_5")
    load.load("".join(f"add chain inet linkbalancer {one}\n" for one in notes))
    assert load.install(LAYOUT, whole, ids, netlink, since=5)
    assert load.loaded(LAYOUT, whole, ids, netlink)
    assert load.era(netlink) == 6


def test_a_chain_that_somebody_removed_is_made_again(netlink: NetlinkSocket) -> None:
    """Trees are counted: with one less, or a strange one more, the classifier is not loaded, and is mended."""
    some = Classifier(rules("acl-ipv6"))
    ids = {name: number for number, name in enumerate(sorted({one.application for one in some.rules}), 2)}
    load.prepare(LAYOUT, netlink)
    load.install(LAYOUT, some, ids, netlink)
    load.load("add chain inet linkbalancer tree_0000000000000000\n")
    assert not load.loaded(LAYOUT, some, ids, netlink)
    assert load.install(LAYOUT, some, ids, netlink)
    assert load.loaded(LAYOUT, some, ids, netlink)
    load.load("flush chain inet linkbalancer from_lan\nflush chain inet linkbalancer from_link\n")
    gone = [one for one in chains(netlink) if one.startswith(("tree_", "next_"))]
    sweep(gone, netlink)
    assert not load.loaded(LAYOUT, some, ids, netlink)
    assert load.install(LAYOUT, some, ids, netlink)
    assert load.loaded(LAYOUT, some, ids, netlink)


def test_a_load_that_was_cut_off_is_made_good(netlink: NetlinkSocket) -> None:
    """After the first of the two transactions nothing is in use yet, and the next load finishes the work."""
    load.prepare(LAYOUT, netlink)
    made = generation(SAMPLE, IDS, LAYOUT)
    for text in render.beside({**made.applications, **made.fixed}, made.entrances):
        load.load(text)
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

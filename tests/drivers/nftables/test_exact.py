"""First match, exactly: packets at the corners of rules, by the text that we load and by a real kernel.

`make test` asks 2,000 packets a file of the kernel and 10,000 of the model; `make exact` 100,000 of both.
"""

import json
import os
from contextlib import closing
from dataclasses import replace
from itertools import islice

import pytest

from linkbalancer.drivers.firewall import driver
from linkbalancer.drivers.kernel import Kernel
from linkbalancer.drivers.netlink.codec import ACK, message
from linkbalancer.drivers.nftables import classifying, namesets
from linkbalancer.drivers.nftables.classifying import Generation, generation
from linkbalancer.drivers.nftables.listing import chains
from linkbalancer.links import Firewall, Role
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import Interval, Selector
from tests.drivers.conftest import Gateway
from tests.drivers.frames import frame, mac_of, open_packet_socket
from tests.drivers.iptables.permitted import permitted
from tests.drivers.nftables.filters import NAMES, corners, rules
from tests.drivers.nftables.interpreter import Interpreter
from tests.drivers.nftables.rules import LAYOUT
from tests.routing.firstmatch import first_match
from tests.routing.named import answers, named

ASKED = int(os.environ.get("LB_EXACT", "0"))
LOOPED = 200
BATCH = 10_000
_FORGET_FLOWS = 1 << 8 | 2
SENDER = b"\x02\x00\x00\x00\x00\x64"

_WITNESS = """
table inet witness {
    set seen4 { typeof ip id . ct mark; size 65535; flags dynamic; }
    set seen6 { typeof ip6 flowlabel . ct mark; size 65535; flags dynamic; }
    chain prerouting {
        type filter hook prerouting priority -140; policy accept;
        add @seen4 { ip id . ct mark }
        add @seen6 { ip6 flowlabel . ct mark }
    }
}
"""


def _ids(classifier: Classifier) -> dict[str, int]:
    return {name: number for number, name in enumerate(sorted({one.application for one in classifier.rules}), 2)}


def _id_of(classifier: Classifier, packet: Packet, ids: dict[str, int]) -> int:
    rule = classifier.lookup(packet)
    return ids[rule.application] if rule else 1


def _model(made: Generation) -> Interpreter:
    return Interpreter({**made.fixed, **made.entrances, **made.applications}, made.sets)


@pytest.mark.parametrize("name", NAMES)
def test_the_text_says_what_a_plain_loop_says(name: str) -> None:
    """Every rule set, both directions: what the kernel is given, followed by a model of the kernel.

    The reference is `lookup`, which `explain` says; the first packets are compared with the plain loop as well.
    """
    classifier = Classifier(rules(name))
    ids = _ids(classifier)
    model = _model(generation(classifier, ids, LAYOUT))
    met = set()
    for number, packet in enumerate(corners(classifier.rules, ASKED or 10_000, seed=1)):
        expected = _id_of(classifier, packet, ids)
        if number < LOOPED:
            assert classifier.lookup(packet) == first_match(classifier.rules, packet)
        there, back = model.follow(packet, "from_lan"), model.follow(packet.mirrored(), "from_link")

        alone = model.follow(packet, "from_lan", tracked=False)

        assert (expected, expected, expected) == (there.steered, there.connection, back.connection), packet
        assert (alone.steered, back.steered) == (expected, None)
        assert not (there.mark | alone.mark) & 0x00FF0000, "an application without a VID leaves the mark clean"
        assert there.rules < 200
        met.add(expected)
    assert len(met) > min(len(ids), 1000, ASKED or 1000) / 4


def test_the_far_end_reads_the_same_chains_the_other_way() -> None:
    """At the controlled end the mirror image steers, and what a link brings teaches its connection."""
    classifier = Classifier(rules("chain-ipv4"))
    ids = _ids(classifier)
    model = _model(generation(classifier, ids, replace(LAYOUT, role=Role.CONTROLLED)))
    for packet in corners(classifier.rules, 2000, seed=2):
        expected = _id_of(classifier, packet, ids)

        assert model.follow(packet.mirrored(), "from_lan").steered == expected
        assert model.follow(packet, "from_link").connection == expected


def test_more_turns_than_ranks_are_rounds_of_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """With three ranks instead of 127 the text is that of several rounds, and exact all the same."""
    monkeypatch.setattr(classifying, "RANKS", 3)
    classifier = Classifier(rules("firewall-ipv4"))
    ids = _ids(classifier)
    made = generation(classifier, ids, LAYOUT)
    model = _model(made)

    assert any(len(group.rounds) > 1 for group in classifier.program(3)[4].groups)
    for packet in corners(classifier.rules, 5000, seed=4):
        assert model.follow(packet, "from_lan").steered == _id_of(classifier, packet, ids), packet


def test_an_edit_makes_few_chains_anew() -> None:
    """One line more, less or changed anywhere: nearly every chain is known by name already."""
    some = rules("chain-ipv4")
    ids = _ids(Classifier(some))
    before = generation(Classifier(some), ids, LAYOUT).fixed
    narrow = replace(some[0], selector=Selector(family=4, source=(Interval(9, 9),), protocols=(6,)))
    middle = len(some) // 2
    changed = []
    for edited in (
        some[1:],
        some[:-1],
        (*some[:middle], narrow, *some[middle:]),
        (*some[:middle], *some[middle + 1 :]),
    ):
        after = generation(Classifier(edited), ids, LAYOUT).fixed
        changed.append(len(after.keys() - before.keys()))
    assert 0 < max(changed) < len(before) / 10


@pytest.mark.parametrize(("name", "every"), [("acl-ipv4", 2), ("firewall-ipv6", 3), ("chain-ipv4", 9)])
def test_names_among_overlapping_rules(name: str, every: int) -> None:
    """Rules by host names among others: first match, whatever the names have, by the same chains ever after."""
    some = named(rules(name)[:400], every)
    ids = _ids(Classifier(some))
    made = generation(Classifier(some), ids, LAYOUT)
    model = _model(made)
    by_name = 0
    for seed in range(3):
        known = answers(some, seed)
        classifier = Classifier([one.resolved(known) for one in some])
        assert classifier.digest == Classifier(some).digest
        assert generation(classifier, ids, LAYOUT).fixed == made.fixed
        model.sets.update(namesets.contents(classifier.rules))
        for packet in corners([one for one in classifier.rules if _has_all(one)], 600, seed):
            rule = first_match(classifier.rules, packet)
            assert classifier.lookup(packet) == rule
            expected = ids[rule.application] if rule else 1
            there, back = model.follow(packet, "from_lan"), model.follow(packet.mirrored(), "from_link")
            assert (there.steered, back.connection) == (expected, expected), packet
            by_name += bool(rule and rule.selector.names)
    assert by_name > 50


def _has_all(rule: Rule) -> bool:
    """Return whether packets can be drawn at a rule: its names have addresses."""
    return rule.selector.source != () and rule.selector.destination != ()


@pytest.mark.lab
@pytest.mark.parametrize("name", ["firewall-ipv4", "chain-ipv6"])
def test_the_kernel_follows_names(name: str, gateway: Gateway) -> None:
    """The same rules, other addresses three times: only elements change, and each packet meets the first match."""
    some = named(rules(name), 3)
    ids = _ids(Classifier(some))
    with closing(Kernel(LAYOUT, {})) as kernel:
        kernel.prepare()
        driver(Firewall.NFTABLES).aims(LAYOUT.marks, gateway.netfilter).steer(dict.fromkeys(ids.values()))
        kernel.install(Classifier([one.resolved(answers(some, 0)) for one in some]), ids)
    loaded = chains(gateway.netfilter)
    for seed in range(3):
        classifier = Classifier([one.resolved(answers(some, seed)) for one in some])
        changed, missing = namesets.write(gateway.netfilter, namesets.contents(classifier.rules))
        assert (changed, missing) == (seed > 0, frozenset())
        packets = corners([one for one in classifier.rules if _has_all(one)], 1000, seed)
        assert _agreeing(gateway, classifier, ids, list(packets)) > 500
    assert chains(gateway.netfilter) == loaded


@pytest.mark.lab
@pytest.mark.parametrize("firewall", list(Firewall))
@pytest.mark.parametrize("name", NAMES)
def test_the_kernel_says_what_a_plain_loop_says(name: str, firewall: Firewall, gateway: Gateway) -> None:
    """Packets are sent in from the LAN, and the application that their connection got is read back.

    With either driver; that of iptables is given as many of the rules as `check` lets it have.
    """
    classifier = Classifier(rules(name) if firewall is Firewall.NFTABLES else permitted(rules(name)))
    ids = _ids(classifier)
    with closing(Kernel(replace(LAYOUT, firewall=firewall), {})) as kernel:
        kernel.prepare()
        driver(firewall).aims(LAYOUT.marks, gateway.netfilter).steer(dict.fromkeys(ids.values()))
        kernel.install(classifier, ids)
    wanted = ASKED or 2000
    # Of an ICMP packet in IPv6, say, connection tracking makes nothing: there are enough of the others.
    packets = corners(classifier.rules, wanted * 3 // 2, seed=1)
    compared = 0
    while batch := list(islice(packets, BATCH)):
        compared += _agreeing(gateway, classifier, ids, batch)
    assert compared >= min(wanted, 30 * len(ids))


def _agreeing(gateway: Gateway, classifier: Classifier, ids: dict[str, int], batch: list[Packet]) -> int:
    """Send packets in from the LAN, and have the applications of their connections compared; return how many were."""
    target = mac_of("lan0")
    gateway.here("nft -f -", given=_WITNESS)
    with gateway.lan.entered(), open_packet_socket("eth0") as thrower:
        for number, packet in enumerate(batch, 1):
            thrower.send(frame(packet, target, SENDER, identity=number))
    seen = {one: app for family in (4, 6) for one, app in _seen(gateway, family).items()}
    gateway.here("nft delete table inet witness")
    gateway.netfilter.request(message(_FORGET_FLOWS, ACK, bytes(4)), "forget all flows")
    expected = {number: _id_of(classifier, packet, ids) for number, packet in enumerate(batch, 1)}
    # A packet that connection tracking takes for invalid has no mark that could be read back.
    assert {number: (packet, app) for number, app in seen.items() for packet in [batch[number - 1]]} == {
        number: (batch[number - 1], expected[number]) for number in seen
    }
    return len(seen)


def _seen(gateway: Gateway, family: int) -> dict[int, int]:
    """Return the application that each packet's connection had, by the packet's number."""
    listed = json.loads(gateway.here(f"nft -j list set inet witness seen{family}"))["nftables"][-1]["set"]
    pairs = [element["concat"] for element in listed.get("elem", [])]
    found = {number: LAYOUT.marks.application_of(mark) for number, mark in pairs}
    assert len(found) == len(pairs), "a packet came twice"
    return found

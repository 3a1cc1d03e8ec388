"""The chains as they are given to the kernel: what they say, by a model of the kernel, and what they look like."""

from dataclasses import replace

import pytest

from linkbalancer.drivers.iptables import render
from linkbalancer.links import Role
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.dispatch import FAMILIES
from linkbalancer.routing.packet import Packet
from tests.drivers.iptables.interpreter import Interpreter
from tests.drivers.iptables.permitted import permitted
from tests.drivers.nftables.filters import NAMES, corners, rules
from tests.drivers.nftables.rules import IDS, LAYOUT, SAMPLE

MARKS = LAYOUT.marks
ERA = 3
NOW = MARKS.generation_mark(ERA)


def model(classifier: Classifier, ids: dict[str, int], role: Role = Role.CONTROLLER) -> dict[int, Interpreter]:
    """Return both families' chains; each application goes to the VID 1."""
    layout = replace(LAYOUT, role=role)
    made: dict[int, Interpreter] = {}
    for family in FAMILIES:
        chains = render.generation(layout, classifier, ids, ERA, family)
        chains |= {f"{render.APPLICATION}{one}": render.application(one, 1, MARKS) for one in (1, *ids.values())}
        made[family] = Interpreter(chains)
    return made


def numbered(classifier: Classifier) -> dict[str, int]:
    """Return numbers for the applications."""
    return {name: number for number, name in enumerate(sorted({one.application for one in classifier.rules}), 2)}


def expected(classifier: Classifier, packet: Packet, ids: dict[str, int]) -> int:
    """Return the number of the application that `explain` says."""
    rule = classifier.lookup(packet)
    return ids[rule.application] if rule else 1


@pytest.mark.parametrize("name", NAMES)
def test_the_chains_say_what_a_plain_loop_says(name: str) -> None:
    """Every rule set, both directions, with a connection and without; and no bit but ours is ever written."""
    classifier = Classifier(permitted(rules(name)))
    ids = numbered(classifier)
    made = model(classifier, ids)
    for packet in corners(classifier.rules, 300, seed=1):
        number = expected(classifier, packet, ids)
        family = made[packet.source.version]
        theirs = 0xE0FF0000
        there = family.follow(packet, render.LAN, connection=theirs)
        alone = family.follow(packet, render.LAN, tracked=False)
        back = family.follow(packet.mirrored(), render.LINK, connection=theirs)

        assert (there.left_by, alone.left_by, back.left_by) == (f"LB-A{number}", f"LB-A{number}", f"LB-L{number}")
        assert there.connection == back.connection == theirs | NOW | number
        assert there.packet == alone.packet == MARKS.packet_mark(1)
        assert (alone.connection, back.packet) == (0, 0)


def test_the_far_end_reads_the_same_rules_the_other_way() -> None:
    """At the controlled end the mirror image steers, and what a link brings teaches its connection."""
    made = model(SAMPLE, IDS, Role.CONTROLLED)
    for packet in corners(SAMPLE.rules, 500, seed=2):
        number = expected(SAMPLE, packet, IDS)
        family = made[packet.source.version]
        assert family.follow(packet.mirrored(), render.LAN).left_by == f"LB-A{number}"
        assert family.follow(packet, render.LINK).left_by == f"LB-L{number}"


def test_a_known_flow_is_not_classified_again_in_its_era() -> None:
    """In another one it is, and keeps what is not ours of its mark."""
    packet = next(corners(SAMPLE.rules, 1, seed=3))
    family = model(SAMPLE, IDS)[packet.source.version]
    assert family.follow(packet, render.LAN, connection=NOW | 4).left_by == "LB-A4"
    assert family.follow(packet, render.LINK, connection=NOW | 4).left_by == ""
    number = expected(SAMPLE, packet, IDS)
    earlier = family.follow(packet, render.LAN, connection=MARKS.generation_mark(2) | 0x40000000 | 4)
    assert earlier.connection == 0x40000000 | NOW | number


def test_what_is_never_steered() -> None:
    """Multicasts, this host's own addresses, LVrrp's and VRRP's datagrams, the probes of static gateways."""
    chains = render.generation(LAYOUT, SAMPLE, IDS, ERA, 4)
    assert [str(rule) for rule in chains[render.OUTPUT]] == [
        "-d 224.0.0.0/4 -j RETURN",
        "-m addrtype --dst-type LOCAL -j RETURN",
        "-m addrtype --dst-type BROADCAST -j RETURN",
        "-d 10.1.0.2 -p 17 -m udp --dport 20112 -j RETURN",
        "-d 203.0.113.77 -p 17 -m udp --dport 4711 -j RETURN",
        "-p 112 -j RETURN",
        "-m mark ! --mark 0x0/0x1000000 -j RETURN",
        "-j MARK --set-xmark 0x0/0x1ff0000",
        "-g LB-LAN",
    ]
    assert [str(rule) for rule in chains[render.PREROUTING]][-5:] == [
        "-j MARK --set-xmark 0x0/0x1ff0000",
        "-j LB-MEMBERS",
        "-i lan0 -g LB-LAN",
        "-i link0 -g LB-LINK",
        "-i link1 -g LB-LINK",
    ]
    six = [str(rule) for rule in render.generation(LAYOUT, SAMPLE, IDS, ERA, 6)[render.PREROUTING]]
    assert six[:3] == ["-d fe80::/10 -j RETURN", "-d ff00::/8 -j RETURN", "-m addrtype --dst-type LOCAL -j RETURN"]


def test_other_gateways_are_told_by_device_and_address() -> None:
    """Each by a rule."""
    made = render.members({"lan0": {b"\x02\0\0\0\0\x09"}}, MARKS)
    words = "-i lan0 -m mac --mac-source 02:00:00:00:00:09 -j MARK --set-xmark 0x1000000/0x1000000"
    assert [str(rule) for rule in made] == [words]


def test_names_are_short_enough_and_say_what_is_loaded() -> None:
    """At most 28 letters for the kernel; other rules, numbers or devices make another name, the same ones the same."""
    ids = {**IDS, "last": MARKS.application_limit}
    names = render.generation(LAYOUT, SAMPLE, ids, 15, 4)
    assert max(map(len, names)) <= 28
    name = render.name(LAYOUT, SAMPLE, IDS)
    assert name == render.name(replace(LAYOUT, vids=(1,)), SAMPLE, IDS)
    assert name != render.name(LAYOUT, SAMPLE, ids)
    assert name != render.name(LAYOUT, Classifier(SAMPLE.rules[1:]), IDS)
    assert name != render.name(replace(LAYOUT, link_devices=("link0",)), SAMPLE, IDS)
    assert name != render.name(replace(LAYOUT, role=Role.CONTROLLED), SAMPLE, IDS)

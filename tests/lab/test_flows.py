"""The choice of a drill's traffic from the rules."""

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from linkbalancer.lab.directory import read_directory
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.flows import MOST_CONVERSATIONS, choose_flows
from linkbalancer.lab.hosts import INTERVAL, MOST_PACKETS, period_of
from linkbalancer.routing.classifier import compile_rules
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import Interval, Selector
from tests.lab.example import CAMPUS, EXAMPLE, varied

_NUMBERS = {"tcp": 6, "udp": 17}


def test_every_application_gets_a_conversation() -> None:
    """Out and back are one conversation: addresses and ports swapped, protocol and TOS the same."""
    directory = read_directory(EXAMPLE)
    flows = choose_flows(directory.topology, directory.rules)

    assert [flow.number for flow in flows] == list(range(8))
    assert [(flow.app, flow.protocol, flow.tos) for flow in flows[::2]] == [
        ("web", "tcp", 0),
        ("voip", "udp", 0xB8),
        ("backup", "udp", 0),
        ("rest", "udp", 0),
    ]
    for out, back in zip(flows[::2], flows[1::2], strict=True):
        assert (out.direction, back.direction) == ("out", "back")
        assert out.source == back.destination == IPv4Address("192.168.1.100")
        assert (out.source_port, out.destination_port) == (back.destination_port, back.source_port)


def test_both_directions_are_classified_as_the_application() -> None:
    """The rules know a flow out as written, and a flow back mirrored."""
    directory = read_directory(EXAMPLE)
    written = compile_rules(directory.rules)

    for flow in choose_flows(directory.topology, directory.rules):
        packet = Packet(
            flow.source,
            flow.destination,
            _NUMBERS[flow.protocol],
            flow.source_port,
            flow.destination_port,
            flow.tos,
        )
        found = (written if flow.direction == "out" else written.mirrored()).lookup(packet)

        assert found is not None
        assert found.application == flow.app


def test_an_application_that_no_packet_reaches_is_named(tmp_path: Path) -> None:
    """A drill that would leave an application out says so instead."""
    path = varied(
        tmp_path / "copy", "apps.conf", "[2 1]  name=web", "[2 1]  name=web\nApp= 10.9.9.9 * * * * * [1] name=far"
    )
    directory = read_directory(path)

    with pytest.raises(LabError, match="application far"):
        choose_flows(directory.topology, directory.rules)


def test_a_list_gives_a_value_of_the_list() -> None:
    """Of two ranges of ports the one nearer to a free port is taken, never the hole between them."""
    directory = read_directory(EXAMPLE)
    ports = Interval(53, 53), Interval(39_000, 39_999)
    listed = Rule(1, "web", Selector(destination_port=ports, dscp=(Interval(8, 9), Interval(12, 12)), protocols=(17,)))
    flows = choose_flows(directory.topology, replace(directory.rules, rules=(listed, *directory.rules.rules[1:])))

    assert (flows[0].app, flows[0].tos, flows[0].destination_port) == ("web", 8 << 2, 39_999)


def test_each_way_of_a_balanced_application_has_a_conversation() -> None:
    """By flow, by host, by pair of hosts: all VIDs of the step come first for some; directions are neighbours."""
    directory = read_directory(CAMPUS)
    flows = choose_flows(directory.topology, directory.rules)

    for name, vids in {"web": {1, 4}, "dns": {1, 4}, "calls": {1, 4}, "storage": {1, 4}}.items():
        own = [flow for flow in flows if flow.app == name]
        assert {flow.orders[0][0] for flow in own} == vids
        assert all(own[place].answer == own[place + 1].number for place in range(0, len(own), 2))
        assert all(one.orders == other.orders for one, other in zip(own[::2], own[1::2], strict=True))
    assert len({flow.source for flow in flows if flow.app == "calls" and flow.direction == "out"}) > 1
    assert {()} == {flow.orders for flow in flows if flow.app == "rest"}


def test_two_hundred_applications_are_within_bounds() -> None:
    """Sockets and packets are bounded, no two conversations look alike, and with few applications nobody is slower."""
    directory = read_directory(CAMPUS)
    flows = choose_flows(directory.topology, directory.rules)
    known = {(flow.protocol, flow.source_port, flow.destination_port) for flow in flows}

    assert len(directory.rules.applications) == 200
    assert {flow.app for flow in flows} == set(directory.rules.applications)
    assert len(known) == len(flows) <= 2 * MOST_CONVERSATIONS
    assert len(flows) * 1_000_000_000 / (INTERVAL * period_of(len(flows))) <= MOST_PACKETS
    assert period_of(20) == 1


def test_more_applications_than_sockets_are_refused(tmp_path: Path) -> None:
    """It says so, and does not leave some out."""
    lines = "".join(f"App=* * * * {port} udp [1] name=a{port}\n" for port in range(MOST_CONVERSATIONS + 1))
    directory = read_directory(
        varied(
            tmp_path / "copy",
            "apps.conf",
            "App=*        *            *     *            443",
            lines + "App=* * * * 443",
        )
    )

    with pytest.raises(LabError, match="more than a drill has conversations for"):
        choose_flows(directory.topology, directory.rules)

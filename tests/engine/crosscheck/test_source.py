"""Whose address a flow bears, and answers that are bound to the way that they were asked for by."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Network, ip_address

import pytest

from linkbalancer.config.model import Config
from linkbalancer.config.translating import Nat, PrefixPair
from linkbalancer.engine.crosscheck.line import Result
from linkbalancer.engine.crosscheck.observed import Answer, Connection, Entrance, Flow
from linkbalancer.engine.crosscheck.source import leaving, translated
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.translation import Prefixes, Translation, Way
from tests.engine.crosscheck.cases import CONFIG, FLOW, MARKS, expected, lines

BEGUN = Connection(mark=2, reply=False, answered=True)


def natted(**nat: object) -> Config:
    """Return the configuration with a translated link."""
    link = CONFIG.links["l1"].model_copy(update={"nat": Nat.model_validate(nat)})
    return CONFIG.model_copy(update={"links": {**CONFIG.links, "l1": link}})


@pytest.mark.parametrize(
    ("nat", "found", "result", "kernel"),
    [
        ({}, None, None, ""),
        ({}, "", None, ""),
        ({}, "source becomes 10.1.0.1", Result.DIFFERS, "source becomes 10.1.0.1"),
        ({"masquerade": True}, None, Result.NOTE, "masquerade"),
        ({"masquerade": True}, "source becomes 10.1.0.1", Result.SAME, "source becomes 10.1.0.1"),
        ({"masquerade": True}, "", Result.DIFFERS, "192.0.2.77, as it is"),
        ({"snat": "10.1.0.9"}, "source becomes 10.1.0.9", Result.SAME, "source becomes 10.1.0.9"),
        ({"snat": "10.1.0.9"}, "source becomes 10.1.0.1", Result.DIFFERS, "source becomes 10.1.0.1"),
        ({"snat": "10.1.0.9"}, "", Result.DIFFERS, "192.0.2.77, as it is"),
    ],
)
def test_a_flows_source_is_compared(
    nat: dict[str, object], found: str | None, result: Result | None, kernel: str
) -> None:
    """What is configured with what its entry does; without an entry, what will be."""
    connection = None if found is None else replace(BEGUN, translated=found)
    line = lines(expected(config=natted(**nat)), connection=connection).get("source")
    assert (None if line is None else (line.result, line.kernel)) == (None if result is None else (result, kernel))


def test_this_gateways_own_packets_may_bear_another_address() -> None:
    """They were given one for another way; that is no difference."""
    flow = Flow(FLOW.packet, None, Entrance.SELF)
    line = lines(flow=flow, connection=replace(BEGUN, translated="source becomes 10.1.0.1"))["source"]
    assert line.result is Result.NOTE
    line = lines(expected(config=natted(masquerade=True)), flow=flow, connection=replace(BEGUN, translated=""))[
        "source"
    ]
    assert (line.result, line.kernel) == (Result.NOTE, "192.0.2.77, as it is")


def test_an_answer_bears_what_its_connection_has() -> None:
    """Nothing is expected of it."""
    back = replace(BEGUN, reply=True)
    assert "source" not in lines(connection=back)
    line = lines(connection=replace(back, translated="destination becomes 192.0.2.77"))["source"]
    assert (line.result, line.kernel) == (Result.NOTE, "destination becomes 192.0.2.77")


def test_what_leaves_by_no_way_of_ours_has_no_line() -> None:
    """The main table led it elsewhere."""
    answer = Answer(0, "unicast", 254, IPv4Address("192.0.2.1"), "eth9", "0.0.0.0/0", 3)
    assert "source" not in lines(expected(config=natted(masquerade=True)), answer=answer)


def test_an_answer_goes_by_the_way_on_which_it_was_asked_for() -> None:
    """By its VID's second table, whatever the application's VID is."""
    mark = 2 | MARKS.flow_mark(2) | MARKS.inbound_bit
    answer = Answer(0, "unicast", MARKS.table(2, guard=True), IPv4Address("10.1.0.2"), "eth1", "0.0.0.0/0", 112)
    found = lines(connection=Connection(mark=mark, reply=True, answered=True), answer=answer)
    assert (found["VID"].result, found["VID"].kernel) == (Result.SAME, "VID 2")
    assert "its answers leave there" in found["VID"].why
    assert found["mark"].kernel.startswith("0x01020000")
    assert (found["table"].result, found["table"].expected) == (Result.SAME, "20258 by rule 302")


@pytest.mark.parametrize("mark", [2 | MARKS.inbound_bit, 2 | MARKS.flow_mark(2)])
def test_other_flows_are_bound_to_nothing(mark: int) -> None:
    """Without the bit, or without a VID, the application decides."""
    found = lines(connection=Connection(mark=mark, reply=True, answered=True))
    assert found["VID"].kernel == "VID 1"


def test_of_ways_behind_one_device_the_vids_own_is_meant() -> None:
    """Without a VID the first one."""
    first, second = (Way(device="eth1", vids=(vid,)) for vid in (1, 2))
    assert leaving((first, second), "eth1", 2) == second
    assert leaving((first, second), "eth1", None) == first
    assert leaving((first, second), "eth2", 1) is None


def test_prefixes_are_those_of_hosts_inside() -> None:
    """Others keep theirs."""
    pair = Prefixes(IPv6Network("fd00:1::/48"), IPv6Network("2001:db8:1::/48"))
    assert Nat(nptv6=PrefixPair(inside=pair.inside, outside=pair.outside)).translation == Translation(nptv6=pair)
    way = Way(device="eth1", vids=(1,), translation=Translation(nptv6=pair))
    host, other = (Packet(ip_address(one), ip_address("2001:db8:ff::1"), 6) for one in ("fd00:1::7", "2001:db8:a::2"))
    assert translated(way, host) == "NPTv6, fd00:1::/48 as 2001:db8:1::/48"
    assert translated(way, other) == ""

"""What the kernel's table is made for."""

import json
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from linkbalancer.daemon.layout import all_but_rules, layout_from_words, layout_in_words, layout_of
from linkbalancer.drivers.nftables.layout import Peer, PeerRoute
from tests.config.texts import changed, loaded

PEER = IPv4Address("10.1.0.2")


def test_the_layout_knows_the_peers_of_its_links() -> None:
    """Every link's peer with its port, so that no datagram to it is ever steered."""
    second = "  l2: {device: eth2, local: 10.2.0.1, peer: 203.0.113.9, port: 4711, key_file: keys/l2.key}\ngroups:\n"
    peers = layout_of(loaded(changed(("groups:\n", second)))).peers
    assert peers == (Peer(PEER, 20112), Peer(IPv4Address("203.0.113.9"), 4711))


def test_the_layout_leads_to_peers_behind_other_routers() -> None:
    """Only those of links with a `via` need a route."""
    second = "  l2: {device: eth2, local: 10.2.0.1, peer: 10.9.0.1, via: 10.2.0.254, key_file: keys/l2.key}\ngroups:\n"
    routes = layout_of(loaded(changed(("groups:\n", second)))).peer_routes

    assert routes == (PeerRoute(IPv4Address("10.9.0.1"), IPv4Address("10.2.0.254"), "eth2"),)
    assert [str(one) for one in routes] == ["the route to 10.9.0.1 via 10.2.0.254 on eth2"]


def test_a_predecessors_layout_is_told_and_joined() -> None:
    """Both are served while both are there."""
    mine, theirs = layout_of(loaded()), layout_of(loaded(changed(("eth1", "eth7"))))
    read = layout_from_words(json.loads(json.dumps(layout_in_words(theirs))), mine)
    assert read == replace(theirs, ways=mine.ways), "where packets leave is the successor's own"
    assert set(mine.joined(read).link_devices) == {*mine.link_devices, "eth7"}


@pytest.mark.parametrize("words", [None, 5, {}, {"vids": 7}, {"lan_devices": 1}])
def test_a_layout_that_makes_no_sense_is_the_own(words: object) -> None:
    """A predecessor of another program is none to learn from."""
    mine = layout_of(loaded())
    assert layout_from_words(words, mine) == mine


def test_what_is_loaded_beside_rules_has_a_digest() -> None:
    """It is another one with another device, masks, or numbers, in whatever order; and the same with other rules."""
    mine, ids = layout_of(loaded()), {"web": 2, "rest": 3}
    same = layout_of(loaded(rules="App=* * * * 22 tcp [1] name=web\nApp=* * * * * * [2] name=rest\n"))
    known = all_but_rules(mine, ids)
    assert known == all_but_rules(same, dict(reversed(ids.items())))
    others = [(layout_of(loaded(changed(("eth1", "eth7")))), ids), (mine, {"web": 3, "rest": 2}), (mine, {"web": 2})]
    others += [(replace(mine, marks=replace(mine.marks, packet_mask=0x1FE0000)), ids), (replace(mine, vids=(1,)), ids)]
    assert known not in [all_but_rules(*one) for one in others]

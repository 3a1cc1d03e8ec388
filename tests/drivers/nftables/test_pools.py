"""What balanced steps do to packets, in a real kernel: the very VID of every flow, through a failure and a return."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from linkbalancer.drivers.kernel import Kernel
from linkbalancer.drivers.nftables import load
from linkbalancer.drivers.nftables.elements import MapWriter
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.drivers.nftables.listing import chains
from linkbalancer.drivers.nftables.pools import ORDER, POOL, chain_of, pool_chain, pool_of, target_of
from linkbalancer.drivers.nftables.standing import StandingWriter
from linkbalancer.links import Role, Vid
from linkbalancer.routing.application import Member
from linkbalancer.routing.balance import Aim, Pool, owner, slots_of
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.selector import Selector
from linkbalancer.routing.slot import slot_of
from linkbalancer.routing.sticky import Sticky
from tests.drivers.conftest import Gateway
from tests.drivers.frames import frame, mac_of, open_packet_socket
from tests.drivers.nftables.filters import rules
from tests.drivers.nftables.rules import LAYOUT, classifier

ME = b"\x02\x00\x00\x00\x00\x64"
STEP = (Member(1, 3), Member(2, 2), Member(3))
FLOWS = 3000
WITNESS = """
table inet witness {
    set seen4 { typeof ip id . meta mark . ct mark; flags dynamic; size 65535; }
    set seen6 { typeof ip6 flowlabel . meta mark; flags dynamic; size 65535; }
    chain prerouting {
        type filter hook prerouting priority -140; policy accept;
        add @seen4 { ip id . meta mark . ct mark }
        add @seen6 { ip6 flowlabel . meta mark }
    }
}
"""


def flows(sticky: Sticky, version: int = 4, count: int = FLOWS) -> list[Packet]:
    """Return the first packets of as many flows as are to be told apart: other ports, or other sources."""
    base = int(IPv4Address("198.18.0.1")) if version == 4 else int(IPv6Address("2001:db8::1"))
    there = ip_address("203.0.113.1" if version == 4 else "2001:db8:ffff::1")
    kind = IPv4Address if version == 4 else IPv6Address
    if sticky is Sticky.FLOW:
        return [Packet(kind(base), there, 17, 1024 + number, 443) for number in range(count)]
    return [Packet(kind(base + number), there, 17, 5000, 443) for number in range(count)]


class Balanced:
    """A gateway whose one application is balanced."""

    def __init__(self, gateway: Gateway, pool: Pool, role: Role = Role.CONTROLLER) -> None:
        """Prepare it, with every VID at work."""
        self.gateway, self.role = gateway, role
        self.layout = replace(LAYOUT, vids=(1, 2, 3), pools=(pool,), role=role)
        with closing(Kernel(self.layout, {})) as kernel:
            kernel.prepare()
            kernel.install(classifier(("all", Selector())), {"all": 2})
        self.writer = StandingWriter(Marks(), gateway.netfilter)
        self.work({1, 2, 3})
        MapWriter(Marks(), gateway.netfilter).steer({2: pool})
        gateway.here("nft -f -", given=WITNESS)
        # What is not forwarded is forgotten: connection tracking confirms a flow when its first packet leaves.
        tables = [Marks().table(vid) for vid in (1, 2, 3)]
        gateway.here(*(f"ip route add default via 10.1.0.2 dev link0 table {table}" for table in tables))

    def work(self, vids: Collection[Vid]) -> None:
        """Have these VIDs work, and no others."""
        self.writer.write(vids)

    def send(self, packets: Sequence[Packet]) -> list[Vid]:
        """Send a packet of each flow from the LAN; return which VID each was given."""
        for name in ("seen4", "seen6"):
            self.gateway.here(f"nft flush set inet witness {name}")
        target = mac_of("lan0")
        with self.gateway.lan.entered(), open_packet_socket("eth0") as thrower:
            for identity, packet in enumerate(packets):
                way = packet.mirrored() if self.role is Role.CONTROLLED else packet
                thrower.send(frame(way, target, ME, identity=identity))
        found: dict[int, Vid] = {}
        name = "seen4" if packets[0].source.version == 4 else "seen6"
        listed = json.loads(self.gateway.here(f"nft -j list set inet witness {name}"))["nftables"][-1]["set"]
        for element in listed.get("elem", []):
            identity, mark, *connection = element["concat"]
            found[identity] = Marks().vid_of(mark)
            assert [Marks().flow_of(one) for one in connection] in ([], [found[identity]]), "a flow knows its VID"
        return [found[identity] for identity in range(len(packets))]


def foretold(packets: Sequence[Packet], sticky: Sticky, working: Collection[Vid]) -> list[Vid | None]:
    """Return which VID each flow takes, by the model."""
    return [owner(STEP, slot_of(packet, sticky), working) for packet in packets]


def _is_chance(found: Mapping[Vid, int], wanted: Mapping[Vid, int]) -> bool:
    """Whether counts are within four and a half standard deviations of what the slots say."""
    whole, slots = sum(found.values()), sum(wanted.values())
    shares = {vid: count / slots for vid, count in wanted.items()}
    return all(
        abs(found[vid] - whole * share) < 4.5 * (whole * share * (1 - share)) ** 0.5 for vid, share in shares.items()
    )


@pytest.mark.lab
@pytest.mark.parametrize("role", [Role.CONTROLLER, Role.CONTROLLED])
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("sticky", list(Sticky))
def test_every_flow_takes_the_vid_of_its_slot(gateway: Gateway, sticky: Sticky, version: int, role: Role) -> None:
    """The kernel's VID is the model's, at both ends of a link, flow by flow; and by the weights, within chance."""
    balanced = Balanced(gateway, Pool(STEP, sticky), role)
    packets = flows(sticky, version)
    found = balanced.send(packets)

    assert found == foretold(packets, sticky, {1, 2, 3})
    assert _is_chance(Counter(found), slots_of(STEP, {1, 2, 3}))
    listed = gateway.here("nft list ruleset")
    assert f"map {pool_chain(Pool(STEP, sticky))}" in listed


@pytest.mark.lab
def test_when_a_vid_dies_only_its_flows_move_and_established_ones_stay(gateway: Gateway) -> None:
    """By one element. When it comes back its own flows stay where they are; new ones take it again."""
    balanced = Balanced(gateway, Pool(STEP, Sticky.FLOW))
    packets = flows(Sticky.FLOW)
    before = balanced.send(packets)
    balanced.work({1, 3})
    after = balanced.send(packets)
    moved = [number for number, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert moved == [number for number, old in enumerate(before) if old == 2]
    assert after == foretold(packets, Sticky.FLOW, {1, 3})
    assert _is_chance(Counter(after), slots_of(STEP, {1, 3}))

    balanced.work({1, 2, 3})
    assert balanced.send(packets) == after
    new = [replace(packet, destination_port=80) for packet in packets]
    assert balanced.send(new) == foretold(new, Sticky.FLOW, {1, 2, 3})


@pytest.mark.lab
def test_sources_return_to_a_vid_that_works_again_and_no_others_move(gateway: Gateway) -> None:
    """What stays together by source goes by its slot alone, whatever a flow has taken before."""
    balanced = Balanced(gateway, Pool(STEP, Sticky.SOURCE))
    packets = flows(Sticky.SOURCE)
    before = balanced.send(packets)
    balanced.work({1, 3})
    without = balanced.send(packets)
    assert {old for old, new in zip(before, without, strict=True) if old != new} == {2}
    balanced.work({1, 2, 3})
    assert balanced.send(packets) == before


@pytest.mark.lab
def test_with_nothing_that_works_packets_stay_with_a_vid(gateway: Gateway) -> None:
    """Its table says `unreachable`; none leaks to the main table. Without ports, addresses decide."""
    balanced = Balanced(gateway, Pool(STEP, Sticky.FLOW))
    balanced.work(())
    assert set(balanced.send(flows(Sticky.FLOW, count=50))) <= {1, 2, 3}
    balanced.work({1, 2, 3})
    pings = [
        replace(packet, protocol=1, source_port=0, destination_port=0) for packet in flows(Sticky.SOURCE, count=40)
    ]
    assert balanced.send(pings) == foretold(pings, Sticky.FLOW, {1, 2, 3})


@pytest.mark.lab
def test_a_pool_that_is_no_more_is_taken_away(gateway: Gateway) -> None:
    """Its chains, its map and its orders; applications that were pointed at it go to their homes. Others stay."""
    old, new = Pool(STEP, Sticky.FLOW), Pool(STEP[:2], Sticky.SOURCE)
    balanced = Balanced(gateway, old)
    layout: Layout = replace(balanced.layout, pools=(new,))
    assert load.prepare(layout, gateway.netfilter, {2: Aim(new)})
    present = [one for one in chains(gateway.netfilter) if one.startswith((POOL, ORDER))]
    assert sorted(one for one in present if one.startswith(POOL)) == [pool_chain(new)]
    assert len([one for one in present if one.startswith(ORDER)]) == 2
    assert MapWriter(Marks(), gateway.netfilter).read()[2] == new
    assert pool_chain(old) not in gateway.here("nft list ruleset")
    assert not load.prepare(layout, gateway.netfilter)


@pytest.mark.lab
@pytest.mark.parametrize("name", ["firewall-ipv4", "firewall-ipv6"])
def test_the_longest_way_is_not_too_long_for_the_kernel(gateway: Gateway, name: str) -> None:
    """Of the deepest trees that there are, each application is pointed at a step with an order for the rest."""
    step = tuple(Member(vid, vid) for vid in range(1, 9))
    pool = Pool(step, Sticky.FLOW)
    layout = replace(LAYOUT, vids=pool.vids, pools=(pool,))
    ids = {one: number for number, one in enumerate(sorted({rule.application for rule in rules(name)}), 2)}
    load.prepare(layout, gateway.netfilter)
    load.install(layout, Classifier(rules(name)), ids, gateway.netfilter)
    writer = MapWriter(Marks(), gateway.netfilter)
    assert writer.steer(dict.fromkeys(ids.values(), pool))
    assert set(writer.read_some(ids.values()).values()) == {pool}


@pytest.mark.lab
def test_a_long_step_is_loaded_and_listed(gateway: Gateway) -> None:
    """Twenty-four VIDs, each with the longest weight and number: nothing is too long for the kernel or nft."""
    step = tuple(Member(100 + number, 200 + number) for number in range(24))
    pool = Pool(step, Sticky.PAIR)
    layout = replace(LAYOUT, vids=tuple(member.vid for member in step), pools=(pool,))
    load.prepare(layout, gateway.netfilter)
    assert pool_chain(pool) in gateway.here("nft list chains")
    assert not load.prepare(layout, gateway.netfilter)


def test_a_chain_names_its_target() -> None:
    """And a target its chain; the chains of orders, and others, are nobody's."""
    pool = Pool((Member(1, 3), Member(2), Member(12, 255)), Sticky.PAIR)
    assert pool_chain(pool) == "pool_src-dst_1x3_2_12x255"
    assert [target_of(chain_of(one)) for one in (pool, 7)] == [pool, 7]
    for other in ("order_12345678.1.2", "vid_x", "pool_flow_", "pool_x_1_2", "app_1", "prerouting"):
        assert (pool_of(other), target_of(other)) == (None, None), other

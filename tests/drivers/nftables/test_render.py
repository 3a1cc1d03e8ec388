"""The nft text, compared with files that a person has read (`LB_RENEW=1` writes them anew, to be read again)."""

import os
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from linkbalancer.drivers.nftables import classifying, render, translation
from linkbalancer.drivers.nftables.classifying import generation
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.links import Role, Unreachable, ViaLink
from linkbalancer.routing import ranking, tree
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.selector import Interval, Selector
from linkbalancer.routing.translation import Way
from tests.drivers.nftables.rules import IDS, LAYOUT, SAMPLE, classifier

_GOLDEN = Path(__file__).parent / "golden"


def _same_as_written(name: str, text: str) -> None:
    path = _GOLDEN / name
    if "LB_RENEW" in os.environ:
        path.write_text(text)
    assert text == path.read_text()


def test_the_skeleton_reads_as_written() -> None:
    """Hooks, entrances and the VIDs' chains, touching only bits of ours."""
    _same_as_written("skeleton.nft", render.skeleton(LAYOUT))


def test_a_generation_reads_as_written() -> None:
    """Every kind of condition, forward and mirrored, the default application last; each application's two endings."""
    _same_as_written("generation.nft", _written(generation(SAMPLE, IDS, LAYOUT)))


def test_trees_read_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rules as trees: by family and protocol, each cut a map, a candidate's two rules, the second round."""
    for module in (tree, ranking):
        monkeypatch.setattr(module, "LEAF_MAX", 1)
    monkeypatch.setattr(classifying, "LINEAR_MAX", 0)
    values = [(Interval(one, one),) for one in range(10, 60, 10)]
    rules = [
        pair
        for value in values
        for pair in (
            ("web", Selector(family=4, source=value, protocols=(6,))),
            ("voice", Selector(family=4, destination=value)),
        )
    ]
    layout = replace(LAYOUT, role=Role.CONTROLLED)
    _same_as_written("trees.nft", _written(generation(classifier(*rules), IDS, layout)))


def _written(made: classifying.Generation) -> str:
    texts = render.beside({**made.applications, **made.fixed}, made.entrances)
    return "".join(texts) + render.swap(made.name, LAYOUT, made.entrances, 3)


@pytest.mark.parametrize(("role", "chain"), [(Role.CONTROLLER, "forward_{}"), (Role.CONTROLLED, "mirror_{}_far")])
def test_each_end_reads_the_rules_its_own_way(role: Role, chain: str) -> None:
    """What enters from the near LAN runs near to far, what enters from the far LAN the other way."""
    made = generation(SAMPLE, IDS, replace(LAYOUT, role=role))
    name = chain.format(render.short(SAMPLE.digest))
    assert made.entrances["from_lan"] == (f"goto {name}",)
    assert made.fixed[name][0].endswith("goto app_2")


def test_a_swap_deletes_what_it_replaces() -> None:
    """The entrances first, then elements and notes."""
    text = render.swap(
        "generation_b", LAYOUT, {"from_lan": ("goto x",)}, 3, old_chains=["generation_a"], old_applications=[7, 8]
    )
    lines = text.splitlines()
    assert lines[:3] == [
        "add chain inet linkbalancer from_lan",
        "flush chain inet linkbalancer from_lan",
        "add rule inet linkbalancer from_lan goto x",
    ]
    assert lines[-4:] == [
        "delete element inet linkbalancer app2vid { 0x00000007, 0x00000008 }",
        "delete chain inet linkbalancer generation_a",
        "add chain inet linkbalancer generation_b",
        "add chain inet linkbalancer era_3",
    ]


def test_a_large_generation_is_loaded_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole chains in each, what is there already emptied first, the entrances before all."""
    monkeypatch.setattr(render, "_LINES_MAX", 2)
    chains = {"a": ("accept",), "b": ("goto a",), "c": ("goto b",)}
    first, second, third = render.beside(chains, ["from_lan"], {"b"})
    assert first.startswith("add chain inet linkbalancer from_lan\ntable inet linkbalancer {\nchain a {\naccept\n}\n}")
    assert second.splitlines()[:3] == ["flush chain inet linkbalancer b", "table inet linkbalancer {", "chain b {"]
    assert third == "table inet linkbalancer {\nchain c {\ngoto b\n}\n}\n"
    assert list(render.beside({}, ["from_lan"])) == ["add chain inet linkbalancer from_lan\n"]
    assert not list(render.beside({}))


def test_marks_move_into_their_masks() -> None:
    """Other masks than the defaults: ids and VIDs are shifted to them, and everything else is kept."""
    marks = Marks(connection_mask=0xFFF00000, packet_mask=0xFF, guard_bit=0x100)
    layout = Layout(marks=marks, role=Role.CONTROLLER, lan_devices=(), link_devices=(), vids=(9,))
    skeleton = render.skeleton(layout)
    assert "vid_9 meta mark set meta mark and 0xffffff00 or 0x00000009 accept\n" in skeleton
    assert "meta mark set meta mark and 0xfffffe00\n" in skeleton
    assert "iifname {" not in skeleton
    assert "udp dport" not in skeleton
    chains = render.applications([0x302], marks)
    assert chains["app_770"] == (
        "ct mark set ct mark and 0x000fffff or 0x30200000 goto learnt",
        "meta mark set meta mark and 0xffffff00 or 0x00000002 goto page_3",
    )
    assert chains["look_3"] == ("meta mark lshift 20 and 0x0ff00000 or 0x30000000 vmap @app2vid",)
    assert render.form_name(marks) != render.form_name(Marks())


def test_a_thousand_applications_look_into_the_map_at_few_places() -> None:
    """The kernel walks through the whole map for each of them whenever an application moves."""
    chains = render.applications(range(2, 1002), Marks())
    places = [name for name, rules in chains.items() if f"@{render.MAP}" in " ".join(rules)]
    assert places == ["known", "look_0", "look_1", "look_2", "look_3"]


def test_names_follow_what_is_loaded() -> None:
    """Another id, another rule or another role is another generation; another VID another skeleton."""
    names = {
        render.generation_name(SAMPLE, IDS, Role.CONTROLLER),
        render.generation_name(SAMPLE, IDS, Role.CONTROLLED),
        render.generation_name(SAMPLE, {**IDS, "rest": 6}, Role.CONTROLLER),
        render.generation_name(classifier(("web", Selector())), IDS, Role.CONTROLLER),
    }
    assert len(names) == 4
    more = Layout(marks=Marks(), role=Role.CONTROLLER, lan_devices=("lan0",), link_devices=(), vids=(1, 2, 3))
    assert render.skeleton_name(LAYOUT) != render.skeleton_name(more)
    assert render.renamed_skeleton("skeleton_b", ["skeleton_a"]).splitlines() == [
        "delete chain inet linkbalancer skeleton_a",
        "add chain inet linkbalancer skeleton_b",
    ]
    assert render.skeleton(LAYOUT, ["keep_7", "vid_7"]).endswith(
        "delete chain inet linkbalancer keep_7\ndelete chain inet linkbalancer vid_7\n"
    )


def test_a_route_has_the_mtu_of_its_way() -> None:
    """Of a VID's own way; this gateway's own traffic takes the first one's by that device. Others say none."""
    gateways = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.3")
    ways = tuple(
        Way(device="wan0", vids=(vid,), gateway=gateway, mtu=mtu)
        for vid, gateway, mtu in ((1, gateways[0], 1400), (2, gateways[1], 1300))
    )
    layout = replace(LAYOUT, ways=(*ways, Way(device="link0", vids=(3,), mtu=1200)))
    assert [layout.mtu(vid, ViaLink("wan0", gateways[vid - 1])) for vid in (1, 2)] == [1400, 1300]
    assert layout.mtu(0, ViaLink("wan0", gateways[1])) == 1400
    assert layout.mtu(3, ViaLink("link0", IPv4Address("10.1.0.2"))) == 1200
    assert layout.mtu(3, ViaLink("link1", IPv4Address("10.1.0.2"))) is None
    assert layout.mtu(1, Unreachable()) is None


def test_chains_of_other_layouts_are_known() -> None:
    """Those that note by which gateway behind a shared device a connection began."""
    way = Way(device="wan0", vids=(1,), gateway=IPv4Address("192.0.2.1"), shared=True)
    present = ["asked", "asked_by_1", "asked_by_2", "answer"]
    assert translation.stale(replace(LAYOUT, ways=(way,)), present) == ["asked_by_2"]
    assert translation.stale(LAYOUT, present) == ["asked_by_1", "asked_by_2"]


def test_own_neighbour_discovery_is_left_alone_where_ipv6_is_steered() -> None:
    """Before what this gateway sends gets a VID's mark; where nothing of IPv6 is steered there is no such rule."""
    rule = "add rule inet linkbalancer output icmpv6 type 133-137 return"
    lines = render.skeleton(replace(LAYOUT, twins=())).splitlines()
    assert lines.index(rule) < lines.index("add rule inet linkbalancer output goto steer_lan")
    assert rule not in render.skeleton(LAYOUT)

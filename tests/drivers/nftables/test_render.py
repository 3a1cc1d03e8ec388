"""The nft text, compared with files that a person has read (`LB_RENEW=1` writes them anew, to be read again)."""

import os
from pathlib import Path

import pytest

from linkbalancer.drivers.nftables import render
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.links import Role
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.selector import Selector
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
    """Every kind of condition, forward and mirrored, the default application last."""
    _same_as_written("generation.nft", render.generation(SAMPLE, IDS, Marks()))


@pytest.mark.parametrize(("role", "lan"), [(Role.CONTROLLER, "forward"), (Role.CONTROLLED, "mirror")])
def test_each_end_reads_the_rules_its_own_way(role: Role, lan: str) -> None:
    """What enters from the near LAN runs near to far, what enters from the far LAN the other way."""
    layout = Layout(marks=Marks(), role=role, lan_devices=("a",), link_devices=("b",), vids=(1,))
    text = render.swap("generation_abc_def", layout)
    assert f"add rule inet linkbalancer from_lan goto {lan}_abc\n" in text
    assert "delete" not in text


def test_a_swap_deletes_what_it_replaces() -> None:
    """Elements before chains, chains in the given order."""
    text = render.swap("generation_abc_def", LAYOUT, old_chains=["forward_x", "app_7"], old_applications=[7, 8])
    assert text.splitlines()[-4:] == [
        "delete element inet linkbalancer app2vid { 0x00000007, 0x00000008 }",
        "delete chain inet linkbalancer forward_x",
        "delete chain inet linkbalancer app_7",
        "add chain inet linkbalancer generation_abc_def",
    ]


def test_marks_move_into_their_masks() -> None:
    """Other masks than the defaults: ids and VIDs are shifted to them, and everything else is kept."""
    marks = Marks(connection_mask=0xFFF00000, packet_mask=0xFF, guard_bit=0x100)
    layout = Layout(marks=marks, role=Role.CONTROLLER, lan_devices=(), link_devices=(), vids=(9,))
    skeleton = render.skeleton(layout)
    assert "vid_9 meta mark set meta mark and 0xffffff00 or 0x00000009\n" in skeleton
    assert "meta mark set meta mark and 0xfffffe00\n" in skeleton
    assert "iifname {" not in skeleton
    assert "udp dport" not in skeleton
    generation = render.generation(SAMPLE, IDS, marks)
    assert "app_2 ct mark set ct mark and 0x000fffff or 0x00200000\n" in generation
    assert "app_2 meta mark and 0x00000000 or 0x00200000 vmap @app2vid\n" in generation


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
    assert render.skeleton(LAYOUT, stale_vids=[7]).endswith("delete chain inet linkbalancer vid_7\n")

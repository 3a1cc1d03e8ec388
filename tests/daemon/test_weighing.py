"""Weights of a real link: what the controller measures moves the priorities of the far end, and may be set at work."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.gateway import ROOT, Gateway, joined
from tests.daemon.waiting import until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab


@pytest.fixture
def gateways(tmp_path: Path) -> Iterator[tuple[Gateway, Gateway]]:
    """Return a near and a far gateway that have settled."""
    with Namespace("lan") as lan, joined(tmp_path, lan) as pair:
        yield pair


def weigh(near: Gateway, *words: str) -> str:
    """Set how the near gateway weighs; return what was said."""
    command = [sys.executable, "-m", "linkbalancer", "weight", *words, "--run-dir", str(near.run_dir)]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def adjusted(far: Gateway) -> dict[str, tuple[int, Any]]:
    """Return each VID's priority at the far end, and to what it was adjusted."""
    groups = far.status().get("groups", {})
    return {vid: (group["priority"], (group["adjusted"] or {}).get("priority")) for vid, group in groups.items()}


def moves(*gateways: Gateway) -> list[int]:
    """Return how often masterships have moved."""
    return [group["transitions"] for gateway in gateways for group in gateway.status()["groups"].values()]


def test_weights_are_set_at_work_and_the_far_end_obeys(gateways: tuple[Gateway, Gateway]) -> None:
    """By VID and by link, over a restart and a kill, and taken back; no mastership moves where nobody else is."""
    near, far = gateways
    assert adjusted(far) == {"1": (150, None), "2": (100, None)}
    before = moves(near, far)

    weigh(near, "set", "1", "cost", "price=5")
    until(lambda: adjusted(far) == {"1": (128, 128), "2": (100, None)}, 10)
    shown = weigh(near)
    assert "has it" in shown
    assert "cost 50 (price 5)" in shown
    far_end = far.status()["groups"]["1"]
    assert far_end["adjusted"] == {"by": "b1", "priority": 128, "weight": 50.0}

    weigh(near, "set", "l1", "latency", "good=1s", "bad=2s", "mapping.max=200")
    until(lambda: adjusted(far) == {"1": (101, 101), "2": (200, 200)}, 20)  # the link's mapping is VID 1's too

    near.kill("agent")
    far.kill("agent")
    until(lambda: bool(near.status()) and bool(far.status()) and all(one.settled() for one in gateways), 20)
    assert adjusted(far) == {"1": (101, 101), "2": (200, 200)}

    weigh(near, "reset", "1")
    weigh(near, "reset", "l1")
    until(lambda: adjusted(far) == {"1": (150, None), "2": (100, None)}, 20)
    assert "configured at its far end" in weigh(near)
    assert moves(near, far) == before

"""A plug-in that never returns weighs the link of a real gateway: nothing stops, nothing moves, and it is said."""

from pathlib import Path
from typing import Any

import pytest

from linkbalancer.cli.client import ask
from tests.config.plugins import installed
from tests.daemon.gateway import ROOT, Gateway, joined
from tests.daemon.office import Adverts
from tests.daemon.waiting import until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

INTERVAL_MS = 200


def weigh(near: Gateway, does: str) -> None:
    """Have a plug-in that does this weigh the link from now on."""
    plain = near.config.read_text().split(", weight:")[0].split("on_probe_loss: demote")[0]
    rest = near.config.read_text().partition("\ngroups:")[2]
    weight = f"weight: {{function: trip, plugins: {{trip: {{does: {does!r}}}}}}}"
    near.config.write_text(f"{plain}on_probe_loss: demote, {weight}}}\ngroups:{rest}")
    near.reload()


def weights(near: Gateway) -> list[dict[str, Any]]:
    """Return of what the weights of the link are made."""
    return list(near.status().get("links", {}).get("l1", {}).get("weights", []))


def advised(near: Gateway) -> list[tuple[float, int]]:
    """Return the weight and priority of each VID."""
    return [(one["weight"], one["priority"]) for one in weights(near)]


def test_one_that_never_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No mastership moves, no advert is late, the last weight stands, and the agent is the same one throughout."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{tmp_path / 'installed'}")
    with (
        installed(tmp_path / "installed", monkeypatch, "trip = strange:Trip"),
        Namespace("lan") as lan,
        joined(tmp_path, lan) as (near, far),
    ):
        weigh(near, "")
        until(lambda: len(advised(near)) == 2 and all(one[0] is not None for one in advised(near)), 20)
        until(lambda: all(one.settled() for one in (near, far)), 20)
        before = advised(near)
        moved = [group["transitions"] for one in (near, far) for group in one.status()["groups"].values()]
        adverts = Adverts(lan, "near", tmp_path / "adverts")
        weigh(near, "sleep")
        agent = near.pids()["agent"]
        until(lambda: "no answer within 1 s: it is asked again in 4 s" in str(weights(near)), 20)
        gaps = adverts.gaps()

        assert near.pids()["agent"] == agent
        assert advised(near) == before
        assert moved == [group["transitions"] for one in (near, far) for group in one.status()["groups"].values()]
        assert gaps.keys() == {1, 2}
        assert max(gaps.values()) < 2 * INTERVAL_MS
        assert 'subject="plug-in trip" text="no answer within 1 s: it is asked again in 1 s; ' in near.lines()
        until(lambda: "no answer within 1 s" in str(ask(near.run_dir, "history")), 10)

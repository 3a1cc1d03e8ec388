"""Links that are weighed by a plug-in, in a simulated network."""

from pathlib import Path

import pytest

from linkbalancer.sim.run import quiet
from linkbalancer.sim.wire import FAR, NEAR
from tests.config.plugins import installed
from tests.sim.test_weighed import weighed, where


def test_a_plug_in_weighs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As any function does: the far side elects the link that it prefers, and the near side follows."""
    with installed(tmp_path, monkeypatch, "trip = strange:Trip"):
        world = weighed("trip", 1, {"l1": 90, "l2": 20, "l3": 40})
        assert where(world, FAR) == where(world, NEAR) == ["l2", "l2", "l2"]
        quiet(world)

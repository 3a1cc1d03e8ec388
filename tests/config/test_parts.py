"""Tests of what is good in a configuration that is not."""

from linkbalancer.config.model import Link
from linkbalancer.config.parts import part


def test_good_values_and_defaults_are_there_and_wrong_ones_are_not() -> None:
    """A key that is written wrong has no value at all, not even its default."""
    link = part(Link, {"device": "eth1", "port": "x", "probe": {"misses": 0, "detect": "1s"}}, ("links", "l1"))

    assert link["device"] == "eth1"
    assert link["insecure"] is False
    assert not link.knows("port")
    assert not link.knows("local")
    assert not link.knows("probe")
    assert link.given == {"device", "port", "probe"}
    assert link.inner("probe").knows("detect", "interval")
    assert not link.inner("probe").knows("misses")
    assert link.inner("probe").path == ("links", "l1", "probe")


def test_what_is_no_mapping_has_nothing_good() -> None:
    """Nor has what is inside of it."""
    link = part(Link, 7, ("links", "l1"))

    assert not link.knows("port")
    assert not link.inner("probe").knows("misses")

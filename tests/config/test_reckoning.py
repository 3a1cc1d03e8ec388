"""Tests of how keys become functions where that is not plain: plug-ins, with their defaults."""

from pathlib import Path

import pytest

from linkbalancer.config.plugins import Broken, find
from linkbalancer.config.reckoning import check_name, function
from linkbalancer.config.weighing import Weight
from linkbalancer.links import GroupId
from linkbalancer.weights.plugin import Plugged
from tests.config.plugins import installed
from tests.config.texts import changed, loaded


def test_a_plug_in_is_given_its_parameters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As written, else its defaults; a link knows which plug-ins weigh it, also as parts."""
    keys = "{function: night, plugins: {night: {zone: CET}}}"
    parts = "{function: composite, composite: {loss: 1, night: 1}, plugins: {night: {zone: CET}}}"
    with installed(tmp_path, monkeypatch):
        config = loaded(changed(("l1.key}", f"l1.key, weight: {keys}}}"))).config
        composed = loaded(changed(("l1.key}", f"l1.key, weight: {parts}}}"))).config
        weights, whole = config.weights("l1"), composed.weights("l1")

    night = Plugged("night", (("by_day", 50.0), ("zone", "CET")))
    assert weights.groups[GroupId(1)].function == night
    assert whole.groups[GroupId(1)].plugged == (night,)
    assert weights.plugins == whole.plugins == {"night"}
    assert loaded().config.weights("l1").plugins == frozenset()


@pytest.mark.parametrize(
    ("found", "why"), [(None, "there is no weight function x"), (Broken("it rusts"), "x: it rusts")]
)
def test_a_plug_in_that_is_gone_is_an_error(found: Broken | None, why: str) -> None:
    """`check` said so; who goes on without asking it is told as well."""
    with pytest.raises(ValueError, match=why):
        function("x", Weight(), lambda _: found)


def test_checks_have_one_name_each() -> None:
    """A static group cannot be taken for a tracker that is called by a number."""
    assert (check_name("9"), check_name(9), find("nobody-has-this")) == ("9", "VID 9", None)

"""Tests of how keys become functions where that is not plain: plug-ins, with their defaults and their stopwatch."""

from pathlib import Path

import pytest

from linkbalancer.config.plugins import Broken, find
from linkbalancer.config.reckoning import check_name, function
from linkbalancer.config.weighing import Weight
from linkbalancer.links import GroupId
from linkbalancer.weights.plugin import SLOW, Plugged, Refusal, no_stopwatch
from linkbalancer.weights.view import View
from tests.config.plugins import installed
from tests.config.texts import changed, loaded
from tests.weights.links import at


def test_a_plug_in_is_given_its_parameters_and_a_stopwatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As written, else its defaults; it works as any function does, and is caught when it is slow."""
    keys = "{function: night, plugins: {night: {zone: CET}}}"
    instants = iter((0, 1, 2, 3 + SLOW))
    with installed(tmp_path, monkeypatch):
        config = loaded(changed(("l1.key}", f"l1.key, weight: {keys}}}"))).config
        night = config.weights("l1", stopwatch=lambda: next(instants)).groups[GroupId(1)].function

    assert isinstance(night, Plugged)
    assert night.parameters == (("by_day", 50.0), ("zone", "CET"))
    assert night.weight(View(group=GroupId(1), wall=at(12))) == 50
    assert night.weight(View(group=GroupId(1), wall=at(3))) is None
    assert night.guard.refusals == {Refusal.SLOW: 1}


@pytest.mark.parametrize(
    ("found", "why"), [(None, "there is no weight function x"), (Broken("it rusts"), "x: it rusts")]
)
def test_a_plug_in_that_is_gone_is_an_error(found: Broken | None, why: str) -> None:
    """`check` said so; who goes on without asking it is told as well."""
    with pytest.raises(ValueError, match=why):
        function("x", Weight(), lambda _: found, no_stopwatch)


def test_checks_have_one_name_each() -> None:
    """A static group cannot be taken for a tracker that is called by a number."""
    assert (check_name("9"), check_name(9), find("nobody-has-this")) == ("9", "VID 9", None)

"""Tests of finding plug-ins by their entry points, from a package that is really there."""

from pathlib import Path

import pytest

from linkbalancer.config import plugins
from linkbalancer.config.plugins import Broken, consult, find
from linkbalancer.config.plugins import installed as names
from linkbalancer.links import GroupId
from linkbalancer.weights.conformance import cases
from linkbalancer.weights.question import Question
from linkbalancer.weights.view import Answer, View
from tests.config.plugins import installed
from tests.weights.links import at


@pytest.mark.parametrize("entry", ["night = strange:Night", "night = strange:night"])
def test_a_plug_in_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    """A class is made an object, an object is taken as it is; and it conforms."""
    with installed(tmp_path, monkeypatch, entry):
        plugin = find("night")
        assert names() == ("night",)
    assert plugin is not None
    assert not isinstance(plugin, Broken)
    assert plugin.weight(View(group=GroupId(1))) is None
    for case in cases(plugin, parameters={"zone": "CET"}):
        case()


def test_there_is_none() -> None:
    """Of a name that nobody installed."""
    assert find("nobody-has-this") is None


@pytest.mark.parametrize(
    ("entry", "name", "why"),
    [
        ("night = strange:Nowhere", "night", "strange:Nowhere cannot be loaded: AttributeError: "),
        ("night = nowhere:Night", "night", "nowhere:Night cannot be loaded: ModuleNotFoundError: No module named"),
        ("night = strange:Night\n[other]\na = b", "night", ""),
        ("misnamed = strange:Misnamed", "misnamed", "it calls itself 'night'"),
        ("mute = strange:Mute", "mute", "its weight cannot be called"),
        ("loose = strange:Loose", "loose", "its parameters are none of linkbalancer.weights.plugin.Parameter"),
    ],
)
def test_one_that_cannot_be_used_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, name: str, why: str
) -> None:
    """Whatever its author did; nothing is raised."""
    with installed(tmp_path, monkeypatch, entry):
        found = find(name)
    assert isinstance(found, Broken) == bool(why)
    assert not isinstance(found, Broken) or found.why.startswith(why)


def test_two_of_one_name_are_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of them would be meant is chance."""
    with installed(tmp_path / "a", monkeypatch, "night = strange:Night"):
        about = tmp_path / "b" / "other-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text("[linkbalancer.weights]\nnight = strange:night\n")
        monkeypatch.syspath_prepend(tmp_path / "b")
        assert find("night") == Broken("it is installed more than once: strange:Night, strange:night")


def test_a_plug_in_is_consulted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that cannot be is a trouble."""
    seen = View(group=GroupId(3), wall=at(12), parameters={"by_day": 30.0})
    with installed(tmp_path, monkeypatch, "night = strange:Night\nmute = strange:Mute"):
        good, mute, none = (consult(Question("l1", name, seen)) for name in ("night", "mute", "nobody"))

    assert (good.link, good.group, good.name, good.answer) == ("l1", GroupId(3), "night", Answer(30.0))
    assert mute.answer == Answer(trouble="it cannot be asked: its weight cannot be called")
    assert none.answer == Answer(trouble="it cannot be asked: none is installed")


def test_what_was_found_can_be_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may have installed one meanwhile; whether others' code may be loaded is known."""
    plugins.forget()
    assert not plugins.loaded()
    with installed(tmp_path, monkeypatch, "night = strange:Night"):
        assert names() == ("night",)
        assert not plugins.loaded()
        assert find("night") is not None
        assert plugins.loaded()
        plugins.forget()
        assert not plugins.loaded()

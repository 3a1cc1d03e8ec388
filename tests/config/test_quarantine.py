"""Tests of the quarantine: only faulty rule lines are left out, everything else refuses."""

from collections.abc import Callable

import pytest

from linkbalancer.config import quarantine
from linkbalancer.config.findings import ConfigErrors
from linkbalancer.config.quarantine import load_without_faulty_rules
from tests.config.texts import CONFIG, RULES

PATH = "etc/linkbalancer.yaml"


def reader(rules: str | None, config: str = CONFIG) -> Callable[[str], str]:
    """Return a way to read these two files."""
    files = {PATH: config} | ({} if rules is None else {"etc/apps.conf": rules})

    def read(name: str) -> str:
        if name not in files:
            raise FileNotFoundError(2, "No such file or directory", name)
        if "\udcff" in files[name]:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
        return files[name]

    return read


def test_faulty_lines_are_left_out() -> None:
    """The others keep their numbers, and each error is told."""
    found = load_without_faulty_rules(PATH, reader("App=* * * * 443 tcp [9] name=bad\nnonsense\n" + RULES))

    (text,) = found.texts.values()
    assert list(found.texts) == ["etc/apps.conf"]
    assert text.split("\n")[:2] == ["# left out: App=* * * * 443 tcp [9] name=bad", "# left out: nonsense"]
    assert [rule.line for rule in found.loaded.rules.rules] == [3, 4]
    assert [finding.line for finding in found.left_out] == [1, 2]


def test_a_line_that_is_wrong_only_beside_another_is_left_out_too() -> None:
    """Two lists for one application: the later line is the faulty one."""
    found = load_without_faulty_rules(PATH, reader(RULES + "App=* * * * 80 tcp [1] name=web\n"))

    assert [finding.line for finding in found.left_out] == [3]
    assert set(found.loaded.rules.applications) == {"web", "rest"}


def test_without_a_faulty_line_nothing_is_left_out() -> None:
    """What `load` takes is taken as it is."""
    found = load_without_faulty_rules(PATH, reader(RULES))

    assert (found.left_out, found.texts) == ((), {})


@pytest.mark.parametrize(
    ("rules", "config"),
    [
        (None, CONFIG),
        ("\udcff", CONFIG),
        (RULES, CONFIG.replace("role: controller", "role: king")),
        ("nonsense\n", CONFIG.replace("role: controller", "role: king")),
    ],
)
def test_any_other_error_refuses(rules: str | None, config: str) -> None:
    """A rule file that is gone or is no text, and errors elsewhere, alone or beside faulty lines."""
    with pytest.raises(ConfigErrors):
        load_without_faulty_rules(PATH, reader(rules, config))


TWO_ROUNDS = """\
App=* * * * 443 tcp [9] name=web
App=* * * * 80 tcp [1] name=web
App=* * * * 81 tcp [2] name=web
"""


def test_a_faulty_line_does_not_take_others_of_its_application_along() -> None:
    """Its list counts no more; the next line's list is the application's, and the third one is the faulty one then."""
    found = load_without_faulty_rules(PATH, reader(TWO_ROUNDS))

    assert [finding.line for finding in found.left_out] == [1, 3]
    assert [rule.line for rule in found.loaded.rules.rules] == [2]


def test_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another round would find another fault, the configuration is refused for what was found first."""
    monkeypatch.setattr(quarantine, "ROUNDS", 1)

    with pytest.raises(ConfigErrors) as refused:
        load_without_faulty_rules(PATH, reader(TWO_ROUNDS))
    assert "there is no group for VID 9" in str(refused.value)


def test_a_faulty_set_takes_its_rules_with_it_and_no_other() -> None:
    """Of a set's file the faulty line alone is left out; where nothing is left, so is what uses it; each is told."""
    sets = {"etc/b.txt": "10.1.0.0/16\n10.0.0.300\n", "etc/none.txt": "10.0.0.301\n"}
    rules = (
        "Set=@bad 10.0.0.1/8\n"
        "App=@bad * * * * * [1] name=bad\n"
        "App=@file:none.txt * * * * * [1] name=none\n"
        "App=@file:b.txt * * * 443 tcp [1] name=far\n"
    )
    plain = reader(rules + RULES)
    found = load_without_faulty_rules(PATH, lambda name: sets[name] if name in sets else plain(name))

    assert sorted(found.texts) == ["etc/apps.conf", "etc/b.txt", "etc/none.txt"]
    assert found.texts["etc/b.txt"] == "10.1.0.0/16\n# left out: 10.0.0.300\n"
    assert [rule.line for rule in found.loaded.rules.rules] == [4, 5, 6]
    assert sorted((one.file, one.line) for one in found.left_out) == [
        ("etc/apps.conf", 1),
        ("etc/apps.conf", 2),
        ("etc/apps.conf", 3),
        ("etc/b.txt", 2),
        ("etc/none.txt", 1),
    ]

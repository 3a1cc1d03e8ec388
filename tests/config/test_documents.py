"""Tests of the documents on rules and configuration: every example in them does what they say."""

import re
import shlex
import textwrap
from pathlib import Path

import pytest

from linkbalancer.cli.main import main
from linkbalancer.config.load import load
from linkbalancer.config.rules import parse_rules
from linkbalancer.config.shadows import shadowed

DOCS = Path(__file__).parents[2] / "docs"
RULES = (DOCS / "rules.md").read_text()
SETS = {"etc/sets/branches.txt": "10.1.0.0/16\n2001:db8:1::/48\n", "/var/lib/lists/guests.txt": "172.16.0.0/24\n"}
CONFIGURATION = (DOCS / "configuration.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language, without the indentation of a list."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(body) for _, body in found]


@pytest.mark.parametrize("block", blocks(RULES, "conf"), ids=lambda block: block.split("name=")[1].split()[0])
def test_rule_examples_are_right(block: str) -> None:
    """No error, no warning, nothing shadowed, and a rule for every line."""
    parsed = parse_rules(block, "etc/example", SETS.__getitem__)

    assert parsed.errors == parsed.warnings == list(shadowed(parsed)) == []
    assert [line for line in block.splitlines() if not line.startswith(("App=", "Set=@"))] == []
    assert len({rule.line for rule in parsed.rules}) == block.count("App=") > 0


def test_the_unnamed_example_is_named_by_its_selector() -> None:
    """The name that the document shows is that of a line which takes everything."""
    (name,) = parse_rules("App=* * * * * * [1]", "example").applications

    assert f"`{name}`" in RULES


def test_what_explain_is_said_to_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command in the document, on the rules above it, gives the answer below it."""
    (session,) = blocks(RULES, "console")
    command, _, answer = session.removeprefix("$ linkbalancer ").partition("\n")
    (tmp_path / "apps.conf").write_text(blocks(RULES, "conf")[0])
    monkeypatch.chdir(tmp_path)

    assert main(shlex.split(command)) == 0
    assert capsys.readouterr().out == answer


@pytest.mark.parametrize(
    ("line", "error"),
    re.findall(r"^\| `((?:App|app|Set)=.*?)` \| (.*?) \|$", RULES, re.MULTILINE),
    ids=lambda text: text[:30],
)
def test_refusals_are_said_as_the_document_says(line: str, error: str) -> None:
    """One error, in these words."""
    (found,) = parse_rules(line, "example").errors

    assert f"{found.what}; {found.remedy}" == error


@pytest.mark.parametrize("block", blocks(CONFIGURATION, "yaml"), ids=["near", "across", "observing"])
def test_configuration_examples_are_right(block: str) -> None:
    """They load without a warning."""
    files = {"linkbalancer.yaml": block, "apps.conf": "App=* * * * * * [1] name=all\n"}

    assert load("linkbalancer.yaml", files.__getitem__).warnings == ()


def test_there_is_an_example_of_everything() -> None:
    """So that the tests above cannot pass by finding nothing."""
    assert len(blocks(RULES, "conf")) == 14
    assert len(blocks(CONFIGURATION, "yaml")) == 3
    assert RULES.count("| `App=") == 15
    assert RULES.count("| `Set=") == RULES.count("| `app=") == 1

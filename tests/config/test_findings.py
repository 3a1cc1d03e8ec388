"""Tests of findings."""

import pytest

from linkbalancer.config.findings import ConfigErrors, FieldError, Finding, nearest, shown, suggestion


def test_a_finding_is_written_as_compilers_do() -> None:
    """Editors jump to file:line:column."""
    assert str(Finding("a.conf", 3, 7, "is wrong", "mend it")) == "a.conf:3:7: is wrong; mend it"


def test_what_a_file_holds_tells_no_terminal_anything() -> None:
    """A key named like an escape sequence, or like another line of the log, is shown, not obeyed."""
    finding = Finding("a.conf", 3, 7, "the key a\x1b[2J\nlevel=error is not known", "use \u202eß")
    assert str(finding) == "a.conf:3:7: the key a\\x1b[2J\\nlevel=error is not known; use \\u202eß"


def test_errors_come_in_order_and_once() -> None:
    """Findings are sorted by file and place; the text has one a line."""
    early, late = Finding("a.conf", 3, 7, "x", "y"), Finding("a.conf", 20, 1, "x", "y")
    errors = ConfigErrors([late, early, late])

    assert errors.findings == (early, late)
    assert str(errors) == f"{early}\n{late}"


def test_a_field_error_carries_its_remedy() -> None:
    """The text has both parts."""
    assert str(FieldError("is wrong", "mend it")) == "is wrong; mend it"


def test_a_misspelt_word_finds_its_neighbour() -> None:
    """Case does not matter; what is far from everything finds nothing."""
    assert nearest("Piority", ["priority", "preempt"]) == "priority"
    assert nearest("zzz", ["priority", "preempt"]) is None
    assert nearest("zzz", []) is None
    assert nearest("tpc", ["tcp", "xtp"]) == "tcp"


def test_an_unknown_word_is_told_what_there_is() -> None:
    """The near one, else all, else that there is none."""
    assert suggestion("prot", ["port", "peer"]) == "did you mean port?"
    assert suggestion("zzz", ["port", "peer"]) == "use one of: port, peer"
    assert suggestion("zzz", []) == "there is none"
    assert suggestion("zzz", [f"n{number}" for number in range(13)]).endswith("n11, ...")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (None, "nothing"),
        ({}, "a mapping"),
        ((), "a list"),
        ([], "a list"),
        ("x", "'x'"),
        (7, "7"),
        ("x" * 99, f"'{'x' * 39}..."),
    ],
)
def test_a_wrong_value_is_shown_as_yaml_has_it(value: object, text: str) -> None:
    """No Python names, and never a whole page."""
    assert shown(value) == text

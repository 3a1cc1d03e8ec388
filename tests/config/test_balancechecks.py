"""Handovers that a balanced step cannot do are refused, where they stand."""

import pytest

from tests.config.texts import refusals

STEADY = "App=* * * * 443 tcp [2 1] name=web handover=reset failback=drain:5s\n"


@pytest.mark.parametrize(
    ("options", "column", "what"),
    [
        (
            "handover=reset failback=move",
            56,
            "reset for a VID that dies and move for one that works do not go together",
        ),
        ("handover=reset failback=drain:9s", 56, "reset for a VID that dies and drain:9s for one that works do not go"),
        (
            "failback=reset handover=keep",
            41,
            "keep for a VID that dies and reset for one that works do not go together",
        ),
        ("sticky=src handover=drain:60s", 52, "with sticky=src drain:60s is not done when a VID of it is back"),
        ("handover=reset sticky=src-dst", 41, "with sticky=src-dst reset is not done when a VID of it is back"),
        ("sticky=src failback=reset", 52, "with sticky=src reset is not done when a VID of it is back"),
    ],
)
def test_what_the_kernel_cannot_do_within_a_step(options: str, column: int, what: str) -> None:
    """The line and column of the option; what to write in its place."""
    (line,) = refusals(rules=f"{STEADY}App=* * * * * * [1+2] name=rest good-for=10s {options}\n")
    assert line.startswith(f"apps.conf:2:{column + 5}: ")
    assert f"rest has a balanced step: {what}" in line
    assert line.endswith("; write failback=keep" + (", or sticky=flow" if "sticky" in options else ""))


@pytest.mark.parametrize("sticky", ["flow", "src", "src-dst"])
@pytest.mark.parametrize(
    "options",
    [
        "",
        "handover=move failback=move",
        "handover=keep",
        "handover=reset failback=keep",
        "handover=drain:5s failback=keep",
    ],
)
def test_what_it_can_do_with_all_that_stays_together(options: str, sticky: str) -> None:
    """To follow, to stay, and to end with the VID."""
    assert refusals(rules=f"App=* * * * * * [1*3+2] name=rest sticky={sticky} {options}\n") == []


@pytest.mark.parametrize("options", ["handover=reset", "handover=drain:60s", "handover=keep failback=drain:5s"])
def test_what_it_can_do_with_flows_alone(options: str) -> None:
    """They stay on a VID of the step that works: to drain and to end is for the way to another step."""
    assert refusals(rules=f"App=* * * * * * [1+2] name=rest {options}\n") == []

"""What `weight set` is told in words."""

from typing import Any

import pytest

from linkbalancer.config.findings import FieldError
from linkbalancer.config.weightwords import section
from linkbalancer.weights.function import BUILT_IN


@pytest.mark.parametrize(
    ("function", "words", "means"),
    [
        ("latency", [], "latency"),
        (
            "latency",
            ["good=20ms", "bad=0.2s", "hold=30s"],
            {"function": "latency", "latency": {"good": "20ms", "bad": "0.2s"}, "hold": "30s"},
        ),
        (
            "composite",
            ["composite={latency: 2, loss: 1}", "latency.good=20ms", "mapping.min=50"],
            {
                "function": "composite",
                "composite": {"latency": 2, "loss": 1},
                "latency": {"good": "20ms"},
                "mapping": {"min": 50},
            },
        ),
        ("checks", ["checks=[dns, 9]"], {"function": "checks", "checks": ("dns", 9)}),
        (
            "expression",
            ["expression=100 - rtt / 1ms: #", "unknown=5"],
            {"function": "expression", "expression": "100 - rtt / 1ms: #", "unknown": 5},
        ),
        ("moon", ["phase=full"], {"function": "moon", "plugins": {"moon": {"phase": "full"}}}),
    ],
)
def test_words_become_the_value_of_weight(function: str, words: list[str], means: Any) -> None:
    """The function alone where nothing else is said; else what a person would have written."""
    assert section(function, words, plugin=function not in BUILT_IN) == means


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["good"], "no setting"),
        (["=5"], "no setting"),
        (["latency..good=5"], "no setting"),
        (["good=5", "latency.good=6"], "said twice"),
        (["latency=5", "good=6"], "beside latency=5"),
        (["good={"], "is not read"),
        (["good=5\nhold: 6"], "is not read"),
    ],
)
def test_what_says_nothing_is_refused(words: list[str], says: str) -> None:
    """With what to write."""
    with pytest.raises(FieldError, match=says):
        section("latency", words, plugin=False)

"""The benchmarks' own machinery works: one repetition of one fault, and a glance at the cost of one group."""

import json
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import main

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("words", ["outage stop 100ms", "cpu 1-groups 100ms", "failover silent 200ms"])
def test_a_figure_is_taken(words: str, tmp_path: Path) -> None:
    """It says something of both, and neither is absurd: what it says is for `make bench`."""
    report = tmp_path / "bench.json"
    assert main(["--only", words, "--repeat", "1", "--output", str(report)]) == 0
    for figure in json.loads(report.read_text()):
        assert figure["ours"]["n"] == figure["peer"]["n"] == 1
        assert 0 <= figure["ours"]["median"] < 9000
        assert 0 < figure["peer"]["median"] < 9000

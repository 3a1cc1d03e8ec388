"""`linkbalancer sim`."""

import json

import pytest

from linkbalancer.cli.main import main
from linkbalancer.sim.draw import draw
from linkbalancer.sim.run import Verdict
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.trace import Trace


def test_seeds_without_an_objection_exit_0(capsys: pytest.CaptureFixture[str]) -> None:
    """The answer says how many seeds and events there were, and how quickly everything settled."""
    assert main(["sim", "--seed", "5", "--seeds", "2", "--mode", "stop"]) == 0
    out = capsys.readouterr().out
    assert "2 links, 3 VIDs, on_probe_loss stop: 2 seeds" in out
    assert "no judge objects" in out


def test_facts_come_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One document, schema 1."""
    assert main(["sim", "--seeds", "1", "--links", "3", "--vids", "3", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["schema"], facts["links"], facts["vids"], facts["objections"]) == (1, 3, 3, [])
    assert facts["events"] > 500


def test_a_trace_is_every_event(capsys: pytest.CaptureFixture[str]) -> None:
    """It begins with the draw and goes to standard error."""
    assert main(["sim", "--seeds", "1", "--trace"]) == 0
    err = capsys.readouterr().err
    assert err.startswith("seed 1: Shape(")
    assert len(err.splitlines()) > 500


def test_an_objection_exits_1_and_shows_the_seed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report has the draw and the last lines; the summary names the seed to run again."""
    monkeypatch.setattr(
        "linkbalancer.cli.sim.run_seed",
        lambda drawn, keep_all: Verdict(drawn, "for a reason", None, 1, Trace(keep_all=keep_all)),
    )
    assert main(["sim", "--seed", "9", "--seeds", "1"]) == 1
    captured = capsys.readouterr()
    assert f"OBJECTION: for a reason\n{draw(9, Shape())}" in captured.err
    assert "judges object to 1 seeds: 9" in captured.out
    assert "nothing settled" in captured.out


def test_progress_is_shown_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A person sees how far it is."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert main(["sim", "--seeds", "2"]) == 0
    assert "1 of 2 seeds\r2 of 2 seeds\n" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--seeds", "0"], ["--links", "65"], ["--seed", "-1"], ["--vids", "x"]])
def test_numbers_out_of_range_are_refused(words: list[str]) -> None:
    """Usage errors exit with 2."""
    with pytest.raises(SystemExit) as error:
        main(["sim", *words])
    assert error.value.code == 2

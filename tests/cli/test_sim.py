"""`linkbalancer sim`."""

import json
from typing import Any

import pytest

from linkbalancer.cli.main import main
from linkbalancer.cli.sim import PACES, _objections
from linkbalancer.sim.draw import draw
from linkbalancer.sim.histories import Scheme
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
        "linkbalancer.sim.histories.lvrrp.run",
        lambda drawn, keep_all: Verdict(drawn, "for a reason", None, 1, Trace(keep_all=keep_all)),
    )
    assert main(["sim", "--seed", "9", "--seeds", "1"]) == 1
    captured = capsys.readouterr()
    assert f"OBJECTION: for a reason\n{draw(9, Shape())}" in captured.err
    assert "judges object to 1 seeds: 9" in captured.out
    assert "nothing settled" in captured.out


def test_rates_of_machine_code_are_not_taken_for_others(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the engines are compiled is part of every answer."""
    assert main(["sim", "--seeds", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["compiled"] is False
    monkeypatch.setattr("linkbalancer.cli.sim.link.__file__", "/somewhere/link.cpython-311-x86_64-linux-gnu.so")
    assert main(["sim", "--seeds", "1"]) == 0
    assert "(one core, compiled)" in capsys.readouterr().out


def test_progress_is_shown_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A person sees how far it is."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert main(["sim", "--seeds", "2"]) == 0
    assert "1 of 2 runs\r2 of 2 runs\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--seeds", "0"],
        ["--links", "65"],
        ["--seed", "-1"],
        ["--vids", "x"],
        ["--scheme", "three"],
        ["--faults", "cut,rust"],
    ],
)
def test_what_it_cannot_do_is_refused(words: list[str]) -> None:
    """Usage errors exit with 2."""
    with pytest.raises(SystemExit) as error:
        main(["sim", *words])
    assert error.value.code == 2


def facts_of(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """Return what the command answers as JSON."""
    main(["sim", "--links", "2", "--vids", "2", "--json", *words])
    return dict(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize("scheme", Scheme)
def test_figures_are_the_same_for_every_scheme(scheme: Scheme, capsys: pytest.CaptureFixture[str]) -> None:
    """The keys that others read."""
    facts = facts_of(capsys, "--runs", "4", "--seed", "1", "--scheme", scheme)

    for key in ("convergence_rounds", "convergence_ms"):
        assert {"median", "p99", "max"} == set(facts[key])
        assert 0 < facts[key]["median"] <= facts[key]["p99"] <= facts[key]["max"]
    assert (4, str(scheme), "random", 0) == tuple(facts[key] for key in ("runs", "scheme", "interval", "violations"))
    assert facts["switches_per_fault"] > 0
    assert facts["events_per_second"] > 0
    assert facts["events_per_second_bare"] > 0


def test_scheme_one_in_step_is_shown_to_deadlock(capsys: pytest.CaptureFixture[str]) -> None:
    """Five of eight seeds: three are told, the others counted; the answer names every one."""
    words = "--links 2 --vids 2 --seed 33 --runs 8 --scheme one --interval fixed"
    assert main(["sim", *words.split()]) == 1
    captured = capsys.readouterr()

    assert 3 == captured.err.count("OBJECTION: no agreement")
    assert "2 more like these; --seed N --runs 1 --trace shows any of them" in captured.err
    assert "scheme one, probes every 150 ms" in captured.out
    assert "judges object to 5 seeds: 33, 34, 35, 37, 40" in captured.out
    assert max(map(len, captured.out.splitlines())) <= 100


def test_processes_change_nothing_but_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    """The same seeds in the same order."""
    words = ("--runs", "12", "--scheme", "one", "--interval", "fixed")
    alone, shared = facts_of(capsys, *words), facts_of(capsys, *words, "--jobs", "2")

    for facts in (alone, shared):
        del facts["events_per_second"], facts["events_per_second_bare"]
    assert alone == shared


def test_the_faults_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    """An older scheme has nothing to drain; and a trace names nothing but cuts where these are asked for."""
    assert 0 == facts_of(capsys, "--runs", "5", "--faults", "drain", "--scheme", "two")["faults"]
    assert 5 <= facts_of(capsys, "--runs", "5", "--faults", "cut,silent", "--scheme", "two")["faults"]

    assert main(["sim", "--runs", "2", "--faults", "cut", "--trace"]) == 0
    struck = [line.split()[4] for line in capsys.readouterr().err.splitlines() if " FAULT " in line]
    assert struck
    assert all(fault.startswith("Cut(") for fault in struck)


def test_many_seeds_are_not_all_listed() -> None:
    """Twenty are enough to begin with."""
    assert "judges object to 22 seeds: " + ", ".join(map(str, range(20))) + " and 2 more" == _objections(
        list(map(str, range(22)))
    )


def test_probes_may_slow_down_in_quiet_times(capsys: pytest.CaptureFixture[str]) -> None:
    """LVrrp's alone: an older scheme has no detect time that it could tell."""
    facts = facts_of(capsys, "--runs", "2", "--links", "2", "--vids", "2", "--interval", "adaptive")
    assert (facts["interval"], facts["violations"]) == ("adaptive", 0)

    assert main(["sim", "--runs", "1", "--scheme", "two", "--interval", "adaptive"]) == 2
    said = "linkbalancer: scheme two knows no adaptive intervals: use --interval random or fixed\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("interval", ["random", "fixed", "adaptive"])
def test_a_person_reads_how_probes_are_spaced(interval: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In lines that fit a terminal."""
    assert main(["sim", "--runs", "1", "--interval", interval]) == 0
    out = capsys.readouterr().out
    assert f"probes {PACES[interval]}, " in out
    assert max(map(len, out.splitlines())) <= 100


def test_weights_can_be_judged_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Links change as the seed draws; the answer says how often far priorities were adjusted, and a trace why."""
    words = ("--runs", "3", "--weights")
    facts = facts_of(capsys, *words)
    assert (facts["weighed"], facts["violations"]) == (True, 0)
    assert facts["adjusted"] > 0
    assert not facts_of(capsys, "--runs", "1")["weighed"]

    assert main(["sim", *words, "--trace"]) == 0
    captured = capsys.readouterr()
    assert "scheme lvrrp, links weighed, probes every 100-200 ms, " in captured.out
    assert "adjusted priorities" in captured.out
    assert max(map(len, captured.out.splitlines())) <= 100
    assert "weighed by " in captured.err
    assert " WEATHER " in captured.err


def test_loads_can_be_judged_too(capsys: pytest.CaptureFixture[str]) -> None:
    """VIDs carry them in every history; links are weighed then, whether that is said or not."""
    words = ("--runs", "2", "--loads", "--vids", "2")
    facts = facts_of(capsys, *words)
    assert (facts["weighed"], facts["laden"], facts["violations"]) == (True, True, 0)
    assert not facts_of(capsys, "--runs", "1", "--weights")["laden"]

    assert main(["sim", *words, "--trace"]) == 0
    captured = capsys.readouterr()
    assert "scheme lvrrp, links weighed, VIDs carry loads, probes every 100-200 ms, " in captured.out
    assert max(map(len, captured.out.splitlines())) <= 100
    assert "VID 2: " in captured.err


def test_an_older_scheme_knows_no_loads(capsys: pytest.CaptureFixture[str]) -> None:
    """It would ignore them."""
    assert main(["sim", "--runs", "1", "--scheme", "two", "--loads"]) == 2
    assert capsys.readouterr().err == "linkbalancer: scheme two knows no loads: leave out --loads\n"


def test_attacks_can_be_judged_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody strikes as the seed draws, and nothing comes of it; the trace says when, and what he had."""
    words = ("--runs", "2", "--attacks")
    facts = facts_of(capsys, *words)
    assert (facts["attacked"], facts["violations"]) == (True, 0)
    assert not facts_of(capsys, "--runs", "1")["attacked"]

    assert main(["sim", *words, "--trace"]) == 0
    captured = capsys.readouterr()
    assert "scheme lvrrp, attacked, probes every 100-200 ms, " in captured.out
    assert " ATTACK " in captured.err
    assert "former sessions" in captured.err


def test_an_older_scheme_knows_no_attacks(capsys: pytest.CaptureFixture[str]) -> None:
    """It has no session that could be recorded."""
    assert main(["sim", "--scheme", "one", "--attacks"]) == 2
    assert "leave out --attacks" in capsys.readouterr().err


def test_an_older_scheme_knows_no_weights(capsys: pytest.CaptureFixture[str]) -> None:
    """It would ignore them."""
    assert main(["sim", "--runs", "1", "--scheme", "one", "--weights"]) == 2
    assert capsys.readouterr().err == "linkbalancer: scheme one knows no weights: leave out --weights\n"

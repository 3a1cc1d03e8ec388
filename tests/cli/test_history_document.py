"""docs/history.md is true: its commands run on a real gateway, and a real failover reads as it says."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.cli.client import RefusedError, ask
from linkbalancer.config.surroundings import History
from linkbalancer.daemon import recorder, recording
from linkbalancer.drivers import flows
from tests.daemon.gateway import ROOT, Gateway
from tests.daemon.waiting import until
from tests.namespaces import Namespace

DOCUMENT = (ROOT / "docs" / "history.md").read_text()
COMMANDS = sorted(set(re.findall(r"^linkbalancer (history.*)$|`linkbalancer (history[^`]*)`", DOCUMENT, re.MULTILINE)))


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Return a near gateway that has lost its link and got it back."""
    directory = tmp_path_factory.mktemp("history")
    with Namespace("near") as near, Namespace("far") as far, Namespace("lan") as lan:
        near.connect("eth1", far, "eth1")
        near.connect("eth0", lan, "near")
        far.connect("eth0", lan, "far")
        near("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 10.1.0.1/24 dev eth1")
        far("ip addr add 198.51.100.1/24 dev eth0", "ip addr add 10.1.0.2/24 dev eth1")
        ends = {"node": "b1", "role": "controller", "local": "10.1.0.1", "peer": "10.1.0.2", "lan": "192.0.2"}
        other = {"node": "f1", "role": "controlled", "local": "10.1.0.2", "peer": "10.1.0.1", "lan": "198.51.100"}
        pair = (Gateway(near, directory / "near", **ends), Gateway(far, directory / "far", **other))
        for gateway in pair:
            gateway.start()
        until(lambda: all(gateway.settled() for gateway in pair), 20)
        near("ip link set eth1 down")
        until(
            lambda: chains(pair[0], kind="link-closed") and pair[0].status()["groups"]["1"]["next_hop"] == "unreachable"
        )
        near("ip link set eth1 up", "ip rule del priority 21")
        until(pair[0].settled, 20)
        pair[0].kill("web")
        yield pair[0]
        for gateway in pair:
            gateway.stop()


def chains(gateway: Gateway, **filters: Any) -> list[dict[str, Any]]:
    """Return the history."""
    try:
        return list(ask(gateway.run_dir, "history", **filters)["chains"])
    except RefusedError:
        return []


def say(gateway: Gateway, words: list[str], seconds: float = 20) -> str:
    """Run a command; return its answer."""
    command = [sys.executable, "-m", "linkbalancer", *words, "--run-dir", str(gateway.run_dir)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=seconds).stdout


@pytest.mark.lab
@pytest.mark.parametrize("command", ["".join(found) for found in COMMANDS])
def test_every_command_of_the_document_runs(near: Gateway, command: str) -> None:
    """With an id that there is; the one that follows goes on until it is stopped."""
    number = chains(near, kind="link-closed")[-1]["id"]
    words = [str(number) if word == "33" else word for word in shlex.split(command)]
    if "config" in words:
        pytest.skip("the configurations' history has a document of its own")
    if "--follow" in words:
        with pytest.raises(subprocess.TimeoutExpired) as stopped:
            say(near, words, 3)
        assert b"link l1 closed" in (stopped.value.stdout or b"")
    else:
        assert say(near, words)


@pytest.mark.lab
def test_a_failover_is_told_as_the_document_says(near: Gateway) -> None:
    """The measurement, the resignation at once, and where everything was in the end."""
    closed = chains(near, kind="link-closed")[-1]
    story = say(near, ["history", "show", str(closed["id"])])

    assert re.search(
        r"^ +0 ms  link l1 closed: no carrier \(last round trip proven [\d.]+ m?s before", story, re.MULTILINE
    )
    assert "at once  -> VID 1 backup here: resigned" in story
    assert re.search(r"\+[\d.]+ m?s +-> .* \(the kernel took [\d.]+ [mu]?s\)$", story, re.MULTILINE)
    assert re.search(r"; all over after [\d.]+ m?s$", story, re.MULTILINE)
    assert closed["links"] == ["l1"]


@pytest.mark.lab
def test_deaths_and_strangers_are_remembered(near: Gateway) -> None:
    """What the supervisor saw, and what somebody removed."""
    until(
        lambda: [one for one in chains(near, kind="process") if one["headline"].startswith("app:web ended by signal 9")]
    )
    until(lambda: [one for one in chains(near, kind="stranger") if "rule" in one["headline"]])


@pytest.mark.lab
def test_the_recorder_is_killed_and_nothing_that_was_kept_is_lost(near: Gateway) -> None:
    """Another one goes on in the same file, and the agent's records of meanwhile arrive."""
    before = [one["id"] for one in chains(near)]
    near.kill("recorder")
    near.namespace("ip link set eth1 down")
    until(lambda: not near.status()["links"]["l1"]["open"])
    near.namespace("ip link set eth1 up")
    until(lambda: len(chains(near, kind="link-closed")) == 2)
    until(lambda: any("recorder ended by signal 9" in one["headline"] for one in chains(near, kind="process")))
    assert [one["id"] for one in chains(near)][: len(before)] == before
    until(near.settled, 20)


def test_the_figures_of_the_document_are_the_programs() -> None:
    """Bounds and defaults that it names."""
    for figure in (
        f"up to {recording.WAITING:,} records",
        f"remembers {recorder.KEPT:,} records, tries again every {recorder.RETRY_S:g} s",
        f"at most {flows.APPLICATIONS_MAX}\napplications and {flows.ENTRIES_MAX:,} tracked",
        f"ends at about {flows.FLOWS_MAX:,}",
    ):
        assert figure in DOCUMENT
    assert History() == History.model_validate(
        dict(re.findall(r"^  (keep|size): (\w+)", DOCUMENT, re.MULTILINE)),
    )


def test_every_kind_is_in_the_document() -> None:
    """A kind that some process tells, by its name in the sources."""
    package = Path(ROOT, "linkbalancer")
    text = "".join(path.read_text() for path in [*package.glob("daemon/*.py"), *package.glob("engine/*.py")])
    told = set(re.findall(r"""(?<!lifeline\.)(?:Record|_record|\btell|_tell)\(\s*"([a-z-]+)",""", text))

    assert told
    assert [] == [kind for kind in told if f"`{kind}`" not in DOCUMENT]

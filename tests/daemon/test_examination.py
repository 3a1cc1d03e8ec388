"""The preflight of a running daemon."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from linkbalancer.cli.client import ask
from linkbalancer.clock import Instant
from linkbalancer.config.model import Config
from linkbalancer.daemon import examination
from linkbalancer.daemon.examination import AGAIN, SOON, WAIT, WAITING_MAX, Examination
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.requests import Request
from tests.daemon.gateway import Gateway
from tests.daemon.waiting import until
from tests.engine.preflight.hosts import WANTED
from tests.namespaces import Namespace


class Clock:
    """A clock that the test moves."""

    now: Instant = 0

    def __call__(self) -> Instant:
        """Return the present instant."""
        return self.now


class Agent:
    """An agent that answers as the test says."""

    def __init__(self) -> None:
        """It is not there yet."""
        self.status: dict[str, Any] | None = None

    def ask(self, _verb: str, heard: Any) -> None:
        """Answer at once."""
        heard(self.status, "nobody listens")


class Looks:
    """The child that looks: what it was asked, and what it says."""

    def __init__(self, _loop: Loop, heard: Any) -> None:
        """Nothing was asked yet."""
        self.heard, self.asked, self.busy, self.closed = heard, list[Config](), False, False
        self.pid: int | None = 7

    def ask(self, config: Config) -> None:
        """Keep the question."""
        self.asked.append(config)
        self.busy = True

    def say(self, findings: list[dict[str, str]] | None, why: str = "") -> None:
        """Answer it."""
        self.busy = False
        self.heard(None if findings is None else {"findings": findings, "unseen": []}, why)

    def close(self) -> None:
        """End."""
        self.closed = True


class Api:
    """An examination, turned by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begin."""
        monkeypatch.setattr(examination, "Examiner", Looks)
        self.clock, self.agent, self.lines = Clock(), Agent(), list[tuple[str, dict[str, str]]]()
        self.loop, self.lost = Loop(self.clock), 0
        log: Any = SimpleNamespace(warning=lambda event, **words: self.lines.append((event, words)))
        agent: Any = self.agent
        self.examination = Examination(self.loop, WANTED.config, agent, log, lost=self.lose)
        child: Any = self.examination._examiner
        self.looks: Looks = child

    def lose(self) -> None:
        """Note that a new process is wanted."""
        self.lost += 1

    def after(self, duration: int) -> int:
        """Let time pass; return how often the host was to be looked at in it."""
        before = len(self.looks.asked)
        self.clock.now += duration
        periodic = self.examination._periodic
        if periodic.at <= self.clock.now:  # the loop would wait for it
            periodic.expire(self.clock.now)
        return len(self.looks.asked) - before

    def request(self) -> tuple[Request, list[dict[str, Any]]]:
        """Ask by the verb; return the request, and where its answer comes."""
        replies: list[dict[str, Any]] = []
        request = Request("doctor", {}, "root", lambda _request, data: replies.append(json.loads(data)))
        self.examination.take(0, request)
        return request, replies


def finding(kind: str, severity: str) -> dict[str, str]:
    """Return a finding as a report has it."""
    return {"kind": kind, "severity": severity, "subject": "x", "breaks": "b", "seen": "s", "mend": "m"}


def test_when_the_host_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the agent is there, every ten minutes, every minute while there are errors, and when it is asked for."""
    api = Api(monkeypatch)
    assert api.after(WAIT) == 0
    assert api.examination.findings is None
    api.agent.status = {}
    assert api.after(WAIT) == 1
    assert api.after(AGAIN) == 0  # the first look is not over
    api.looks.say([finding("nft-missing", "error"), finding("switch-file", "note")])
    assert api.after(SOON - 1) == 0
    assert api.after(1) == 1
    api.looks.say([finding("firewalld-runs", "warning")])
    assert (api.after(SOON), api.after(AGAIN - SOON)) == (0, 1)
    api.looks.say([])
    other = WANTED.config.model_copy(update={"node": "b9"})
    api.examination.look(other)
    assert api.after(0) == 1
    assert api.looks.asked[-1].node == "b9"
    api.examination.close()
    assert api.looks.closed


def test_each_finding_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors and warnings in the log, and that it could not be looked; everything in the answer."""
    api = Api(monkeypatch)
    for _time in range(2):
        api.looks.say([finding("nft-missing", "error"), finding("switch-file", "note")])
        api.looks.say(None, "the child has ended")
    assert [(event, words.get("kind")) for event, words in api.lines] == [
        ("preflight", "nft-missing"),
        ("preflight not done", None),
    ]
    assert [one["kind"] for one in api.examination.findings or ()] == ["nft-missing", "switch-file"]


def test_a_child_that_has_died_has_no_successor_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rights are gone with it: another one would see nothing of nftables for ever. To fail is another thing."""
    api = Api(monkeypatch)
    api.looks.pid = None
    api.looks.say(None, "the child has ended")
    assert api.lost == 0  # it has never worked: who comes next would have the same
    api.looks.pid = 7
    api.looks.say([])
    api.looks.say(None, "KeyError: 1")
    assert api.lost == 0
    _request, replies = api.request()
    api.looks.pid = None
    api.looks.say(None, "the child cannot be asked: Broken pipe")
    assert api.lost == 1
    assert replies


def test_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for the first report, within reason, or hears that there is none."""
    api = Api(monkeypatch)
    waiting = [api.request()[1] for _ in range(WAITING_MAX)]
    assert api.request()[1][0]["error"]["kind"] == "busy"
    api.looks.say(None, "no rights")
    assert {replies[0]["error"]["kind"] for replies in waiting} == {"unavailable"}
    _request, replies = api.request()
    api.looks.say([])
    assert replies[0]["answer"] == {"findings": [], "unseen": []}
    assert api.request()[1] == replies


@pytest.fixture
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Return a gateway that is not started."""
    with Namespace("exam") as lone, Namespace("lan") as lan:
        lone.connect("eth0", lan, "lone")
        lone.connect("eth1", lan, "away")
        lone("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 10.1.0.1/24 dev eth1")
        texts = {"node": "b1", "role": "controller", "local": "10.1.0.1", "peer": "10.1.0.2", "lan": "192.0.2"}
        gateway = Gateway(lone, tmp_path_factory.mktemp("exam") / "lone", **texts)
        yield gateway
        if gateway.process is not None:
            gateway.stop()


@pytest.mark.lab
def test_what_is_found_is_told_once_and_stands_in_the_status(gateway: Gateway) -> None:
    """A rule of somebody else that looks at our bits: a warning in the log, a finding in the status, a metric."""
    gateway.namespace("ip rule add fwmark 0x80000/0xff0000 lookup main prio 5210")
    gateway.start()
    until(lambda: gateway.status().get("preflight"), 20)
    status = gateway.status()
    (finding,) = [one for one in status["preflight"] if one["kind"] == "rule-takes-marks"]
    assert (finding["severity"], finding["subject"]) == ("error", "priority 5210")
    assert not {"switch-wrong", "rule-missing", "ruleset-missing"} & {one["kind"] for one in status["preflight"]}
    report = ask(gateway.run_dir, "doctor")
    assert report["findings"] == status["preflight"]
    assert report["unseen"] == []
    lines = [line for line in gateway.lines().splitlines() if "kind=rule-takes-marks" in line]
    assert len(lines) == 1
    assert "event=preflight" in lines[0]

    gateway.kill("api")
    until(lambda: gateway.status().get("preflight"), 20)
    assert ask(gateway.run_dir, "doctor") == report


@pytest.mark.lab
def test_who_asks_before_the_first_look_waits_for_it(gateway: Gateway) -> None:
    """The answer comes as soon as there is one."""
    gateway.start()
    until(gateway.status, 20)
    assert ask(gateway.run_dir, "doctor", patience_s=20)["schema"] == 1


@pytest.mark.lab
def test_a_killed_child_takes_no_rights_with_it(gateway: Gateway) -> None:
    """The api begins anew, and its next child sees nftables as the first one did."""
    if gateway.process is None or gateway.process.poll() is not None:
        gateway.start()
    until(lambda: gateway.status().get("preflight") is not None, 20)
    api = gateway.pids()["api"]
    (child,) = [
        int(pid)
        for pid in Path(f"/proc/{api}/task/{api}/children").read_text().split()
        if Path(f"/proc/{pid}/comm").read_text() == "lb:doctor\n"
    ]
    os.kill(child, signal.SIGKILL)
    gateway.config.write_text(gateway.config.read_text().replace("priority: 150", "priority: 151"))
    gateway.reload()
    until(lambda: gateway.pids().get("api", api) != api, 20)
    until(lambda: gateway.status().get("preflight") is not None, 20)
    assert ask(gateway.run_dir, "doctor")["unseen"] == []

"""The checker's line and the agent's end of it, on a real socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.daemon.checking.channel import CHECKS, END, GATEWAY, Channel, Wanted
from linkbalancer.daemon.checks import ChecksServer
from linkbalancer.engine.tracking import Checked
from linkbalancer.health.report import Report, Reports, decode, encode
from tests.daemon.checking.turning import loop, turn_for, turn_until


class Checker:
    """A checker that believes what a test says."""

    def __init__(self, run_dir: Path) -> None:
        """Believe that `a` is good, and VID 3's gateway is not."""
        self.loop = loop()
        self.known: list[Reports] = []
        self.trackers = {"a": Report("file", ok=True, since=1)}
        self.gateways = {"3": Report("gateway", ok=False, since=1)}
        self.ends = {"link l1": Report("echo fe80::2", ok=True, since=1)}
        self.channel = Channel(self.loop, run_dir, self.known.append, self.reports)

    def reports(self, wanted: Wanted | None) -> Reports:
        """Return what is believed."""
        names, groups, ends = (self.trackers, self.gateways, self.ends) if wanted is None else wanted
        return Reports(
            {name: self.trackers[name] for name in names},
            {group: self.gateways[group] for group in groups},
            {end: self.ends[end] for end in ends},
            whole=wanted is None,
        )

    def believe(self, *, ok: bool, text: str = "") -> None:
        """Believe something else of `a`."""
        self.trackers["a"] = Report("file", ok=ok, since=2, text=text)
        self.channel.changed("a")


class Agent:
    """An agent's end, with what it heard."""

    def __init__(self, run_dir: Path, known: Reports | None = None) -> None:
        """Listen."""
        self.loop, self.heard, self.complaints = loop(), list[Reports](), list[str]()
        self.server = ChecksServer(
            self.loop,
            run_dir,
            lambda _now, some: self.heard.extend(one.reports for one in some if isinstance(one, Checked)),
            lambda: known or Reports(whole=True),
            lambda what, why: self.complaints.append(f"{what}: {why}"),
        )


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    """Return a listening agent."""
    listening = Agent(tmp_path)
    yield listening
    listening.server.close()
    listening.loop.forget()


def turn(agent: Agent, checker: Checker, times: int = 3) -> None:
    """Let both work."""
    for _ in range(times):
        checker.loop.turn()
        agent.loop.turn()


def test_everything_is_told_first_then_what_changes(agent: Agent, tmp_path: Path) -> None:
    """Of several changes meanwhile, the last one."""
    checker = Checker(tmp_path)
    turn(agent, checker, 5)
    assert [one.whole for one in agent.heard] == [True]
    assert agent.heard[0].trackers["a"].ok is True
    assert agent.heard[0].gateways["3"].ok is False
    assert agent.heard[0].ends["link l1"].ok is True
    assert agent.server.pid == os.getpid()
    checker.believe(ok=False)
    checker.believe(ok=True, text="newest")
    checker.channel.changed("3", of=GATEWAY)
    checker.channel.changed("link l1", of=END)
    turn(agent, checker)
    told = [(one.whole, set(one.trackers), set(one.gateways), set(one.ends)) for one in agent.heard[1:]]
    assert told == [(False, {"a"}, {"3"}, {"link l1"})]
    assert agent.heard[1].trackers["a"].text == "newest"
    checker.channel.close()


def test_the_agent_tells_what_it_had_been_told(tmp_path: Path) -> None:
    """So that a checker that begins anew goes on from there."""
    known = Reports({"a": Report("file", ok=False, since=7)}, whole=True)
    agent, checker = Agent(tmp_path, known), Checker(tmp_path)
    turn(agent, checker, 5)
    assert checker.known == [known]
    agent.server.close()
    checker.channel.close()


def test_an_agent_that_comes_later_is_found(tmp_path: Path) -> None:
    """And one that comes after another one has gone."""
    checker = Checker(tmp_path)
    turn_for(checker.loop, 0.1)
    for _ in range(2):
        agent = Agent(tmp_path)

        def both(agent: Agent = agent) -> bool:
            agent.loop.turn()
            return bool(agent.heard)

        turn_until(checker.loop, both)
        assert agent.heard[0].whole
        agent.server.close()
    checker.channel.close()


def test_an_agent_that_does_not_read_grows_nobodys_memory(agent: Agent, tmp_path: Path) -> None:
    """It is told the newest when it reads again."""
    checker = Checker(tmp_path)
    turn(agent, checker, 5)
    for number in range(3000):
        checker.believe(ok=bool(number % 2), text=str(number) * 20)
        checker.loop.turn()
    agent.loop.turn()

    def newest() -> bool:
        agent.loop.turn()
        return agent.heard[-1].trackers["a"].text == ("2999" * 20)

    turn_until(checker.loop, newest)
    assert len(agent.heard) < 3000
    checker.channel.close()


def test_whoever_talks_nonsense_is_hung_up_on(agent: Agent, tmp_path: Path) -> None:
    """At either end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
        stranger.connect(str(tmp_path / CHECKS))
        turn_for(agent.loop, 0.05)
        assert decode(stranger.recv(10_000)) == Reports(whole=True)
        stranger.send(b"nonsense")
        turn_until(agent.loop, lambda: agent.complaints)
        assert agent.complaints == ["take checks: the checker sent no reports: no JSON"]
        assert stranger.recv(10) == b""
    assert agent.server.pid is None


def test_the_newest_checker_is_the_checker(agent: Agent, tmp_path: Path) -> None:
    """An older one, if it still lives, has been replaced."""
    first, second = Checker(tmp_path), Checker(tmp_path)
    turn(agent, first, 5)
    turn(agent, second, 5)
    agent.heard.clear()
    second.believe(ok=False)
    turn(agent, second)
    assert [one.trackers["a"].ok for one in agent.heard] == [False]
    for one in (first, second):
        one.channel.close()


def test_its_place_is_kept(agent: Agent, tmp_path: Path) -> None:
    """Also when somebody empties the run directory."""
    (tmp_path / CHECKS).unlink()
    agent.server.keep()
    checker = Checker(tmp_path)
    turn(agent, checker, 5)
    assert agent.heard
    checker.channel.close()


def test_an_agent_that_says_nothing_is_none(tmp_path: Path) -> None:
    """It is hung up on after a while, and looked for again; one that talks nonsense, at once."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(tmp_path / CHECKS))
        listener.listen()
        checker = Checker(tmp_path)
        turn_for(checker.loop, 0.05)
        first, _ = listener.accept()
        listener.settimeout(5)
        turn_for(checker.loop, 1.3)
        assert first.recv(100) == b""
        second, _ = listener.accept()
        second.send(b"nonsense")
        turn_for(checker.loop, 0.1)
        assert second.recv(100) == b""
        turn_for(checker.loop, 0.2)
        third, _ = listener.accept()
        third.send(encode(Reports(whole=True)))
        turn_for(checker.loop, 0.1)
        assert isinstance(decode(third.recv(10_000)), Reports)
        for one in (first, second, third):
            one.close()
    checker.channel.close()

"""The plug-ins' line from end to end: the agent's server, the checker's end, and a plug-in behind it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.daemon.checking.plugins import Plugins
from linkbalancer.daemon.pluginline import QUESTIONS, SOCKET, encode
from linkbalancer.daemon.plugins import PluginServer
from linkbalancer.engine.effects import Ask
from linkbalancer.links import GroupId
from linkbalancer.weights.metrics import Metrics
from linkbalancer.weights.question import Question, Reply
from linkbalancer.weights.view import Answer, View
from tests.config.plugins import installed
from tests.daemon.checking.turning import loop, turn_for, turn_until


class Agent:
    """An agent's end, with what it heard."""

    def __init__(self, run_dir: Path) -> None:
        """Listen."""
        self.loop, self.heard, self.complaints = loop(), list[Reply](), list[str]()
        self.server = PluginServer(
            self.loop,
            run_dir,
            lambda _now, events: self.heard.extend(reply for event in events for reply in event.replies),
            lambda what, why: self.complaints.append(f"{what}: {why}"),
        )

    def ask(self, *rtts_ms: int, does: str = "") -> None:
        """Ask about VID 1 and so on, each with a round-trip time."""
        self.server.ask(Ask(tuple(question(vid, rtt, does) for vid, rtt in enumerate(rtts_ms, start=1))))

    def weights(self) -> dict[int, float | None]:
        """Return the last answer about each VID."""
        return {one.group.vid: one.answer.weight for one in self.heard}


def question(vid: int, rtt_ms: int, does: str = "") -> Question:
    """Return a question to the plug-in."""
    view = View(group=GroupId(vid), metrics=Metrics(rtt=rtt_ms * MILLISECOND), parameters={"does": does})
    return Question("l1", "trip", view)


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with installed(tmp_path / "installed", monkeypatch, "trip = strange:Trip"):
        yield


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    """Return a listening agent."""
    one = Agent(tmp_path)
    yield one
    one.server.close()
    one.loop.forget()


def both(agent: Agent, plugins: Plugins, until: int) -> None:
    """Turn until the agent has heard so much."""

    def enough() -> bool:
        agent.loop.turn()
        return len(agent.heard) >= until

    turn_until(plugins._loop, enough)


def test_whatever_is_asked_is_answered(agent: Agent, tmp_path: Path) -> None:
    """More than a message holds, also what was asked before anybody came; and what is asked then."""
    agent.ask(*range(2 * QUESTIONS + 6))
    plugins = Plugins(loop(), tmp_path)
    both(agent, plugins, 2 * QUESTIONS + 6)
    assert agent.weights() == {vid: 101.0 - vid for vid in range(1, 2 * QUESTIONS + 7)}
    agent.heard.clear()
    agent.ask(50, 60)
    both(agent, plugins, 2)
    assert agent.weights() == {1: 50.0, 2: 40.0}
    assert agent.complaints == []
    plugins.close()


def test_a_new_asker_is_told_everything_anew(agent: Agent, tmp_path: Path) -> None:
    """When the checker was killed; the newest question about each thing."""
    first = Plugins(loop(), tmp_path)
    agent.ask(10, 20)
    both(agent, first, 2)
    agent.ask(30)
    first.close()
    agent.heard.clear()
    second = Plugins(loop(), tmp_path)
    both(agent, second, 2)
    assert agent.weights() == {1: 70.0, 2: 80.0}
    second.close()


def test_a_new_agent_is_found(agent: Agent, tmp_path: Path) -> None:
    """What its predecessor asked is nobody's concern."""
    plugins = Plugins(loop(), tmp_path)
    agent.ask(10, does="sleep")
    turn_for(agent.loop, 0.1)
    for _ in range(5):
        plugins._loop.turn()
        agent.loop.turn()
    agent.server.close()
    successor = Agent(tmp_path)
    successor.server.ask(Ask((question(2, 20),)))
    both(successor, plugins, 2)
    late, good = successor.heard
    assert {late.group.vid, good.group.vid} == {2}
    assert late.answer.trouble.startswith("no answer within 1 s")
    assert good.answer == Answer(80.0)
    successor.server.close()
    plugins.close()


def test_a_plug_in_that_never_returns_keeps_nobody_waiting(agent: Agent, tmp_path: Path) -> None:
    """Of two plug-ins the other one answers meanwhile."""
    plugins = Plugins(loop(), tmp_path)
    agent.ask(10, does="sleep")
    agent.server.ask(Ask((Question("l1", "nobody", View(group=GroupId(7))),)))
    both(agent, plugins, 1)
    assert [(one.name, one.answer) for one in agent.heard] == [
        ("nobody", Answer(trouble="it cannot be asked: none is installed"))
    ]
    both(agent, plugins, 2)
    assert agent.heard[1].answer.trouble.startswith("no answer within 1 s")
    plugins.close()


@pytest.mark.parametrize("message", [b"no JSON", b'[{"link": 1}]', b"[" * 9000, b"7"])
def test_who_sends_no_replies_is_hung_up_on(agent: Agent, tmp_path: Path, message: bytes) -> None:
    """It is said."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.connect(str(tmp_path / SOCKET))
        agent.loop.turn()
        assert sock.recv(100) == b"[]"
        sock.send(message)
        turn_until(agent.loop, lambda: agent.complaints)
        assert agent.complaints == ["ask plug-ins: the checker sent no replies"]
        assert sock.recv(100) == b""
    assert agent.heard == []


@pytest.mark.parametrize("message", [b"no JSON", b'[{"link": "l1", "name": "x", "view": []}]', b"7"])
def test_an_agent_that_asks_what_makes_no_sense_is_left(tmp_path: Path, message: bytes) -> None:
    """And looked for again."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(tmp_path / SOCKET))
        listener.listen()
        plugins = Plugins(loop(), tmp_path)
        plugins._loop.turn()
        turns = 0
        for _ in range(2):
            turn_until(plugins._loop, lambda: plugins._agent is not None)
            sock, _address = listener.accept()
            sock.send(encode(()))
            sock.send(message)
            turn_until(plugins._loop, lambda: plugins._agent is None)
            sock.close()
            turns += 1
        assert turns == 2
        plugins.close()

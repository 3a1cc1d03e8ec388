"""The feed's server on a real socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.daemon.feed import FeedServer
from linkbalancer.daemon.loop import Loop
from linkbalancer.feed.codec import Applied, Goodbye, Place, decode, encode
from linkbalancer.feed.table import Table, VidEntry


def table(sequence: int, padding: int = 0) -> Table:
    """Return a table."""
    return Table(1, sequence, {}, {}, (VidEntry(1, works=True, master="self", reason="x" * padding),))


class Agent:
    """A server with what it heard and complained of, and a loop that is turned by the test."""

    def __init__(self, path: Path) -> None:
        """Listen."""
        self.heard: list[Applied] = []
        self.complaints: list[str] = []
        self.loop = Loop()
        self.loop.every(5 * MILLISECOND, lambda _now: None)  # so that a turn never waits for long
        self.path = path
        self.server = FeedServer(
            self.loop, path, lambda _now, applied: self.heard.append(applied), self.complaints.append
        )

    def turn(self) -> None:
        """Let the server work."""
        for _ in range(3):
            self.loop.turn()

    def connect(self) -> socket.socket:
        """Return an application's socket."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.settimeout(2)
        sock.connect(str(self.path))
        self.turn()
        return sock


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    """Return a listening agent."""
    listening = Agent(tmp_path / "feed.sock")
    yield listening
    listening.server.close()
    listening.loop.forget()


def test_everybody_gets_the_newest_table(agent: Agent) -> None:
    """Who is there gets each table, who comes later the newest."""
    first = agent.connect()
    agent.server.publish(table(1))
    assert decode(first.recv(10_000)) == table(1)
    agent.server.publish(table(2))
    second = agent.connect()
    assert decode(first.recv(10_000)) == decode(second.recv(10_000)) == table(2)
    first.close()
    second.close()


def test_who_has_answered_gets_what_is_theirs(agent: Agent) -> None:
    """Until then, and by what a process says when it comes, it gets the whole: it may have more to say."""
    entries = (VidEntry(1, works=True, master="self", reason="works"),)

    def tables(sequence: int, *names: str) -> Table:
        return Table(7, sequence, dict.fromkeys(names, 2), dict.fromkeys(names, "dE/+"), entries)

    process = agent.connect()
    process.send(encode(Applied((Place("web", 1, "works"),), 0, 0)))
    agent.turn()
    agent.server.publish(tables(1, "web", "mail", "rest"))
    assert decode(process.recv(10_000)) == tables(1, "web", "mail", "rest")
    process.send(encode(Applied((Place("mail", 1, "works"),), 0, 0)))
    process.send(encode(Applied((Place("mail", 1, "works"),), 7, 1)))
    agent.turn()
    agent.server.publish(tables(2, "web", "mail", "rest"))
    got = decode(process.recv(10_000))
    assert got == tables(2, "web", "mail")
    process.close()


def test_a_process_that_does_not_read_gets_the_newest_later(agent: Agent) -> None:
    """Tables are not queued for a stopped process, and nobody waits for it; once it reads, the newest comes at last."""
    slow, quick = agent.connect(), agent.connect()
    for sequence in range(1, 200):
        agent.server.publish(table(sequence, padding=10_000))
        assert decode(quick.recv(20_000)) == table(sequence, padding=10_000)
    received: list[int] = []
    slow.settimeout(0)
    while not received or received[-1] != 199:
        try:
            message = decode(slow.recv(20_000))
        except BlockingIOError:
            agent.turn()
            continue
        assert isinstance(message, Table)
        received.append(message.sequence)
    assert len(received) < 50
    slow.close()
    quick.close()


def test_what_applications_say(agent: Agent) -> None:
    """A report reaches the agent, and names the process by its credentials."""
    process = agent.connect()
    applied = Applied((Place("web", 2, "works"), Place("mail", None, "nothing works")), 1, 5)
    process.send(encode(applied))
    agent.turn()
    assert agent.heard == [applied]
    assert agent.server.processes() == {"web": os.getpid(), "mail": os.getpid()}
    process.send(encode(Goodbye()))
    agent.turn()
    assert agent.server.processes() == {}
    process.close()


def test_a_newer_process_of_an_application_takes_its_place(agent: Agent) -> None:
    """Who has any application that another process tells of is replaced by it; who has others stays."""
    old, other, new = agent.connect(), agent.connect(), agent.connect()
    old.send(encode(Applied((Place("web", 1, ""), Place("mail", 1, "")), 0, 0)))
    other.send(encode(Applied((Place("voip", 1, ""),), 0, 0)))
    agent.turn()
    new.send(encode(Applied((Place("mail", 2, ""),), 0, 0)))
    agent.turn()
    assert old.recv(10) == b""
    assert agent.server.processes().keys() == {"voip", "mail"}
    for one in (old, other, new):
        one.close()


def test_processes_take_turns(agent: Agent) -> None:
    """A process that has much to say does not keep the agent from others, and nothing of it is lost."""
    talkers = [agent.connect(), agent.connect()]
    for number in range(3):
        for name, process in zip("ab", talkers, strict=True):
            process.send(encode(Applied((Place(f"{name}{number}", 1, ""),), 0, 0)))
    agent.turn()
    heard = [applied.places[0].application for applied in agent.heard]
    assert [name[1] for name in heard] == ["0", "0", "1", "1", "2", "2"]
    assert sorted(heard) == ["a0", "a1", "a2", "b0", "b1", "b2"]
    for process in talkers:
        process.close()


@pytest.mark.parametrize("nonsense", [b"hello", encode(table(1))])
def test_a_confused_process_is_dropped(agent: Agent, nonsense: bytes) -> None:
    """What is no message for the agent ends that connection, with a complaint, and no other."""
    good, bad = agent.connect(), agent.connect()
    bad.send(nonsense)
    agent.turn()
    assert bad.recv(10) == b""
    assert len(agent.complaints) == 1
    agent.server.publish(table(1))
    assert decode(good.recv(10_000)) == table(1)
    good.close()
    bad.close()


def test_dead_processes_are_forgotten(agent: Agent) -> None:
    """A closed connection is dropped, also when it is noticed by sending."""
    process = agent.connect()
    process.send(encode(Applied((Place("web", None, ""),), 0, 0)))
    process.close()
    agent.server.publish(table(1))
    agent.turn()
    agent.server.publish(table(2))
    assert agent.server.processes() == {}


def test_the_socket_of_a_dead_predecessor_is_replaced(agent: Agent) -> None:
    """A new agent listens at the same path; only its owner may connect."""
    agent.server.close()
    successor = Agent(agent.path)
    process = successor.connect()
    successor.server.publish(table(7))
    assert decode(process.recv(10_000)) == table(7)
    assert agent.path.stat().st_mode & 0o777 == 0o600
    process.close()
    successor.server.close()
    successor.loop.forget()

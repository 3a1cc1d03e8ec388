"""The agent's flight recording: nothing waits for it, and whatever becomes of the recorder, what is there is true."""

import json
import os
import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.config.load import Loaded
from linkbalancer.config.surroundings import FlightRecording
from linkbalancer.daemon import flight
from linkbalancer.daemon.flight import FlightRecorder
from linkbalancer.daemon.flightfiles import FlightFiles, recordings
from linkbalancer.daemon.flightline import SOCKET
from linkbalancer.daemon.loop import Loop
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.events import DeviceChanged, Started, Tick
from linkbalancer.engine.flight.seed import Start
from linkbalancer.engine.flight.tape import Tape
from linkbalancer.engine.found import Found
from linkbalancer.lvrrp.keys import Key
from linkbalancer.sim.replay import Replay, Step
from linkbalancer.sim.shape import LAN_DEVICE, LINK_DEVICE, Shape, lan_address, link_address
from linkbalancer.sim.wire import NEAR
from tests.daemon.waiting import until
from tests.engine.flight.flown import config_of

SECRET = b"the secret of l1, as both know"
BEGAN = 10**12


class Flight:
    """An agent that is recorded, by a clock that stands still, and the recorder's side of it."""

    def __init__(self, directory: Path, *, keep: int = 3, size: int = 1 << 20) -> None:
        self.loaded: Loaded = config_of(Shape(), "b1")
        self.now, self.directory = BEGAN, directory
        self.complaints: list[tuple[str, str]] = []
        self.loop = Loop(lambda: self.now)
        keys = {"l1": (Key(1, SECRET),)}
        self.one = FlightRecorder(self.loop, directory, self.loaded, keys, lambda *what: self.complaints.append(what))
        self.one._plan = FlightRecording.model_construct(keep=keep, size=size)
        self.files = FlightFiles(directory / "flight", "nobody", lambda what: self.complaints.append(("files", what)))
        self.sock: socket.socket | None = None

    def listen(self) -> None:
        """Be the recorder."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(self.directory / SOCKET))
        self.sock.settimeout(0)

    def hang_up(self) -> None:
        """Be the recorder no more."""
        assert self.sock is not None
        self.sock.close()
        self.sock = None
        (self.directory / SOCKET).unlink()

    def begin(self) -> Agent:
        """Make the agent, and start it."""
        found = Found()
        agent = self.one.begin(Start({"app1": 2, "app2": 3, "rest": 4}, 7, self.now, found))
        for device, address in ((LAN_DEVICE, lan_address(NEAR, 1)), (LINK_DEVICE, link_address(NEAR, 1))):
            self.one.handle(self.now, DeviceChanged(device, carrier=True, primary=address))
        self.one.handle(self.now, Started())
        return agent

    def live(self, agent: Agent, ms: int) -> None:
        """Let time pass, with a tick at each of the agent's deadlines and a turn at each of the recording's."""
        until_ = self.now + ms * MILLISECOND
        while True:
            due, mine = agent.deadline(), self.one.deadline()
            at = min(one for one in (due, mine, until_) if one is not None)
            if at >= until_:
                break
            self.now = max(self.now, at)
            if due is not None and due <= self.now:
                self.one.handle(self.now, Tick())
            if mine is not None and mine <= self.now:
                self.one.expire(self.now)
                if self.sock is not None:
                    self.read()
        self.now = until_

    def read(self) -> int:
        """Take what came; return how many datagrams."""
        assert self.sock is not None
        taken = 0
        while True:
            try:
                self.files.take(self.sock.recv(1 << 18))
            except BlockingIOError:
                break
            taken += 1
        self.files.write()
        return taken

    def heads(self, count: int) -> None:
        """Wait until so many recordings have begun on disk."""
        folder = self.directory / "flight"
        until(self.head_is_sent)
        until(lambda: (self.read() or True) and folder.exists() and len(recordings(folder)) == count)

    def head_is_sent(self) -> bool:
        """Let the child be seen to end, as the loop would."""
        child = self.one._errand._child
        if self.sock is not None:
            self.read()
        if child is not None and select.select([child], [], [], 0)[0]:
            self.one._errand._reap(self.now)
        return not self.one._errand.under_way

    def tapes(self) -> list[bytes]:
        """Return the newest recording's lines."""
        return recordings(self.directory / "flight")[-1].read_bytes().splitlines(keepends=True)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Flight]]:
    """Return what makes one."""
    made: list[Flight] = []

    def one(**plan: int) -> Flight:
        made.append(Flight(tmp_path, **plan))
        return made[-1]

    yield one
    for flight_ in made:
        flight_.one.close()
        flight_.files.close()
        if flight_.sock is not None:
            flight_.sock.close()


def replayed(lines: list[bytes]) -> list[Step]:
    """Replay lines; return the steps, none of which differs."""
    steps = list(Replay(Tape(lines)).steps())
    assert [step.differs for step in steps if step.differs] == []
    return steps


def test_a_start_is_recorded_though_the_recorder_comes_late(make: Callable[..., Flight]) -> None:
    """What is decided before anybody listens waits; keys are nowhere in the file."""
    one = make()
    agent = one.begin()
    one.live(agent, 2000)
    one.listen()
    one.live(agent, 1000)
    one.heads(1)
    one.live(agent, 1000)
    one.one.close()
    one.read()
    steps = replayed(one.tapes())
    text = b"".join(one.tapes())

    assert isinstance(steps[2].input.event, Started)
    assert steps[-1].now > BEGAN + 3500 * MILLISECOND
    assert json.loads(one.tapes()[0])["begins"] == "start"
    assert SECRET.hex().encode() not in text
    assert SECRET not in text
    assert one.complaints == []


def test_a_long_recording_is_followed_by_the_next(make: Callable[..., Flight]) -> None:
    """After so many bytes the next one begins with the agent as it is; not sooner than a minute after the last."""
    one = make(size=4000)
    one.listen()
    agent = one.begin()
    one.live(agent, 1000)
    one.heads(1)
    one.live(agent, 50_000)
    one.read()
    first = replayed(one.tapes())[-1].now
    one.live(agent, 12_000)
    one.heads(2)
    one.live(agent, 3000)
    one.read()
    steps = replayed(one.tapes())

    assert first < BEGAN + 50 * SECOND
    assert json.loads(one.tapes()[0])["begins"] == "state"
    assert steps[-1].now > BEGAN + 62 * SECOND


def test_a_recorder_that_dies_ends_the_recording(make: Callable[..., Flight]) -> None:
    """The next one begins as soon as another listens."""
    one = make()
    one.listen()
    agent = one.begin()
    one.live(agent, 2000)
    one.heads(1)
    one.hang_up()
    one.live(agent, 3000)
    one.listen()
    one.live(agent, 3000)
    one.heads(2)
    one.live(agent, 1000)
    one.read()
    steps = replayed(one.tapes())

    assert steps[0].now > BEGAN + 5 * SECOND
    assert json.loads(one.tapes()[0])["begins"] == "state"


def test_what_nobody_takes_is_lost_and_said(make: Callable[..., Flight], monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder that reads nothing: memory is bounded, and the recording says what is missing."""
    monkeypatch.setattr(flight, "WAITING", 40)
    monkeypatch.setattr(flight, "UNSENT", 2000)
    one = make()
    agent = one.begin()
    one.live(agent, 30_000)
    one.listen()
    one.live(agent, 2000)
    one.heads(1)
    tape = Tape(one.tapes())
    replay = Replay(tape)

    assert not any(step.differs for step in replay.steps())
    assert replay.lost > 100
    one.live(agent, 62_000)
    one.heads(2)


def test_what_the_agent_dies_of_is_recorded(make: Callable[..., Flight], monkeypatch: pytest.MonkeyPatch) -> None:
    """The last input is the one that killed it, also in its first moments."""
    one = make()
    one.listen()
    agent = one.one.begin(Start({"app1": 2, "app2": 3, "rest": 4}, 7, one.now, Found()))

    def fail(_now: int, _event: object) -> None:
        raise KeyError("eth7")

    monkeypatch.setattr(os, "nice", lambda _by: 0)
    monkeypatch.setattr(os, "sched_setscheduler", lambda *_how: None)
    monkeypatch.setattr(agent, "_handle", fail)
    with pytest.raises(KeyError):
        one.one.handle(one.now, Started())
    one.heads(1)
    (step,) = Replay(Tape(one.tapes())).steps()

    assert step.then() == ("died KeyError: 'eth7'",)
    assert step.differs == "other decisions"


def test_nothing_is_recorded_where_that_is_off(make: Callable[..., Flight]) -> None:
    """`keep: 0`: the agent works, and nobody is told anything."""
    one = make(keep=0)
    one.listen()
    agent = one.begin()
    one.live(agent, 2000)

    assert (one.one.deadline(), one.read()) == (None, 0)
    assert agent.status(one.now)["node"] == "b1"


def test_what_cannot_be_written_down_is_said(make: Callable[..., Flight]) -> None:
    """Once a minute, and the agent goes on."""
    one = make()
    one.loaded.texts["linkbalancer.yaml"] += "start_delay: 1s\n"  # type: ignore[index]
    one.listen()
    agent = one.begin()
    one.live(agent, 1000)
    until(lambda: one.head_is_sent() and bool(one.complaints), 5)

    assert one.complaints[0][0] == "begin a flight recording"
    assert "block style" in one.complaints[0][1]
    one.live(agent, 5000)

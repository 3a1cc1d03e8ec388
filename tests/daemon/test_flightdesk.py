"""The recorder's end of the flight recordings' line: found again, and told what an agent left that was killed."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.daemon.flightdesk import AGENTS, FlightDesk
from linkbalancer.daemon.flightline import introduction, lines_of
from linkbalancer.daemon.flightmemory import FlightMemory
from linkbalancer.daemon.loop import Loop
from linkbalancer.engine.events import Tick
from linkbalancer.engine.flight.tape import Tape
from linkbalancer.sim.replay import Replay, Step
from tests.daemon.test_flight import Flight
from tests.daemon.test_flightfiles import Desk, desk, recorder
from tests.daemon.waiting import until
from tests.engine.flight.flown import Recorder

__all__ = ["desk", "recorder"]


@pytest.fixture
def open_desk(desk: Desk, tmp_path: Path) -> Iterator[tuple[Loop, FlightDesk]]:
    """Return a desk with its socket and thread."""
    loop = Loop()
    open_desk = FlightDesk(loop, tmp_path / "flight.sock", desk.files)
    yield loop, open_desk
    open_desk.end()


def test_the_socket_is_found_again(
    desk: Desk, open_desk: tuple[Loop, FlightDesk], tmp_path: Path, recorder: Recorder
) -> None:
    """Somebody emptied the run directory: the next beat listens anew; the thread writes what comes."""
    loop, one = open_desk
    path = tmp_path / "flight.sock"
    one.keep()
    path.unlink()
    one.keep()
    desk.head(1, recorder)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(str(path))
        lines = [line.decode().rstrip("\n") for line in recorder.lines()[1:-1]]
        sock.send(lines_of(1, 0, lines[:20]))
    loop.every(10**7, lambda _now: None)
    loop.turn()
    until(lambda: desk.folder.exists() and desk.paths() and desk.paths()[0].stat().st_size > 1000)

    assert os.access(path, os.W_OK)


def turning(loop: Loop, condition: Callable[[], object]) -> None:
    """Turn until something is so."""

    def turned() -> object:
        loop.turn()
        return condition()

    until(turned)


def steps(desk: Desk) -> list[Step]:
    """Return what the newest recording replays to; nothing while its writer has only made the file."""
    lines = desk.paths()[-1].read_bytes().splitlines(keepends=True)
    return list(Replay(Tape(lines)).steps()) if len(lines) > 1 else []


def handled_after_the_last_datagram(directory: Path, told: int) -> None:
    """Be an agent that is recorded, hears something after it has sent what it had, and does nothing more."""
    one = Flight(directory)
    agent = one.begin()
    one.live(agent, 1000)
    until(one.head_is_sent)
    one.live(agent, 2000)
    one.one.expire(one.now)
    for _ in range(700):
        one.now += MILLISECOND
        one.one.handle(one.now, Tick())
        one.one.keep()
    os.write(told, f"{one.now} {one.one._number}".encode())
    time.sleep(60)


def test_what_a_killed_agent_had_handled_is_on_disk(
    desk: Desk, open_desk: tuple[Loop, FlightDesk], tmp_path: Path
) -> None:
    """By SIGKILL, at any instant, whatever it had put off: all of it, up to the last input, and it replays."""
    loop, _ = open_desk
    loop.every(5 * MILLISECOND, lambda _now: None)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            handled_after_the_last_datagram(tmp_path, writing)
        finally:
            os._exit(1)
    os.set_blocking(reading, False)
    said: list[str] = []

    def has_said() -> bool:
        try:
            said.append(os.read(reading, 100).decode())
        except BlockingIOError:
            return False
        return True

    turning(loop, has_said)
    last, _sent = map(int, said[0].split())
    turning(loop, lambda: desk.folder.exists() and desk.paths() and steps(desk))
    before = steps(desk)
    assert before[-1].now < last - 500 * MILLISECOND, "or there is nothing to prove"
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

    def whole() -> bool:
        found = steps(desk)
        assert not any(step.differs for step in found)
        return found[-1].now == last

    turning(loop, whole)
    os.close(reading)
    os.close(writing)


def test_who_introduces_itself_again_and_again_fills_nothing(
    open_desk: tuple[Loop, FlightDesk], tmp_path: Path
) -> None:
    """So many are waited for; what comes without descriptors is nobody."""
    loop, one = open_desk
    loop.every(10**7, lambda _now: None)
    memory = FlightMemory()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(str(tmp_path / "flight.sock"))
        sock.send(introduction())
        for _ in range(2 * AGENTS):
            process = os.pidfd_open(os.getpid())
            socket.send_fds(sock, [introduction()], [process, memory.descriptor])
            os.close(process)
            loop.turn()
    assert len(one._agents) == AGENTS
    memory.close()

"""A real gateway's agent is killed with -9: its recording is whole to the last input whose effects were done.

Who knows what it did is the link: every datagram that it sent is caught there, before and at the moment of its death.
"""

import gzip
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.engine.effects import SendDatagram
from linkbalancer.engine.flight.tape import Tape
from linkbalancer.lab.lab import Lab, opened
from linkbalancer.lab.linkfaults import silent
from linkbalancer.lvrrp.packet import TAG_LENGTH
from linkbalancer.lvrrp.settings import DEFAULT_PORT
from linkbalancer.sim.replay import Replay, Step
from tests.daemon.waiting import until
from tests.lab.example import EXAMPLE
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

PATIENCE_S = 60
HEADERS = 14 + 20 + 8
PUT_OFF = 400 * MILLISECOND
"""The agent is killed when so much of its time is on no disk: what led to nothing new is sent once a second."""


class Ear(threading.Thread):
    """Whoever stands at the far end of b1's link, and writes down each datagram that comes from it, without its tag."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(daemon=True)
        self.heard: list[bytes] = []
        self._over = threading.Event()
        link = lab.topology.gateways["b1"].links["l1"]
        self._from = socket.inet_aton(str(link.local))
        with Namespace.known(lab.run.namespace("f1")).entered():
            self._tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self._tap.bind((lab.topology.gateways["f1"].links["l1"].device, 0))
        self._tap.settimeout(0.1)

    def run(self) -> None:
        """Listen until told otherwise."""
        while not self._over.is_set():
            try:
                frame = self._tap.recv(2048)
            except TimeoutError:
                continue
            (port,) = struct.unpack_from("!H", frame, HEADERS - 6)
            if frame[23] == socket.IPPROTO_UDP and frame[26:30] == self._from and port == DEFAULT_PORT:
                self.heard.append(frame[HEADERS:-TAG_LENGTH])
        self._tap.close()

    def end(self) -> None:
        """Listen no more."""
        self._over.set()
        self.join()


@contextmanager
def listening(lab: Lab) -> Iterator[Ear]:
    """Have an ear on the link."""
    ear = Ear(lab)
    ear.start()
    try:
        yield ear
    finally:
        ear.end()


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Return the two-link example at work, every link open."""
    with opened(EXAMPLE) as lab:
        lab.start()
        until(lambda: links_open(lab) == {"b1": True, "b2": True, "f1": True, "f2": True}, PATIENCE_S)
        yield lab


def links_open(lab: Lab) -> dict[str, bool]:
    """Return whether each gateway's link is open."""
    return {
        node: status is not None and status["links"][f"l{node[1]}"]["open"] for node, status in lab.statuses().items()
    }


def recordings(lab: Lab) -> list[str]:
    """Return the names of b1's recordings, oldest first; what is finished is compressed sooner or later."""
    folder = lab.services["b1"]._state_dir / "flight"
    return sorted(path.name.removesuffix(".gz") for path in folder.glob("*.jsonl*"))


def file_of(lab: Lab, name: str) -> Path:
    """Return where a recording is now."""
    path = lab.services["b1"]._state_dir / "flight" / name
    return path if path.exists() else path.with_name(f"{name}.gz")


def steps(path: Path) -> list[Step]:
    """Replay what is on disk of a recording."""
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return list(Replay(Tape(text.splitlines(keepends=True))).steps())


def said(found: list[Step]) -> list[bytes]:
    """Return the datagrams that a gateway decided to send, without tags."""
    effects = (effect for step in found for effect in step.effects)
    return [effect.data[:-TAG_LENGTH] for effect in effects if isinstance(effect, SendDatagram)]


def boottime() -> int:
    """Return the clock of the inputs."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Killed:
    """How an agent ended: the last instant that was on the disk, the one of the kill, and what it had sent by then."""

    behind: int
    at: int
    sent: list[bytes]


def killed_with_something_put_off(lab: Lab, path: Path, ear: Ear) -> Killed:
    """Kill b1's agent when the disk is behind."""
    pid = lab.services["b1"].processes()["agent"]
    since, size = boottime(), -1
    while boottime() - since < PUT_OFF:
        if path.stat().st_size != size:
            since, size = boottime(), path.stat().st_size
        time.sleep(0.01)
    os.kill(pid, signal.SIGSTOP)  # nothing more comes while the disk is looked at, and nothing of it is sent
    behind = steps(path)[-1].now
    killed = Killed(behind, boottime(), list(ear.heard))
    os.kill(pid, signal.SIGKILL)
    return killed


def test_the_recording_of_a_killed_agent_is_whole(lab: Lab) -> None:
    """It has seen a link fall silent and come back; every datagram that left it is decided again, down to the last."""
    fault = silent(lab.topology.links[0])
    with listening(lab) as ear:
        until(lambda: recordings(lab), PATIENCE_S, "it is recorded")
        (name,) = recordings(lab)
        fault.strike(lab)
        until(lambda: not links_open(lab)["b1"], PATIENCE_S, "the silence is noticed")
        fault.heal(lab)
        until(lambda: all(links_open(lab).values()), PATIENCE_S, "the link is back")
        killed = killed_with_something_put_off(lab, file_of(lab, name), ear)
        until(lambda: links_open(lab)["b1"] and len(recordings(lab)) > 1, PATIENCE_S, "another agent is there")

    path = file_of(lab, name)
    found = steps(path)
    assert not any(step.differs for step in found)
    assert killed.behind < found[-1].now <= killed.at, "what the disk did not have is there"
    decided = said(found)
    assert killed.sent[-1] == decided[-1], "the last that left it"
    assert len(killed.sent) > 8
    assert [decided.index(data) for data in killed.sent] == sorted({decided.index(data) for data in killed.sent})
    done = subprocess.run(
        [sys.executable, "-m", "linkbalancer", "replay", "--json", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["same"], answer["diverged"], answer["lost"]) == (0, True, None, 0)
    assert answer["inputs"] == len(found)
    kinds = [record["kind"] for step in answer["steps"] for record in step["records"]]
    assert {"started", "link-opened", "link-closed"} <= set(kinds)

"""Tests of the bridge to a Keepalived and of the agent's end of it: in one loop, a writer in Keepalived's place."""

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.clock import MILLISECOND, SECOND, Instant
from linkbalancer.config.load import load
from linkbalancer.daemon.bridging import Delegation, KeepalivedBridge
from linkbalancer.daemon.delegation import KeepalivedServer
from linkbalancer.daemon.keepalivedline import SOCKET
from linkbalancer.daemon.loop import Loop
from linkbalancer.engine.delegate import Delegate, KeepalivedSaid
from linkbalancer.engine.events import KeepalivedSays
from linkbalancer.engine.membership import Membership
from linkbalancer.links import GroupId, GroupState
from linkbalancer.vrrp.events import SetPriority, Startup
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.observer import Observer

ONE = GroupId(1)
PATIENCE = 15 * SECOND


class Office:
    """Both ends, and what they say."""

    def __init__(self, directory: Path) -> None:
        self.run_dir = directory
        self.loop = Loop()
        self.loop.every(10 * MILLISECOND, lambda _now: None)
        self.said: list[KeepalivedSays] = []
        self.complaints: list[tuple[str, str]] = []
        group = Group(
            vid=1, device="eth0", virtual_ips=(IPv4Interface("192.0.2.1/24"),), priority=100, advert_interval=SECOND
        )
        self.delegate = Delegate(group)
        self.members = {ONE: Membership(group, None, self.delegate, Observer(group))}
        track, fifo = directory / "track", directory / "track" / "notify"
        self.delegation = Delegation(fifo, track, {"V": ONE}, {ONE: 100}, {ONE: IPv4Address("192.0.2.1")})
        self.server: KeepalivedServer | None = None
        self.bridge: KeepalivedBridge | None = None
        self.writer: int | None = None

    def serve(self) -> KeepalivedServer:
        """Be the agent."""
        self.server = KeepalivedServer(self.loop, self.run_dir, self._take, lambda: self.members, self._complain)
        return self.server

    def connect(self) -> KeepalivedBridge:
        """Be the bridge."""
        self.bridge = KeepalivedBridge(self.loop, self.run_dir, self.delegation, self._complain)
        return self.bridge

    def keepalived(self, *lines: str) -> None:
        """Write as Keepalived does, and keep the FIFO open."""
        if self.writer is None:
            self.writer = os.open(self.delegation.fifo, os.O_RDWR | os.O_NONBLOCK)
        os.write(self.writer, "".join(f"{line}\n" for line in lines).encode())

    def end_keepalived(self) -> None:
        """Let it end."""
        if self.writer is not None:
            os.close(self.writer)
            self.writer = None

    def until(self, condition: Callable[[], Any]) -> None:
        """Turn the loop until something is so."""
        end = self.loop.clock() + PATIENCE
        while not condition():
            assert self.loop.clock() < end, "it never came about"
            self.loop.turn()

    def number(self) -> str | None:
        """Return what the track file holds."""
        file = self.delegation.track_dir / "1"
        return file.read_text() if file.exists() else None

    def _take(self, now: Instant, events: Iterable[KeepalivedSays]) -> None:
        for event in events:
            self.said.append(event)
            self.delegate.handle(now, KeepalivedSaid(event.state, event.priority))

    def _complain(self, what: str, why: str) -> None:
        self.complaints.append((what, why))

    def close(self) -> None:
        """End everything."""
        self.end_keepalived()
        for one in (self.server, self.bridge):
            if one is not None:
                one.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Return both ends' office."""
    office = Office(tmp_path)
    yield office
    office.close()


def test_what_is_asked_for_is_in_the_file(office: Office) -> None:
    """From the greeting, and whenever it changes."""
    office.delegate.handle(0, Startup(150))
    server = office.serve()
    office.connect()
    office.until(lambda: office.number() == "50\n")
    office.delegate.handle(0, SetPriority(90))
    server.steer()

    office.until(lambda: office.number() == "-10\n")


def test_what_keepalived_says_reaches_the_agent(office: Office) -> None:
    """Stopped without it; then its lines; then stopped again when it is gone."""
    office.serve()
    office.connect()
    office.until(lambda: office.delegate.said is GroupState.STOPPED)
    office.keepalived('INSTANCE "V" BACKUP 100', 'INSTANCE "V" MASTER 120')
    office.until(lambda: office.delegate.said is GroupState.MASTER)
    assert 120 == office.delegate.said_priority
    office.end_keepalived()

    office.until(lambda: office.delegate.said is GroupState.STOPPED)


def test_a_new_agent_is_told_everything(office: Office) -> None:
    """The bridge finds it where the old one was."""
    office.serve().close()
    office.connect()
    office.serve()
    office.until(lambda: office.delegate.said is GroupState.STOPPED)
    office.keepalived('INSTANCE "V" MASTER 120')
    office.until(lambda: office.delegate.said is GroupState.MASTER)
    assert office.server is not None
    office.server.close()
    office.delegate.said = GroupState.UNKNOWN
    office.serve()

    office.until(lambda: office.delegate.said is GroupState.MASTER)


def test_a_new_bridge_goes_on_from_what_was_said(office: Office) -> None:
    """A fault has neither lines nor addresses to tell of it."""
    office.serve()
    first = office.connect()
    office.until(lambda: office.delegate.said is GroupState.STOPPED)
    office.keepalived('INSTANCE "V" FAULT 100')
    office.until(lambda: office.delegate.said is GroupState.FAULT)
    first.close()
    office.said.clear()
    office.connect()

    office.until(lambda: office.said)
    assert [KeepalivedSays(ONE, GroupState.FAULT, 100)] == office.said


def test_another_fifo_is_found(office: Office) -> None:
    """Keepalived may make its own."""
    office.serve()
    office.connect()
    office.until(office.delegation.fifo.exists)
    office.delegation.fifo.unlink()
    os.mkfifo(office.delegation.fifo)
    office.keepalived('INSTANCE "V" MASTER 120')

    office.until(lambda: office.delegate.said is GroupState.MASTER)


def test_what_cannot_be_done_is_said_once(office: Office) -> None:
    """And tried again: a second later it may go."""
    office.delegate.handle(0, Startup(150))
    office.run_dir.joinpath("track").write_text("no folder\n")
    office.serve()
    office.connect()
    office.until(lambda: len(office.complaints) == 2)
    office.run_dir.joinpath("track").unlink()

    office.until(lambda: office.number() == "50\n")
    assert 2 == len(office.complaints)


@pytest.mark.parametrize("data", [b"nonsense", b"{}", b""])
def test_who_talks_nonsense_is_dropped(office: Office, data: bytes) -> None:
    """Nobody else is to be heard there, and nothing is believed."""
    office.serve()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
        stranger.connect(str(office.run_dir / SOCKET))
        office.loop.turn()
        stranger.settimeout(5)
        assert stranger.recv(1000)
        stranger.send(data or b"{")
        office.loop.turn()
        assert b"" == stranger.recv(1000)

    assert [] == office.said


def test_the_configuration_says_what_is_bridged(tmp_path: Path) -> None:
    """The groups of that mode alone."""
    text = (
        "node: b1\nrole: standalone\ngroups:\n"
        "  1: {mode: keepalived, instance: V, device: eth0, virtual_ips: [192.0.2.1/24], priority: 150}\n"
        "  2: {device: eth0, virtual_ips: [192.0.2.2/24]}\n"
    )
    delegation = Delegation.of(load("linkbalancer.yaml", lambda _: text), tmp_path)

    assert (
        Delegation(
            tmp_path / "keepalived" / "notify",
            tmp_path / "keepalived",
            {"V": ONE},
            {ONE: 150},
            {ONE: IPv4Address("192.0.2.1")},
        )
        == delegation
    )

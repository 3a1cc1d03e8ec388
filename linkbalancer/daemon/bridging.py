"""The bridge to the Keepalived on this host: its FIFO is read, its track files are written, and the agent is told.

It does what may block (files on a disk, somebody else's FIFO) and so lives in the checker's process, never in the
agent. When it dies Keepalived goes on as it is, and the agent with what it had been told; the next one begins with
that.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant, earliest
from linkbalancer.config.keepalived.section import MODE
from linkbalancer.config.load import Loaded
from linkbalancer.config.rendering import places
from linkbalancer.daemon.keepalivedline import LIMIT, SOCKET, Told, decode, encode
from linkbalancer.daemon.loop import Loop
from linkbalancer.drivers import trackfiles
from linkbalancer.drivers.errors import DriverError
from linkbalancer.engine.bridge import Bridge, Closed, Line, Opened, Tick, number_for
from linkbalancer.engine.delegate import Steer
from linkbalancer.host.notifyfifo import NotifyFifo, groups_present
from linkbalancer.links import Address, GroupId

AGAIN: Final[Duration] = 20 * MILLISECOND
"""How soon an agent that is not there is looked for again."""

LOOK: Final[Duration] = SECOND
"""How often the FIFO is looked at: whether it is still the one at the path, and whether Keepalived has it open."""


@dataclass(frozen=True, slots=True)
class Delegation:
    """The groups whose VRRP a Keepalived runs: their instances, base priorities and first addresses; and where."""

    fifo: Path
    track_dir: Path
    instances: dict[str, GroupId]
    bases: dict[GroupId, int]
    addresses: dict[GroupId, Address]

    @classmethod
    def of(cls, loaded: Loaded, run_dir: Path) -> Self:
        """Return what a configuration says of them."""
        config = loaded.config
        groups = {group: one for group, one in config.groups.items() if one.mode == MODE}
        fifo, track_dir = places(loaded, str(run_dir))
        return cls(
            Path(fifo),
            Path(track_dir),
            {one.instance: group for group, one in groups.items() if one.instance is not None},
            {group: one.priority for group, one in groups.items()},
            {group: one.vrrp(group).virtual_ips[0].ip for group, one in groups.items()},
        )


class KeepalivedBridge:
    """A source of the loop.

    Args:
        loop: what turns.
        run_dir: where the agent listens.
        delegation: what is bridged.
        complain: told what cannot be done, and why; the same thing once, until it can be done again.
    """

    def __init__(self, loop: Loop, run_dir: Path, delegation: Delegation, complain: Callable[[str, str], None]) -> None:
        self._loop, self._path, self._delegation, self._complain = loop, str(run_dir / SOCKET), delegation, complain
        self._bridge = Bridge(delegation.instances)
        self._fifo = NotifyFifo(delegation.fifo)
        self._asked: dict[GroupId, Steer] = {}
        self._agent: socket.socket | None = None
        self._begun = self._greeted = False
        self._connect_at: Instant | None = loop.clock()
        self._look_at: Instant | None = None
        self._complained: set[str] = set()
        loop.watch(self)

    def deadline(self) -> Instant | None:
        """Return when something is due."""
        return earliest(self._connect_at, self._look_at, self._bridge.deadline())

    def expire(self, now: Instant) -> None:
        """Do what is due."""
        if self._connect_at is not None and now >= self._connect_at:
            self._connect(now)
        if self._look_at is not None and now >= self._look_at:
            self._look(now)
        gone_at = self._bridge.deadline()
        if gone_at is not None and now >= gone_at:
            self._tell(self._bridge.handle(now, Tick()))

    def close(self) -> None:
        """Hang up; Keepalived goes on as it is."""
        self._hang_up()
        self._loop.remove(self._fifo)
        self._fifo.close()

    # -- the agent ---------------------------------------------------------------------------------------------------

    def _connect(self, now: Instant) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.settimeout(0)
        try:
            sock.connect(self._path)
        except OSError:
            sock.close()
            self._connect_at = now + AGAIN
            return
        self._agent, self._connect_at, self._greeted = sock, None, False
        self._loop.add(sock, self._hear_agent)

    def _hang_up(self) -> None:
        if self._agent is not None:
            self._loop.remove(self._agent)
            self._agent.close()
            self._agent = None

    def _hear_agent(self, now: Instant) -> None:
        while self._agent is not None:
            try:
                data = self._agent.recv(LIMIT)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            told = decode(data)
            if told is None:
                self._hang_up()
                self._connect_at = now  # a successor of the agent listens already
                return
            self._take(now, told)

    def _take(self, now: Instant, told: Told) -> None:
        """Do what the agent asks for; begin with what it had been told, and tell an agent that is new everything."""
        self._asked.update((group, steer) for group, steer in told.asked.items() if group in self._delegation.bases)
        self._write()
        if not self._begun:
            self._begun = True
            known = self._delegation.instances.values()
            self._bridge.words.update((group, word) for group, word in told.said.items() if group in known)
            self._look(now)
        if not self._greeted:
            self._greeted = True
            self._tell(list(self._bridge.words))

    def _tell(self, groups: list[GroupId]) -> None:
        if self._agent is None or not groups:
            return
        words = self._bridge.words
        try:
            self._agent.send(encode(Told(said={group: words[group] for group in groups})), socket.MSG_NOSIGNAL)
        except OSError:
            # Reading tells when it is gone; one that does not read is to ask anew.
            self._hang_up()
            self._connect_at = self._loop.clock() + AGAIN

    # -- Keepalived --------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        """Have every track file hold the number that was asked for."""
        for group, steer in self._asked.items():
            number = number_for(steer.priority, self._delegation.bases[group])
            try:
                trackfiles.write(self._delegation.track_dir, group, number)
            except DriverError as error:
                self._cannot("move Keepalived's priority", str(error))
            else:
                self._complained.discard("move Keepalived's priority")

    def _look(self, now: Instant) -> None:
        """See that the FIFO is there and read, and that the track files hold what they are to hold."""
        self._look_at = now + LOOK
        self._write()
        if self._fifo.stands or self._open():
            self._read(now)

    def _open(self) -> bool:
        """Open the FIFO that is at the path now; whether it could be opened."""
        self._loop.remove(self._fifo)
        try:
            self._fifo.open()
        except OSError as error:
            self._cannot("read Keepalived's FIFO", str(error))
            return False
        self._complained.discard("read Keepalived's FIFO")
        self._loop.add(self._fifo, self._read)
        return True

    def _read(self, now: Instant) -> None:
        """Take what Keepalived has written, and notice whether it is there at all."""
        changed: list[GroupId] = []
        while lines := self._fifo.read():
            for line in lines:
                changed += self._bridge.handle(now, Line(line))
        if lines is None:
            changed += self._bridge.handle(now, Closed())
            self._open()  # a descriptor whose writer has gone is readable for ever
        elif not self._bridge.is_open:
            changed += self._bridge.handle(now, Opened(self._present()))
            self._write()
        self._tell(list(dict.fromkeys(changed)))

    def _present(self) -> set[GroupId]:
        try:
            return groups_present(self._delegation.addresses)
        except OSError as error:
            self._cannot("look for the virtual IPs", str(error))
            return set()

    def _cannot(self, what: str, why: str) -> None:
        if what not in self._complained:
            self._complained.add(what)
            self._complain(what, why)

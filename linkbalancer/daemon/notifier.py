"""The notifier's process: hears what happens from those whom it happens to, and tells whoever asked to be told.

Nobody waits for it. What waits for a receiver is kept in the run directory, so that a killed notifier loses nothing;
what was being told when it died is told again: a receiver may hear something twice, by one id, but never not at all.
"""

import gc
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path

from linkbalancer.clock import MILLISECOND, Duration, Instant, in_words
from linkbalancer.config.load import Loaded
from linkbalancer.config.topics import Topic
from linkbalancer.daemon import logs
from linkbalancer.daemon.addressee import Addressee
from linkbalancer.daemon.courier import Courier, Receiver
from linkbalancer.daemon.lifeline import Hangup, Lifeline
from linkbalancer.daemon.listening import bound, identity
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.mailbag import Mailbag
from linkbalancer.daemon.recording import NOTIFIER, Recording, understood
from linkbalancer.daemon.requests import Request
from linkbalancer.daemon.server import RequestServer
from linkbalancer.daemon.zygote import CALM_BEAT
from linkbalancer.drivers.notices.outcome import Outcome
from linkbalancer.engine.news import TEST, News
from linkbalancer.engine.outbox import Counts
from linkbalancer.engine.supervision import Word

ASK = "notifier-ask.sock"
"""Where the api asks for a test."""

WRITE: Duration = 100 * MILLISECOND
"""At most how often what waits is written down."""

FAREWELL: Duration = 2500 * MILLISECOND
"""How long the last news may take when the service ends: that it ends is news."""

REPLACED: Duration = 700 * MILLISECOND
"""How long what is being told may take when another notifier waits."""

BATCHES = 64
DATAGRAM = 262_144


def receivers(loaded: Loaded, read: Callable[[str], str]) -> dict[str, Receiver]:
    """Return who is to be told by a configuration; `read` returns a file's text by its path."""

    def beside(name: str) -> str:
        return str(Path(loaded.beside(name)).absolute())

    def text(name: str) -> str:
        return read(loaded.beside(name))

    return {
        name: Receiver(name, loaded.config.node, one, text, beside) for name, one in loaded.config.notifications.items()
    }


def test_news(node: str, now: Instant) -> News:
    """Return what a test tells."""
    text = "tests this notification: nothing has happened"
    return News("test", now, 1, now, TEST, Topic.ALARM, node, text, {"state": "test"})


def run(loaded: Loaded, read: Callable[[str], str], lifeline: Lifeline, *, run_dir: Path) -> int:
    """Be the notifier until told to end; return the exit status."""
    os.umask(0o077)
    log = logs.start(process="notifier")
    try:
        process = NotifierProcess(receivers(loaded, read), lifeline, log, run_dir)
    except OSError as error:
        log.critical("cannot start", why=str(error))
        return 1
    return process.run()


class NotifierProcess:
    """The sockets, the lifeline, and those who are told."""

    def __init__(self, receivers: Mapping[str, Receiver], lifeline: Lifeline, log: logs.Log, run_dir: Path) -> None:
        """Listen; raises OSError."""
        self._lifeline, self._log, self._receivers = lifeline, log, receivers
        self._loop = Loop()
        self._path = run_dir / NOTIFIER
        self._recording = Recording(run_dir, "notifier", self._loop.clock())
        self._loop.watch(self._recording)
        self._bag = Mailbag(run_dir)
        self._unheard, self._written, self._ending = 0, "", False
        counts, waiting = self._bag.read()
        self._addressees = {
            name: Addressee(self._loop, one, self._recording, _counts(counts.get(name)))
            for name, one in receivers.items()
        }
        self._testing: dict[str, Courier] = {}
        self._socket, self._file = _bound(self._path)
        self._server = RequestServer(self._loop, run_dir / ASK, self._asked)
        self._until: Instant | None = None
        now = self._loop.clock()
        for name, some in waiting.items():
            if name in self._addressees:
                self._addressees[name].keep(now, some)
            elif some:
                log.warning("nobody is told any more", notification=name, waiting=len(some))
        for data in self._bag.heard():
            self._learn(now, data)

    def run(self) -> int:
        """Turn until told to end; what is not told by then is kept."""
        loop = self._loop
        loop.add(self._socket, self._read)
        loop.add(self._lifeline, self._hear)
        loop.every(CALM_BEAT, lambda _now: self._beat())
        loop.every(WRITE, self._keep)
        gc.freeze()
        self._keep(loop.clock())
        self._lifeline.say("ready")
        while not self._is_over():
            loop.turn()
        self._read(loop.clock())
        for addressee in self._addressees.values():
            addressee.close()
        for courier in self._testing.values():
            courier.close()
        self._keep(loop.clock())
        if self._ending:
            with suppress(OSError):
                self._path.unlink()  # nobody is to wait for a notifier that does not come back
        self._bag.close()
        self._recording.close()
        return 0

    def _is_over(self) -> bool:
        """Return whether it was told to end, and has nothing more to do, or no more time."""
        if self._until is None:
            return False
        now = self._loop.clock()
        idle = not any(one.busy for one in self._addressees.values())
        return now >= self._until or idle

    def _hear(self, _now: Instant) -> None:
        spoken = self._lifeline.hear()
        if isinstance(spoken, Hangup):
            self._keep(self._loop.clock())
            os._exit(0)
        if spoken is not None:  # leave, end or renew
            now = self._loop.clock()
            self._read(now)
            self._ending = spoken.word != Word.RENEW
            self._until = now + (FAREWELL if self._ending else REPLACED)

    def _beat(self) -> None:
        self._lifeline.say("beat")
        with suppress(OSError):
            self._server.keep()
        if identity(self._path) != self._file and not self._ending:
            self._listen_anew()

    def _listen_anew(self) -> None:
        """Be found even when somebody empties the run directory."""
        with suppress(OSError):
            fresh, self._file = _bound(self._path)
            self._read(self._loop.clock())
            self._loop.remove(self._socket)
            self._socket.close()
            self._socket = fresh
            self._loop.add(fresh, self._read)

    def _read(self, now: Instant) -> None:
        for _ in range(BATCHES):
            try:
                data = self._socket.recv(DATAGRAM)
            except OSError:
                return
            with suppress(OSError):  # said when what waits is written
                self._bag.add(data)
            self._learn(now, data)

    def _learn(self, now: Instant, data: bytes) -> None:
        """Hand on what was told."""
        for told in understood(data):
            if told.kind == "lost":
                self._unheard += int(told.fields["records"])
                continue
            news = News.of({**asdict(told), "merged": 0})
            for one in self._addressees.values():
                if news is not None and one.wants(news):
                    one.tell(now, news)

    def _keep(self, _now: Instant) -> None:
        """Write down what waits, and how it goes, where that has changed."""
        described = {name: one.describe() for name, one in self._addressees.items()}
        waiting = {name: one.waiting() for name, one in self._addressees.items()}
        names = [[one.name for one in some] for some in waiting.values()]
        state = f"{described} {names} {self._unheard}"
        if state == self._written and not self._bag.has_heard:
            return
        try:
            self._bag.write({**described, "": {"unheard": self._unheard}}, waiting)
            self._written = state
        except OSError as error:
            if self._written != str(error):
                self._log.warning("what waits is not kept", why=str(error))
            self._written = str(error)

    def _asked(self, now: Instant, request: Request) -> None:
        """Answer the api."""
        name = str(request.arguments.get("name"))
        if request.verb != "test":
            request.refuse("usage", f"the notifier knows no {request.verb!r}")
        elif name not in self._receivers:
            request.refuse("usage", f"there is no notification {name!r}", _known(self._receivers))
        elif name in self._testing:
            request.refuse("busy", f"{name} is being tested already", "ask again when that has ended")
        else:
            self._test(now, name, request)

    def _test(self, now: Instant, name: str, request: Request) -> None:
        """Tell one receiver that this is a test, beside everything that waits."""
        news = test_news(self._receivers[name].node, now)

        def ended(_now: Instant, outcome: Outcome, took: Duration) -> None:
            self._testing.pop(name).close()
            text = f"{'told' if outcome.good else 'not told'} of a test by {request.arguments.get('who', 'somebody')}"
            self._recording.tell("notified", f"{text}: {outcome.text} ({in_words(took)})", subject=name)
            request.answer({"good": outcome.good, "text": outcome.text, "took_ms": took / MILLISECOND})

        self._testing[name] = Courier(self._loop, self._receivers[name], ended)
        self._testing[name].tell(now, news)


def _known(receivers: Mapping[str, Receiver]) -> str:
    return f"there are: {', '.join(receivers)}" if receivers else "there is none"


def _counts(described: object) -> Counts:
    """Return what an earlier notifier has counted."""
    known = described if isinstance(described, dict) else {}
    return Counts(**{one.name: int(known.get(one.name, 0)) for one in fields(Counts)})


def _bound(path: Path) -> tuple[socket.socket, tuple[int, int] | None]:
    """Return a socket at a path and which file that is; root alone may send to it. Raises OSError."""
    sock = bound(path, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return sock, identity(path)

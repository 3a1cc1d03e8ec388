"""A courier: tells one receiver one thing at a time, by the way that its notification has.

What cannot block is done at once; everything else by a child with a time limit, because names are looked up, servers
are slow, and programs are not ours.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant, in_words
from linkbalancer.config.notifications import Notification
from linkbalancer.daemon import capabilities
from linkbalancer.daemon.lifeline import die_with_parent
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.runner import Ending, Runner
from linkbalancer.drivers.notices import journal, mail, script, syslog, webhook
from linkbalancer.drivers.notices.fifo import Fifo, keepalived_line
from linkbalancer.drivers.notices.outcome import NotToldError, Outcome
from linkbalancer.engine.news import News, document
from linkbalancer.host.users import writable_by_others


@dataclass(frozen=True, slots=True)
class Receiver:
    """One notification as it is configured: its name, this gateway's, and how its files are found and read.

    `read` returns a file's text, and `beside` its path, by the name that the configuration has; `read` raises OSError
    or UnicodeDecodeError.
    """

    name: str
    node: str
    notification: Notification
    read: Callable[[str], str]
    beside: Callable[[str], str]

    def describe(self, news: News) -> dict[str, Any]:
        """Return what is told of news."""
        return document(news, self.node, self.name, stamp(news.at))


def wall_s(at: Instant) -> float:
    """Return when an instant of CLOCK_BOOTTIME was, in seconds since 1970, by the wall clock as it is set now."""
    return (time.clock_gettime_ns(time.CLOCK_REALTIME) - time.clock_gettime_ns(time.CLOCK_BOOTTIME) + at) / SECOND


def stamp(at: Instant) -> str:
    """Return the same for people and programs: ISO 8601, with this host's offset."""
    seconds = wall_s(at)
    local = time.localtime(seconds)
    offset = time.strftime("%z", local)
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + f".{int(seconds * 1000) % 1000:03}{offset[:3]}:{offset[3:]}"


class Courier:
    """Tells one receiver.

    Args:
        loop: what turns meanwhile.
        receiver: whom.
        ended: called once for each thing told, with how that ended and how long it took; perhaps before `tell` returns.
    """

    def __init__(self, loop: Loop, receiver: Receiver, ended: Callable[[Instant, Outcome, Duration], None]) -> None:
        self._loop, self._receiver, self._ended = loop, receiver, ended
        self._runner = Runner(loop, self._reaped, receiver.notification.timeout)
        self._began: Instant = 0
        fifo = receiver.notification.fifo
        self._fifo = None if fifo is None else Fifo(receiver.beside(fifo))

    def tell(self, now: Instant, news: News) -> None:
        """Begin to tell it."""
        self._began = now
        outcome = self._at_once(news)
        if outcome is not None:
            self._ended(now, outcome, self._loop.clock() - now)
            return
        try:
            self._runner.start(partial(work, self._receiver, news))
        except OSError as error:
            self._ended(now, Outcome(good=False, text=f"cannot fork: {error.strerror}"), 0)

    def close(self) -> None:
        """Tell nobody any more."""
        self._runner.close()
        if self._fifo is not None:
            self._fifo.close()

    def _at_once(self, news: News) -> Outcome | None:
        """Tell it if that cannot block; None if it can."""
        to, described = self._receiver.notification, self._receiver.describe(news)
        if self._fifo is not None:
            return self._fifo.tell(keepalived_line(news, name_of(to, news)))
        if to.syslog is not None:
            return syslog.tell(
                to.syslog,
                described["text"],
                grave=news.grave,
                stamp=described["time"],
                node=self._receiver.node,
                topic=str(news.topic),
            )
        return journal.tell(described) if to.journal else None

    def _reaped(self, now: Instant, ending: Ending) -> None:
        took = now - self._began
        if ending.late:
            outcome = Outcome(
                good=False, text=f"not done within {in_words(self._receiver.notification.timeout)}: ended"
            )
        elif self._receiver.notification.script is not None:
            how = f"ended with {ending.status}" if ending.status >= 0 else f"ended by signal {-ending.status}"
            outcome = Outcome(good=ending.status == 0, text=f"{how}{': ' if ending.words else ''}{ending.words[-200:]}")
        else:
            outcome = Outcome(good=ending.status == 0, text=ending.words or f"ended with {ending.status}")
        self._ended(now, outcome, took)


def name_of(notification: Notification, news: News) -> str | None:
    """Return what a group is called there, None when it has its own name."""
    return next((name for group, name in notification.names.items() if str(group) == news.group), None)


def work(receiver: Receiver, news: News) -> None:
    """Tell it, in a process that may block and be killed; print what the receiver said. Raises what went wrong."""
    to, described = receiver.notification, receiver.describe(news)
    timeout_s = to.timeout // MILLISECOND / 1000
    if to.script is not None:
        kind, subject, state, priority = news.of_keepalived()
        words = [receiver.beside(to.script[0]), *to.script[1:]]
        _become(to.user, words[0])
        script.execute([*words, kind, name_of(to, news) or subject, state, str(priority)], described)
    if to.webhook is not None:
        secret, authorities = _text(receiver, to.webhook.authorization_file), _text(receiver, to.webhook.ca_file)
        said = webhook.post(
            to.webhook.url, described, authorization=secret, authorities=authorities, timeout_s=timeout_s
        )
    else:
        assert to.email is not None
        password, authorities = _text(receiver, to.email.password_file), _text(receiver, to.email.ca_file)
        message = mail.compose(to.email, described, wall_s(news.at))
        said = mail.send(to.email, message, password=password, authorities=authorities, timeout_s=timeout_s)
    os.write(1, said.encode(errors="replace"))


def _become(user: str | None, program: str) -> None:
    """Be the one that a program runs as, without a right that the service has; raises NotToldError."""
    parent = os.getppid()
    script.become(user)
    if os.geteuid() != 0:
        capabilities.keep()  # from one user to another, neither being root, the kernel takes none away
    else:
        why = writable_by_others(program, "")
        if why is not None:
            raise NotToldError(f"root runs nothing that others may change: {why}")
    die_with_parent(parent)  # becoming another user has undone it


def _text(receiver: Receiver, name: str | None) -> str | None:
    """Return a file's text without the line's end that editors leave; raises NotToldError."""
    if name is None:
        return None
    try:
        return receiver.read(name).rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise NotToldError(f"{name} cannot be read: {error}") from None

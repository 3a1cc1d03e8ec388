"""The resolver's process: asks for the host names of sets, and keeps the kernel's sets of their addresses.

It alone does what may take its time or fail; the agent and its loop know nothing of it. A new answer is a difference of
elements in the kernel. When this process dies, everything stays as it is, and the next one begins with what it knew.
"""

import gc
import json
import os
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant, earliest, is_due
from linkbalancer.config.load import Loaded
from linkbalancer.daemon import logs, namefile
from linkbalancer.daemon.durable import replace_file
from linkbalancer.daemon.inquiry import Inquiry
from linkbalancer.daemon.lifeline import Hangup, Lifeline
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.recording import Recording
from linkbalancer.daemon.zygote import CALM_BEAT
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables import namesets
from linkbalancer.engine.naming import memory
from linkbalancer.engine.naming.ledger import Ledger, Settings
from linkbalancer.engine.naming.telling import differences, outage
from linkbalancer.engine.supervision import Word
from linkbalancer.host.resolvers import of_host
from linkbalancer.host.rulesetwatch import RulesetWatch

COMPARE: Duration = 5 * SECOND
"""How often the kernel's sets are compared where nobody was seen to be at the table."""
SETTLE: Duration = 2 * MILLISECOND
"""How soon they are compared after somebody was: a load makes several transactions."""
KEEP: Duration = 600 * SECOND
"""How often what is known is written to disk where no address has changed, so that a start knows how old it is."""
SHOW: Duration = SECOND
"""How often what is known is written to memory, for those who look."""

WHOLE: Final = "names"
"""The kind of the history's records."""


def run(loaded: Loaded, lifeline: Lifeline, *, run_dir: Path, state_dir: Path) -> int:
    """Be the resolver until told to end; return the exit status."""
    log = logs.start(process="resolver")
    try:
        process = NamingProcess(loaded, lifeline, log, run_dir=run_dir, state_dir=state_dir)
    except (OSError, DriverError) as error:
        log.critical("cannot start", why=str(error))
        return 1
    return process.run()


class NamingProcess:
    """The ledger, those who are asked, and the kernel's sets."""

    def __init__(self, loaded: Loaded, lifeline: Lifeline, log: logs.Log, *, run_dir: Path, state_dir: Path) -> None:
        """Open everything; raises OSError, DriverError."""
        self._lifeline, self._log, self._rules = lifeline, log, loaded.rules
        self._run_dir, self._state_dir = run_dir, state_dir
        self._sets = {name: one.names for name, one in loaded.sets.items() if one.names}
        self._loop = Loop()
        now, section = self._loop.clock(), loaded.config.names
        resolvers = tuple(map(str, section.resolvers)) or of_host()
        self._follows_host = not section.resolvers
        settings = Settings(len(resolvers), section.ttl, section.grace)
        self.ledger = Ledger(loaded.rules.names, settings, now, namefile.memory(state_dir, now))
        self._inquiry = Inquiry(self._loop, self.ledger, resolvers, self._heard)
        self._netlink, self._watch = NetlinkSocket(NETFILTER), RulesetWatch()
        self._recording = Recording(run_dir, "resolver", now)
        self._compare_at: Instant = now
        self._show_at: Instant | None = now
        self._kept_at: Instant = now
        self._told = {one: frozenset(entry.addresses) for one, entry in self.ledger.entries.items()}
        self._out, self._complaint, self._ending = "", "", False

    def run(self) -> int:
        """Turn until told to end."""
        loop = self._loop
        loop.watch(self)
        loop.watch(self._recording)
        loop.add(self._lifeline, self._hear)
        loop.add(self._watch, self._stirred)
        loop.every(CALM_BEAT, lambda _now: self._beat())
        gc.freeze()
        self._lifeline.say("ready")
        loop.run()
        self._show(loop.clock(), kept=True)
        if self._ending:  # who comes next has none, or writes its own
            with suppress(OSError):
                (self._run_dir / namefile.NAME).unlink()
        self._recording.close()
        return 0

    def deadline(self) -> Instant | None:
        """Return when something is due."""
        return earliest(self._compare_at, self._show_at, self.ledger.deadline())

    def expire(self, now: Instant) -> None:
        """Do what is due."""
        self._inquiry.expire(now)
        changed = self.ledger.taken(now)
        if self._follows_host and is_due(now, self._compare_at):
            self._inquiry.ask_others(of_host())
        if changed or is_due(now, self._compare_at):
            self._put_to_use(now)
        if changed or is_due(now, self._show_at):
            self._tell()
            self._show(now, kept=changed or now - self._kept_at >= KEEP)

    def _heard(self, now: Instant) -> None:
        """Have others see soon what was answered, or was not."""
        if self._show_at is None:
            self._show_at = now + SHOW

    def _stirred(self, now: Instant) -> None:
        """Look soon whether the sets are as they should be: somebody else was at the table, the agent perhaps."""
        own = os.getpid()
        if any(touched.by.pid != own for touched in self._watch.read()):
            self._compare_at = min(self._compare_at, now + SETTLE)

    def _wanted(self) -> Mapping[str, Collection[int]]:
        return namesets.contents(self._rules.resolved(self.ledger.addresses).rules)

    def _put_to_use(self, now: Instant) -> None:
        """Make the kernel's sets what they should be; without a table there is nothing to do until it is loaded."""
        self._compare_at = now + COMPARE
        complaint = ""
        try:
            namesets.write(self._netlink, self._wanted())
        except DriverError as error:
            complaint = str(error)
        if complaint and complaint != self._complaint:
            self._log.warning("cannot", what="change the addresses of host names", why=complaint)
        self._complaint = complaint

    def _tell(self) -> None:
        """Tell the history what has changed."""
        before, self._told = self._told, {one: frozenset(known.addresses) for one, known in self.ledger.entries.items()}
        for text in differences(before, self._told):
            self._recording.tell(WHOLE, text)
        out = outage(self.ledger)
        if out and not self._out:
            self._log.warning("names", text=out)
            self._recording.tell("alarm", out)
        elif self._out and not out:
            self._log.info("names", text="all host names are answered again")
            self._recording.tell(WHOLE, "all host names are answered again")
        self._out = out

    def _show(self, now: Instant, *, kept: bool) -> None:
        self._show_at = None
        wall = time.clock_gettime(time.CLOCK_REALTIME)
        text = json.dumps({**memory.written(self.ledger, now, wall), "sets": self._sets}) + "\n"
        with suppress(OSError):  # who looks finds what was there before
            replace_file(self._run_dir / namefile.NAME, text)
        if kept:
            self._kept_at = now
            with suppress(OSError):
                replace_file(self._state_dir / namefile.NAME, text)

    def _beat(self) -> None:
        self._lifeline.say("beat")

    def _hear(self, _now: Instant) -> None:
        spoken = self._lifeline.hear()
        if isinstance(spoken, Hangup):
            os._exit(0)
        if spoken is not None:  # leave, end or renew
            self._ending = spoken.word != Word.RENEW
            self._loop.stop()

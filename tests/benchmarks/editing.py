"""What an edit of one line takes on a gateway at work: from the operator's word to the last change of the kernel.

A daemon of its own in a namespace, with thousands of rules and one process for all applications. A line is taken out or
put back, the api is asked to reload as `linkbalancer reload` does, and the kernel tells of every transaction that
touches our table: the last one is the end. Nobody else touches it.
"""

import os
import re
import select
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from linkbalancer.host.rulesetwatch import RulesetWatch
from tests.benchmarks.figures import Figure, Goal
from tests.benchmarks.job import Job, Setting
from tests.daemon.gateway import Gateway
from tests.daemon.waiting import until
from tests.drivers.nftables.filters import BENCH
from tests.namespaces import Namespace
from tests.routing.filtersets import filter_set

RULES = 10_000
APPLICATIONS = 1000
"""Among so many the lines are shared out: a gateway runs 4,000 at most."""
_NAMED = re.compile(r"\[.*?\]")
SETTLED_S = 1.0
"""After so long without a transaction there is none to come."""
_CONFIG = """\
node: b1
role: controller
processes: 1
links:
  l1: {device: link0, local: 10.1.0.1, peer: 10.1.0.2, key_file: l1.key}
groups:
"""
_GROUP = "  {vid}: {{device: lan0, link: l1, virtual_ips: [192.0.2.{last}/24], priority: 150}}\n"


@dataclass(slots=True)
class Watcher:
    """Notes when our table was touched, in a thread of its own."""

    namespace: Namespace
    at: list[float] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Listen until it is over."""
        with self.namespace.entered(), closing(RulesetWatch()) as watch:
            while not self._over.is_set():
                if select.select([watch], [], [], 0.2)[0] and watch.read():
                    self.at.append(time.monotonic())

    def end(self) -> None:
        """Listen no more."""
        self._over.set()


def jobs() -> list[Job]:
    """Return what can be measured: an edit of a generated rule set, and of ClassBench's large ones where at hand."""
    texts: dict[str, Callable[[int], str]] = {f"firewall {RULES}-rules": partial(filter_set, "firewall", RULES)}
    texts |= {path.stem: partial(_kept, path) for path in sorted(BENCH.glob("*_10k.conf"))}
    found = []
    for name, text in texts.items():
        names = (f"classify applied {name}", f"classify applied-cpu {name}")
        found.append(Job(names, _measured(names, text), alone=True))
    return found


def _kept(path: Path, _seed: int) -> str:
    return path.read_text()


def _measured(names: tuple[str, str], text: Callable[[int], str]) -> Callable[[Setting], list[Figure]]:
    def run(setting: Setting) -> list[Figure]:
        setting.tell(names[0])
        took, spent = _edits(setting, names[0], _shared_out(text(setting.seed)))
        return [Figure(names[0], "ms", took, (), 1.0, Goal(limit=200)), Figure(names[1], "ms", spent, (), 1.0)]

    return run


def _shared_out(text: str) -> list[str]:
    """Return the lines of a rule file, of fewer applications: each has lines with the same VIDs."""
    found, known = [], list(dict.fromkeys(_NAMED.findall(text)))
    for number, line in enumerate(text.splitlines()):
        vids = _NAMED.search(line)
        assert vids is not None
        kind = known.index(vids[0])
        found.append(f"{line.partition('[')[0]}{vids[0]} name=a{kind}-{number % (APPLICATIONS // len(known))}\n")
    return found


def _edits(setting: Setting, name: str, lines: list[str]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return milliseconds an edit, by the clock and of all processes' CPU time."""
    took, spent = [], []
    with Namespace("edited") as here, Namespace("lan") as lan, Namespace("peer") as peer:
        here.connect("lan0", lan, "eth0")
        here.connect("link0", peer, "eth0")
        here("ip addr add 192.0.2.1/24 dev lan0", "ip addr add 10.1.0.1/24 dev link0")
        gateway = _gateway(here, setting.files / name.replace(" ", "-"), lines)
        watcher = Watcher(here)
        listening = threading.Thread(target=watcher.watch, daemon=True)
        gateway.start()
        try:
            until(lambda: _loaded(gateway), 30)
            listening.start()
            time.sleep(2 * SETTLED_S)
            for number in range(setting.repeat):
                place = (number // 2 + 1) * len(lines) // (setting.repeat // 2 + 2)
                some = [*lines[:place], *lines[place + 1 :]] if number % 2 == 0 else lines
                one, other = _edit(gateway, watcher, "".join(some))
                took.append(one)
                spent.append(other)
        finally:
            gateway.stop()
            watcher.end()
        listening.join()
    return tuple(took), tuple(spent)


def _gateway(here: Namespace, directory: Path, lines: list[str]) -> Gateway:
    gateway = Gateway(here, directory, node="b1", role="controller", local="10.1.0.1", peer="10.1.0.2", lan="192.0.2")
    groups = "".join(_GROUP.format(vid=vid, last=250 + vid) for vid in range(1, 5))
    gateway.config.write_text(_CONFIG + groups + "applications: apps.conf\n")
    (directory / "apps.conf").write_text("".join(lines))
    return gateway


def _loaded(gateway: Gateway) -> bool:
    return "loaded the classifier" in gateway.log.read_text(errors="replace")


def _edit(gateway: Gateway, watcher: Watcher, text: str) -> tuple[float, float]:
    """Edit the rule file and reload; return milliseconds to the last change, and of CPU time."""
    (gateway.directory / "apps.conf").write_text(text)
    before, began = _cpu_ms(gateway), time.monotonic()
    many = len(watcher.at)
    outcome = gateway.reload()
    assert outcome["result"] == "applied", outcome
    until(lambda: len(watcher.at) > many and time.monotonic() - watcher.at[-1] > SETTLED_S, 60)
    return (watcher.at[-1] - began) * 1000, _cpu_ms(gateway) - before


def _cpu_ms(gateway: Gateway) -> float:
    """Return the CPU time of the daemon's processes, those that have ended included, in milliseconds."""
    assert gateway.process is not None
    found = 0
    for pid in (gateway.process.pid, *gateway.pids().values()):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found += sum(map(int, fields[11:15] if pid == gateway.process.pid else fields[11:13]))
    return found * 1000 / os.sysconf("SC_CLK_TCK")

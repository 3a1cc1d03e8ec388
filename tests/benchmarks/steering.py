"""Where classifying is measured (`classified`), and what loading ten thousand rules costs, or an edit of them.

One pinned core sends, forwards and swallows, so a packet's time is that of its whole path: CPU time, for a busy
machine's clock says little. Frames are made before and handed over by `sendmmsg`, hundreds in one call.
"""

import ctypes
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from linkbalancer.config.addresssets import element
from linkbalancer.config.rules import parse_rules
from linkbalancer.config.shadows import shadowed
from linkbalancer.drivers.netlink.codec import ACK, message
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables import classifying, load
from linkbalancer.drivers.nftables.elements import MapWriter
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.rule import Rule
from tests.benchmarks.figures import Figure, Goal
from tests.benchmarks.job import Job, Setting
from tests.drivers.frames import mac_of, open_packet_socket
from tests.drivers.nftables.rules import LAYOUT
from tests.namespaces import Namespace
from tests.routing.filtersets import KINDS, filter_set

RULES = 10_000
FRAMES = 5000
SENDER = b"\x02\x00\x00\x00\x00\x64"
_FORGET_FLOWS = 1 << 8 | 2
_CONNTRACK_ALONE = (
    "add table inet alone\nadd chain inet alone pre { type filter hook prerouting priority mangle; }\n"
    "add rule inet alone pre ct state new\n"
)
_ROUND = 3


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.POINTER(_Vector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    # Nested, for the header ends in padding: flat, `sent` would lie in that, and every message but the first wrong.
    _fields_ = (("header", _Header), ("sent", ctypes.c_uint))


class Frames:
    """Frames ready for the kernel: their addresses and lengths are written once."""

    def __init__(self, frames: Sequence[bytes]) -> None:
        self._kept = [ctypes.create_string_buffer(one, len(one)) for one in frames]
        self._vectors = [_Vector(ctypes.addressof(one), len(one)) for one in self._kept]
        self._messages = (_Message * len(frames))()
        for place, vector in enumerate(self._vectors):
            self._messages[place].header.vectors = ctypes.pointer(vector)
            self._messages[place].header.vector_count = 1
        self._send = ctypes.CDLL(None, use_errno=True).sendmmsg

    def __len__(self) -> int:
        return len(self._kept)

    def send(self, descriptor: int) -> float:
        """Send all of them; return microseconds of CPU time a frame.

        The kernel carries a frame to its end before the call returns, unless it leaves that to its own thread for it.
        """
        began = _spent_ns()
        done = 0
        while done < len(self):
            sent = self._send(descriptor, ctypes.byref(self._messages[done]), min(512, len(self) - done), 0)
            if sent < 0:
                raise OSError(ctypes.get_errno(), "sendmmsg")
            done += sent
        return (_spent_ns() - began) / len(self) / 1000


def _spent_ns() -> int:
    """Return the CPU time of this thread and of the kernel's for packets on this core (where we are alone on one)."""
    spent = time.thread_time_ns()
    for core in os.sched_getaffinity(0):
        spent += int(_helper(core).read_text().split()[0])
    return spent


@cache
def _helper(core: int) -> Path:
    """Return where the kernel says how long its thread for packets on a core has run."""
    named = (one for one in Path("/proc").glob("[0-9]*/comm") if _name_of(one) == f"ksoftirqd/{core}")
    return next(named).with_name("schedstat")


def _name_of(comm: Path) -> str:
    with suppress(OSError):
        return comm.read_text().strip()
    return ""


@dataclass(frozen=True)
class Place:
    """A gateway (whose namespace we are in) between a sender and somebody who swallows everything."""

    here: Namespace
    lan: Namespace
    netlink: NetlinkSocket
    target: bytes

    def forget(self) -> None:
        """Forget all flows."""
        self.netlink.request(message(_FORGET_FLOWS, ACK, bytes(4)), "forget all flows")

    def cost(self, frames: Frames, *, known: bool) -> float:
        """Return what a frame costs, of a new flow or of one that is known."""
        with self.lan.entered(), open_packet_socket("eth0") as thrower:
            if not known:
                self.forget()
            return frames.send(thrower.fileno())

    def load(self, rules: Sequence[Rule]) -> dict[str, int]:
        """Load rules in place of what is there; return the applications' ids."""
        self.clear()
        ids = {name: number for number, name in enumerate(sorted({one.application for one in rules}), 2)}
        self.make_room(ids)
        load.install(LAYOUT, Classifier(rules), ids, self.netlink)
        return ids

    def make_room(self, ids: Mapping[str, int]) -> None:
        """Make our table, with applications that go nowhere."""
        load.prepare(LAYOUT, self.netlink)
        MapWriter(LAYOUT.marks, self.netlink).steer(dict.fromkeys(ids.values()))

    def track(self) -> None:
        """Track connections, and nothing else."""
        self.clear()
        self.here("nft -f -", given=_CONNTRACK_ALONE)

    def clear(self) -> None:
        """Remove every table."""
        self.here("nft flush ruleset")


@contextmanager
def place() -> Iterator[Place]:
    """Build the place, on one core."""
    cores = os.sched_getaffinity(0)
    with Namespace("gateway") as here, Namespace("lan") as lan, Namespace("far") as far, here.entered():
        here.connect("lan0", lan, "eth0")
        here.connect("link0", far, "eth0")
        here("ip addr add 192.0.2.2/24 dev lan0", "ip addr add 10.1.0.1/30 dev link0")
        far("ip addr add 10.1.0.2/30 dev eth0", "sysctl -qw net.ipv4.ip_forward=0")
        here("sysctl -qw net.ipv4.ip_forward=1", "sysctl -qw net.ipv4.conf.all.rp_filter=0")
        here("sysctl -qw net.ipv4.conf.lan0.rp_filter=0", "ip route add default via 10.1.0.2")
        _six(here, far)
        netlink = NetlinkSocket(NETFILTER)
        os.sched_setaffinity(0, {min(cores)})
        try:
            yield Place(here, lan, netlink, mac_of("lan0"))
        finally:
            os.sched_setaffinity(0, cores)
            netlink.close()


def _six(here: Namespace, far: Namespace) -> None:
    """Have IPv6 forwarded likewise."""
    with far.entered():
        target = mac_of("eth0").hex(":")
    here("sysctl -qw net.ipv6.conf.all.forwarding=1", "ip -6 addr add fd00:1::1/64 dev link0 nodad")
    here(f"ip -6 neigh add fd00:1::2 lladdr {target} dev link0 nud permanent")
    here("ip -6 route add default via fd00:1::2")


def jobs() -> list[Job]:
    """Return what can be measured: what each kind of rule set takes to load, and an edit of it."""
    found = []
    for kind in KINDS:
        names = (f"classify load {kind} {RULES}-rules", f"classify edit {kind} {RULES}-rules")
        found.append(Job(names, _measured(kind, names), alone=True))
    return found


def _measured(kind: str, names: Sequence[str]) -> Callable[[Setting], list[Figure]]:
    def run(setting: Setting) -> list[Figure]:
        setting.tell(f"load {kind}")
        with place() as here:
            whole, edits = _times(here, kind, setting)
        return [
            Figure(names[0], "ms", whole, (), 1.0, Goal(limit=3000)),
            Figure(names[1], "ms", edits, (), 1.0, Goal(limit=200)),
        ]

    return run


def _times(here: Place, kind: str, setting: Setting) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return milliseconds of CPU time: of check, compile and load together, and of the same after an edit of one line.

    All processes count, nft's too; of what else the machine does nothing does.
    """
    lines = filter_set(kind, RULES, setting.seed).splitlines(keepends=True)
    whole, edits = [], []
    for number in range(max(1, setting.repeat // _ROUND)):
        here.clear()
        whole.append(_loading(here, lines, kind, fresh=True))
        edits.append(_loading(here, [*lines[:number], *lines[number + 1 :]], kind, fresh=False))
    return tuple(whole), tuple(edits)


def _loading(here: Place, lines: Sequence[str], kind: str, *, fresh: bool) -> float:
    """Check, compile and load a rule file; return how long."""
    element.cache_clear()
    classifying._generation.cache_clear()
    began = _cpu_ms()
    parsed = parse_rules("".join(lines), kind)
    assert list(shadowed(parsed)) is not None
    rules = parsed.ruleset.rules
    ids = {f"r{number}": number + 1 for number in range(1, RULES + 1)}
    if fresh:
        here.make_room(ids)
    load.install(LAYOUT, Classifier(rules), ids, here.netlink)
    return _cpu_ms() - began


def _cpu_ms() -> float:
    return sum(os.times()[:4]) * 1000

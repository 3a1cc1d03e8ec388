"""Counting, as the child does it that may speak to the kernel: it cares for the table, reads it, and keeps the sums.

A question says what is counted where that is news; the answer is what was counted since counting began. Whatever others
did to the table is put right before it is read.
"""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

from linkbalancer.clock import Instant
from linkbalancer.daemon.durable import replace_file
from linkbalancer.daemon.loop import boottime
from linkbalancer.daemon.tally import Count, Counts, Key, Tally
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables import counts
from linkbalancer.drivers.nftables.counts import BEGUN, DIRECTIONS, Beside, Plan, Reading
from linkbalancer.drivers.nftables.generation import generation
from linkbalancer.drivers.nftables.load import load
from linkbalancer.routing.marks import Marks

FILE: Final = "counts.json"
"""The sums, in the run directory: they are of this boot."""

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be counted: where, and the applications by their names, with their numbers."""

    plan: Plan
    names: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return it for the line to the child."""
        beside = [[one.device, str(one.gateway), one.vid] for one in self.plan.beside]
        words = {"marks": asdict(self.plan.marks), "devices": self.plan.devices, "beside": beside}
        return {**words, "names": dict(self.names), "pairs": self.plan.pairs}

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> "Order":
        """Read what `to_json` wrote."""
        names = dict(words["names"])
        beside = tuple(Beside(device, IPv4Address(gateway), vid) for device, gateway, vid in words["beside"])
        plan = Plan(
            Marks(**words["marks"]), tuple(words["devices"]), beside, frozenset(names.values()), int(words["pairs"])
        )
        return cls(plan, names)


class Counter:
    """The child's work."""

    def __init__(self, run_dir: Path) -> None:
        self._file = run_dir / FILE
        self._order: Order | None = None
        self._plan: Plan | None = None
        self._netlink: NetlinkSocket | None = None
        self._digest, self._generation = "", b""
        self._tally: Tally | None = None

    def close(self) -> None:
        """Close the socket; nothing in the kernel changes."""
        if self._netlink is not None:
            self._netlink.close()

    def answer(self, question: bytes) -> dict[str, Any]:
        """Answer a question, or say why not."""
        try:
            words = json.loads(question)
            if words.get("order") is not None:
                self._order = Order.of(words["order"])
            return self._answer(boottime())
        except (LookupError, OSError, TypeError, ValueError, DriverError) as error:
            self._digest = ""  # what is there is not known any more
            return {"why": str(error) or type(error).__name__}

    def _answer(self, now: Instant) -> dict[str, Any]:
        assert self._order is not None
        if self._netlink is None:
            self._netlink = NetlinkSocket(NETFILTER)
        if self._tally is None:
            self._tally = _recalled(self._file)
        began = time.process_time_ns()
        mended = self._mend(now, self._netlink, self._tally, self._order.plan)
        changed = self._take(now, self._netlink, self._tally, self._order.plan)
        if changed:
            with suppress(OSError):  # a full disk stops no counting; after a restart it would begin anew
                replace_file(self._file, self._tally.to_json())
        names = {number: name for name, number in self._order.names.items()}
        told = self._tally.describe(now, names)
        return {"counts": told, "mended": mended, "took_ns": time.process_time_ns() - began}

    def _mend(self, now: Instant, netlink: NetlinkSocket, tally: Tally, plan: Plan) -> bool:
        """Have the table as planned; return whether somebody else had been at it."""
        if plan == self._plan and self._digest:
            at = generation(netlink)
            if at == self._generation:
                return False
            if counts.digest(netlink) == self._digest and self._all_counted(netlink, plan):
                self._generation = at
                return False
        touched = plan == self._plan and bool(self._digest)
        present = counts.chains(netlink)
        anew = bool(present) and plan.form not in present
        if anew:
            with suppress(DriverError):  # what it held can be read no more
                self._take(now, netlink, tally, self._plan or plan)
        same = [] if anew or not present else counts.counted(netlink, plan.marks)
        old = [one for one in present if one.startswith((counts.FORM, counts.CONTENT))]
        load(counts.made(plan, same, anew=anew, old=old), "make the table of counters")
        gone = counts.forgotten(plan, counts.read(netlink))
        if gone:
            load(gone, "forget what is counted no more")
        self._plan, self._digest, self._generation = plan, counts.digest(netlink), generation(netlink)
        return touched

    @staticmethod
    def _all_counted(netlink: NetlinkSocket, plan: Plan) -> bool:
        return set(counts.counted(netlink, plan.marks)) == plan.applications

    @staticmethod
    def _take(now: Instant, netlink: NetlinkSocket, tally: Tally, plan: Plan) -> bool:
        reading = counts.read(netlink)
        return tally.take(now, reading.table, held(reading, plan.marks), plan.applications)


def held(reading: Reading, marks: Marks) -> Counts:
    """Return what the kernel holds, by what its elements mean."""
    found: Counts = {}
    for direction in DIRECTIONS:
        begun = reading.sets[direction + BEGUN]
        for mark, one in reading.sets[direction].items():
            flows = begun[mark].packets if mark in begun else 0
            key = Key(marks.application_of(mark), marks.flow_of(mark), direction)
            found[key] = Count(one.packets, one.bytes, flows)
    return found


def _recalled(file: Path) -> Tally:
    """Return the tally of this boot, a new one where there is none."""
    boot, text = _BOOT.read_text().strip(), ""
    with suppress(OSError, UnicodeDecodeError):
        text = file.read_text()
    return Tally.of(boot, boottime(), text)

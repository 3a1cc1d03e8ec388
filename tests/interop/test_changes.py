"""A group is configured differently while it runs, beside a Debian Keepalived: nobody's mastership moves."""

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

import pytest
import yaml

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.links import Address
from tests.daemon.waiting import until
from tests.interop.cases import Maker
from tests.interop.lan import SOURCES, VIRTUAL, built
from tests.interop.makers import Keepalived, Ours, Part
from tests.interop.watch import Record, Watch
from tests.interop.wire import Advert

pytestmark = pytest.mark.lab

VID = 51
INTERVAL_MS = 200
GONE, NEW = "192.0.2.248/24", "192.0.2.249/24"
BEFORE = {"excluded_ips": [GONE]}


class Changing(Ours):
    """Our daemon, given what the other maker's gateway need not know."""

    more: dict[str, Any]

    def configure(self, parts: Sequence[Part], *, together: bool = False) -> None:
        """Write the configuration, with more keys in its groups."""
        super().configure(parts, together=together)
        file = self.directory / "linkbalancer.yaml"
        document = yaml.safe_load(file.read_text())
        for group in document["groups"].values():
            group.update(self.more)
        file.write_text(yaml.safe_dump(document))


@dataclass
class Pair:
    """Both gateways at work, and what their LAN shows."""

    ours: Changing
    theirs: Keepalived
    record: Record
    part: Part

    def adverts(self, since: Instant) -> list[Advert]:
        """Return our adverts since an instant."""
        return [one for one in list(self.record.adverts) if one.leg == Maker.OURS and one.at >= since]

    def change(self, more: dict[str, Any], **changes: Any) -> Instant:
        """Configure our gateway differently, and have it read that; return since when that may be seen."""
        since = time.monotonic_ns()
        self.part, self.ours.more = replace(self.part, **changes), more
        self.ours.configure([self.part])
        self.ours.reload()
        until(lambda: self.ours.lines.count("): applied after") == 1, 20, "the reload")
        return since

    def moves(self, since: Instant) -> list[tuple[str, Address, bool]]:
        """Return which virtual IPs came and went since an instant."""
        return [(one.leg, one.address, one.present) for one in list(self.record.held) if one.at > since]


@contextmanager
def pair(directory: Path, *, ours: int, theirs: int) -> Iterator[Pair]:
    """Let both serve one group with these priorities, until the better one is Master."""
    with built(Maker.OURS) as lan:
        low, high = (SOURCES[4][leg].partition("/")[0] for leg in ("low", "high"))
        part = Part(
            vid=VID, virtual=VIRTUAL[4], source=low, peer=high, priority=ours, interval_ms=INTERVAL_MS, version=3
        )
        one = Changing(lan.nodes[Maker.OURS], directory / "ours")
        one.more = dict(BEFORE)
        other = Keepalived(lan.nodes[Maker.THEIRS], directory / "theirs")
        one.configure([part])
        other.configure([replace(part, source=high, peer=low, priority=theirs)])
        with Watch(lan, (*VIRTUAL[4], GONE, NEW)) as record:
            try:
                one.start()
                other.start()
                master, backup = (one, other) if ours > theirs else (other, one)
                until(lambda: (master.state(part), backup.state(part)) == ("master", "backup"), 30, "the election")
                leg = str(Maker.OURS if master is one else Maker.THEIRS)
                asked = ip_interface(VIRTUAL[4][-1]).ip
                until(lambda: record.holders(asked) == {leg}, 10, "one holder")
                yield Pair(one, other, record, part)
            finally:
                for gateway in (one, other):
                    gateway.stop()
                for gateway in (one, other):
                    gateway.wait()


def longest_gap(adverts: list[Advert]) -> Duration:
    """Return the longest time between two adverts."""
    return max(later.at - former.at for former, later in itertools.pairwise(adverts))


@pytest.mark.parametrize(
    ("more", "changes", "told"),
    [
        ({}, {"priority": 200}, {"priority": 200}),
        ({}, {"interval_ms": 400}, {"interval": 400 * MILLISECOND}),
        ({"checksum": "rfc5798", "preempt": False}, {}, {}),
        ({"excluded_ips": [NEW]}, {}, {}),
    ],
    ids=["priority", "interval", "checksum", "addresses"],
)
def test_a_master_tells_its_new_values_at_once_and_stays(
    tmp_path: Path, more: dict[str, Any], changes: dict[str, Any], told: dict[str, Any]
) -> None:
    """No gap beyond the protocol's, no election, and only the addresses that are others come and go."""
    with pair(tmp_path, ours=150, theirs=100) as two:
        since = two.change(BEFORE | more, **changes)
        until(lambda: len(two.adverts(since)) > 12, 10, "adverts after the change")
        adverts = two.adverts(since)
        last = adverts[-1]
        seen = {"priority": last.priority, "interval": last.interval}
        interval = max(INTERVAL_MS, two.part.interval_ms) * MILLISECOND
        # Its Backups wait for three intervals; a loaded machine may delay one, and does not lose it.
        stall = two.record.worst_stall(since, last.at)

        assert seen | told == seen
        assert longest_gap(adverts) < 2 * interval + stall
        assert two.theirs.state(two.part) == "backup"
        assert two.ours.state(two.part) == "master"
        assert two.ours.status()["groups"][str(VID)]["transitions"] == 2
        expected = [(NEW, True), (GONE, False)] if "excluded_ips" in more else []
        assert two.moves(since) == [(Maker.OURS, ip_interface(one).ip, there) for one, there in expected]
        assert two.theirs.complaints() == []


def test_a_backup_takes_new_values_and_stays(tmp_path: Path) -> None:
    """It says nothing, and takes over as its new priority has it when the Master leaves."""
    with pair(tmp_path, ours=100, theirs=150) as two:
        since = two.change(BEFORE, priority=120)
        until(lambda: two.ours.status()["groups"][str(VID)]["priority"] == 120, 10, "the new priority")
        assert two.adverts(since) == []
        assert two.moves(since) == []
        assert two.theirs.state(two.part) == "master"
        two.theirs.stop()
        until(lambda: two.ours.state(two.part) == "master", 10, "our mastership")
        assert two.adverts(since)[0].priority == 120

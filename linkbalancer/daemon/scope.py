"""What a choice of a configuration is made from: files, what is kept, who judges; and what is told of the choice."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

from linkbalancer.clock import MILLISECOND, Instant
from linkbalancer.config.difference import Side, difference, key_marks
from linkbalancer.config.load import Loaded
from linkbalancer.daemon import configurations as store
from linkbalancer.daemon.configurations import Configurations, Entry, Facts, NotKeptError, digest
from linkbalancer.daemon.judge import Judged
from linkbalancer.daemon.loop import boottime
from linkbalancer.daemon.texts import Texts
from linkbalancer.daemon.zygote import RefusedError

FOLDER = "configurations"
"""The store's place in the state directory."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Moment(NamedTuple):
    """When: on the monotonic clock of a boot, and on the wall for people."""

    now: Instant
    boot: str
    wall: float

    @classmethod
    def present(cls) -> "Moment":
        """Return the present moment."""
        return cls(boottime(), _BOOT_ID.read_text().strip(), time.clock_gettime(time.CLOCK_REALTIME))


@dataclass(frozen=True, slots=True)
class Chosen:
    """What comes into force, and what the api is told of it."""

    judged: Judged
    notice: dict[str, Any]

    def bundle(self) -> bytes:
        """Return everything that the next zygote needs to be of this configuration."""
        return json.dumps({"files": self.judged.texts.files, "notice": self.notice}).encode()


@dataclass(frozen=True, slots=True)
class Scope:
    """The files at `path`, what is kept, who judges (RefusedError has a line for each error), and the time."""

    path: str
    kept: Configurations
    judge: Callable[[Texts], Judged]
    moment: Callable[[], Moment] = Moment.present

    def entries(self) -> list[Entry]:
        """Return what is kept of this path, oldest first."""
        return [entry for entry in self.kept.entries() if entry.path == self.path]

    def read(self, entry: Entry) -> Judged:
        """Return a configuration kept, judged anew; raises RefusedError."""
        try:
            return self.judge(Texts(self.kept.read(entry.number).texts))
        except NotKeptError as error:
            raise RefusedError(str(error)) from None

    def mark(self, entry: Entry, state: str, reason: str) -> Entry:
        """Change an entry's state, at least in what is returned: a disk that refuses stops nobody."""
        try:
            changed = self.kept.change(entry.number, state=state, reason=reason)
        except NotKeptError:
            changed = None
        return changed or replace(entry, state=state, reason=reason)

    def record(self, judged: Judged, old: Judged | None, spared: set[int | None], **words: object) -> Entry:
        """Keep a configuration as one that is applying; raises NotKeptError."""
        moment = self.moment()
        changes = difference(None if old is None else side(old), side(judged))
        entry = Entry(
            number=0,
            at=moment.wall,
            boot=moment.boot,
            digest=digest(self.path, judged.texts.files),
            path=self.path,
            state=store.APPLYING,
            summary=changes.in_a_line(),
            **cast("dict[str, Any]", words),
        )
        good = [one.number for one in self.entries() if one.state == store.GOOD]
        kept = {number for number in {*spared, *good[-1:]} if number is not None}
        one = side(judged)
        facts = Facts(tuple(changes.lines()), judged.loaded.rule_file, one.keys, judged.loaded.set_files)
        return self.kept.add(entry, facts, judged.texts.files, kept)

    def notice(self, entry: Entry | None, judged: Judged, source: str, *lines: str) -> dict[str, Any]:
        """Return what the api is told: which configuration, and why it is not that of the files where it is not."""
        moment = self.moment()
        return {
            "entry": None if entry is None else entry.number,
            "at": moment.wall if entry is None else entry.at,
            "who": "" if entry is None else entry.who,
            "how": "" if entry is None else entry.how,
            "source": source,
            "path": self.path,
            "rules": judged.loaded.rule_file,
            "sums": sums(judged.texts.files),
            "lines": list(lines),
            "boot": moment.boot,
            "grace_ms": grace(judged.loaded),
        }


def side(judged: Judged) -> Side:
    """Return a configuration as the difference wants it."""
    loaded, files = judged.loaded, judged.texts.files
    keys = {name: key_marks(found) for name, found in judged.keys.items()}
    return Side(loaded, files.get(loaded.rule_file, ""), keys)


def sums(files: Mapping[str, str]) -> dict[str, str]:
    """Return a digest of each file, to see by whether it is edited."""
    return {path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}


def grace(loaded: Loaded) -> dict[str, int]:
    """Return how long each link may be closed before it counts as lost: detected, proven again, and some seconds."""
    settings = {name: link.settings(name, loaded.config) for name, link in loaded.config.links.items()}
    return {name: 3000 + (one.detect + one.up_delay) // MILLISECOND for name, one in settings.items()}


def by_number(entries: list[Entry], number: object) -> Entry:
    """Return an entry; raises RefusedError."""
    for entry in entries:
        if entry.number == number:
            return entry
    known = f"{entries[0].number} to {entries[-1].number} are kept" if entries else "none is kept"
    raise RefusedError(f"there is no configuration {number}: {known}; see `linkbalancer history config`")


def same(judged: Judged | None, entry: Entry) -> bool:
    """Return whether a configuration is the very one that is kept."""
    return judged is not None and digest(entry.path, judged.texts.files) == entry.digest

"""Which configuration comes into force, when the daemon starts and at every reload.

At a start: the one on trial, if its time is not over; else the files, unless they are refused or were taken back; else
the newest good configuration kept; else the files without their faulty rule lines. Whatever is not the files is said.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from linkbalancer.clock import MILLISECOND, SECOND, Instant
from linkbalancer.config.difference import Side, difference, key_marks
from linkbalancer.config.findings import ConfigErrors
from linkbalancer.config.load import Loaded
from linkbalancer.config.quarantine import load_without_faulty_rules
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
class Chooser:
    """Chooses for the configuration at `path`; `judge` raises RefusedError with a line for each error."""

    path: str
    kept: Configurations
    judge: Callable[[Texts], Judged]
    moment: Callable[[], Moment] = Moment.present

    def choose(self, texts: bytes | None, request: Mapping[str, Any] | None) -> Chosen:
        """Choose: at a start (None, None), once more (texts in force, None), by request (texts in force, request).

        Raises:
            RefusedError: with a line for each reason.
        """
        if texts is None:
            return _Start(self).chosen()
        bundle = json.loads(texts)
        old = Chosen(self.judge(Texts(bundle["files"])), bundle["notice"])
        return old if request is None else _Reload(self, old, request).chosen()

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

    def record(self, judged: Judged, old: Judged | None, spared: set[int | None], **words: Any) -> Entry:  # noqa: ANN401
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
            **words,
        )
        good = [one.number for one in self.entries() if one.state == store.GOOD]
        kept = {number for number in {*spared, *good[-1:]} if number is not None}
        one = side(judged)
        facts = Facts(tuple(changes.lines()), _rules(judged.loaded), one.keys)
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
            "rules": _rules(judged.loaded),
            "sums": sums(judged.texts.files),
            "lines": list(lines),
            "since": moment.now,
            "grace_ms": grace(judged.loaded),
        }


@dataclass(frozen=True, slots=True)
class _Start:
    """The choice at a start."""

    by: Chooser

    def chosen(self) -> Chosen:
        by = self.by
        entries = self._settled(by.entries())
        files, refusal = self._files()
        trial = next((entry for entry in reversed(entries) if entry.on_trial), None)
        if trial is not None:
            why = f"configuration {trial.number} awaits its confirmation: the files are not looked at before"
            found = self._first([trial], "entry", [] if _same(files, trial) else [why])
            if found is not None:
                return found
        lines = [f"the files are refused: {line}" for line in refusal]
        if files is not None:
            known = next((entry for entry in reversed(entries) if _same(files, entry)), None)
            if known is None or known.state not in {store.REVERTED, store.FAILED}:
                return self._use(files, entries, "files")
            fate = "was taken back" if known.state == store.REVERTED else "did not come into force"
            lines = [f"the files are those of configuration {known.number}, which {fate}: {known.reason}"]
        return self._instead(entries, files, refusal, lines)

    def _instead(
        self, entries: list[Entry], files: Judged | None, refusal: tuple[str, ...], lines: list[str]
    ) -> Chosen:
        """Find something else than the files."""
        newest = entries[::-1]
        found = self._first([entry for entry in newest if entry.state == store.GOOD], "entry", lines)
        if found is not None:
            return found
        if files is not None:
            return self._use(files, entries, "files", *lines, "they are in force all the same: nothing better is kept")
        return (
            self._without_faulty_rules(entries)
            or self._first([one for one in newest if one.state in {store.PARTIAL, store.APPLYING}], "entry", lines)
            or _refuse(refusal)
        )

    def _settled(self, entries: list[Entry]) -> list[Entry]:
        """Take back what was on trial when the host went down, or too long ago; leave one on trial at most."""
        moment = self.by.moment()
        trials = [entry.number for entry in entries if entry.on_trial]
        settled = []
        for entry in entries:
            state, reason = store.REVERTED, ""
            if entry.on_trial and entry.boot != moment.boot:
                reason = "the host started again before it was confirmed"
            elif entry.until is not None and entry.on_trial and entry.until <= moment.now:
                reason = "it was not confirmed in time"
            elif entry.on_trial and entry.number != trials[-1]:
                state, reason = store.FAILED, "it never took over"
            settled.append(self.by.mark(entry, state, reason) if reason else entry)
        return settled

    def _files(self) -> tuple[Judged | None, tuple[str, ...]]:
        try:
            return self.by.judge(Texts()), ()
        except RefusedError as refused:
            return None, refused.args

    def _first(self, entries: list[Entry], source: str, lines: list[str]) -> Chosen | None:
        """Return the first of some configurations kept that can still be used."""
        for entry in entries:
            try:
                judged = self.by.read(entry)
            except RefusedError as refused:
                lines.append(f"configuration {entry.number} cannot be used any more: {refused.args[0]}")
                continue
            instead = [f"configuration {entry.number}, {entry.how} by {entry.who}, is in force"] if lines else []
            return Chosen(judged, self.by.notice(entry, judged, source, *lines, *instead))
        return None

    def _use(self, judged: Judged, entries: list[Entry], source: str, *lines: str) -> Chosen:
        """Put to use what the files say, and keep it unless it is what was in force last."""
        good = [entry for entry in entries if entry.state in {store.GOOD, store.PARTIAL, store.APPLYING}]
        entry: Entry | None = None
        if good and _same(judged, good[-1]):
            entry = good[-1]
        else:
            try:
                old = self.by.read(good[-1]) if good else None
            except RefusedError:
                old = None
            try:
                before = good[-1].number if good else None
                entry = self.by.record(judged, old, {before}, who="start", how="start", before=before)
            except NotKeptError as error:
                lines = (*lines, f"this configuration could not be kept for a rollback: {error}")
        return Chosen(judged, self.by.notice(entry, judged, source, *lines))

    def _without_faulty_rules(self, entries: list[Entry]) -> Chosen | None:
        texts = Texts()
        try:
            found = load_without_faulty_rules(self.by.path, texts.read)
            texts.files[found.file] = found.text
            judged = self.by.judge(texts)
        except (ConfigErrors, RefusedError, OSError):
            return None
        lines = [f"left out: {finding}" for finding in found.left_out]
        chosen = self._use(
            judged, entries, "quarantine", "the files have faulty rule lines, and nothing is kept", *lines
        )
        if chosen.notice["entry"] is not None:
            self.by.mark(by_number(self.by.entries(), chosen.notice["entry"]), store.PARTIAL, lines[0])
        return chosen


@dataclass(frozen=True, slots=True)
class _Reload:
    """The choice at a request, while `old` is in force."""

    by: Chooser
    old: Chosen
    request: Mapping[str, Any]

    def chosen(self) -> Chosen:
        by, how = self.by, str(self.request.get("how"))
        entries = by.entries()
        present = self._present(entries)
        source = None
        if self.request.get("source") == "entry":
            source = by_number(entries, self.request.get("entry"))
            judged = by.read(source)
        else:
            judged = by.judge(Texts())
            self._refuse_trial(present)
        if digest(by.path, judged.texts.files) == digest(by.path, self.old.judged.texts.files):
            kind = "files" if source is None else str(self.old.notice["source"])
            return Chosen(judged, by.notice(present, judged, kind))
        if source is None:
            self._refuse_reverted(judged, entries)
        reason = str(self.request.get("reason") or "")
        lines = [reason] if reason else []
        if how == "revert" and source is not None:
            return Chosen(judged, by.notice(source, judged, "entry", *lines))
        for entry in entries:
            if entry.state == store.APPLYING and (present is None or entry.number != present.number):
                by.mark(entry, store.FAILED, "it never took over")
        try:
            entry = self._record(judged, present)
        except NotKeptError as error:
            if source is None:  # taking something back never waits for room on a disk
                what = f"the configuration could not be kept, and so not be taken back later: {error}"
                raise RefusedError(f"{what}; make room, then apply it again") from None
            return Chosen(judged, by.notice(source, judged, "entry", *lines, f"this could not be kept: {error}"))
        return Chosen(judged, by.notice(entry, judged, "files" if source is None else "entry", *lines))

    def _present(self, entries: list[Entry]) -> Entry | None:
        """Return what is in force as it is kept; what could not be kept when it came is kept now."""
        number = self.old.notice.get("entry")
        present = next((entry for entry in entries if entry.number == number), None)
        if present is not None:
            return present
        try:
            entry = self.by.record(self.old.judged, None, set(), who="start", how="start")
        except NotKeptError:
            return None
        return self.by.mark(entry, store.GOOD, "")

    def _refuse_trial(self, present: Entry | None) -> None:
        if present is not None and present.on_trial:
            what = f"configuration {present.number} awaits its confirmation"
            raise RefusedError(f"{what}; `linkbalancer confirm` it, or `linkbalancer rollback`, first")

    def _refuse_reverted(self, judged: Judged, entries: list[Entry]) -> None:
        known = next((entry for entry in reversed(entries) if _same(judged, entry)), None)
        if known is not None and known.state == store.REVERTED and not self.request.get("again"):
            what = f"this is configuration {known.number}, which was taken back: {known.reason}"
            raise RefusedError(f"{what}; change the files, or `linkbalancer apply --again`")

    def _record(self, judged: Judged, present: Entry | None) -> Entry:
        request, moment = self.request, self.by.moment()
        seconds = request.get("confirm_s")
        if seconds is not None and present is None:
            raise NotKeptError("what is in force could not be kept, so there is nothing to go back to")
        before = None if present is None else present.number
        return self.by.record(
            judged,
            self.old.judged,
            {before},
            who=str(request.get("who")),
            how=_how(request),
            before=before,
            confirm_s=seconds,
            until=None if seconds is None else moment.now + int(seconds) * SECOND,
            open=tuple(request.get("open") or ()),
            id=str(request.get("id"))[:64],
        )


def side(judged: Judged) -> Side:
    """Return a configuration as the difference wants it."""
    loaded, files = judged.loaded, judged.texts.files
    keys = {name: key_marks(found) for name, found in judged.keys.items()}
    return Side(loaded, files.get(_rules(loaded), ""), keys)


def sums(files: Mapping[str, str]) -> dict[str, str]:
    """Return a digest of each file, to see by whether it is edited."""
    return {path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}


def _rules(loaded: Loaded) -> str:
    return loaded.beside(loaded.config.applications)


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


def _how(request: Mapping[str, Any]) -> str:
    how = str(request.get("how"))
    return f"{how} to {request.get('entry')}" if how == "rollback" else how


def _same(judged: Judged | None, entry: Entry) -> bool:
    return judged is not None and digest(entry.path, judged.texts.files) == entry.digest


def _refuse(lines: tuple[str, ...]) -> Chosen:
    raise RefusedError(*lines)

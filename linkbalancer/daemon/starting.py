"""Which configuration comes into force when the daemon starts.

The one on trial, if its time is not over; else the files, unless they are refused or were taken back; else the newest
good configuration kept; else the files without their faulty rule lines. Whatever is not the files is said.
"""

from dataclasses import dataclass

from linkbalancer.config.findings import ConfigErrors
from linkbalancer.config.quarantine import load_without_faulty_rules
from linkbalancer.daemon import configurations as store
from linkbalancer.daemon.configurations import Entry, NotKeptError
from linkbalancer.daemon.judge import Judged
from linkbalancer.daemon.scope import Chosen, Scope, by_number, same
from linkbalancer.daemon.texts import Texts
from linkbalancer.daemon.zygote import RefusedError


@dataclass(frozen=True, slots=True)
class Start:
    """The choice at a start."""

    by: Scope

    def chosen(self) -> Chosen:
        """Return what comes into force; raises RefusedError."""
        by = self.by
        entries = self._settled(by.entries())
        files, refusal = self._files()
        trial = next((entry for entry in reversed(entries) if entry.on_trial), None)
        if trial is not None:
            why = f"configuration {trial.number} awaits its confirmation: the files are not looked at before"
            found = self._first([trial], "entry", [] if same(files, trial) else [why])
            if found is not None:
                return found
        lines = [f"the files are refused: {line}" for line in refusal]
        if files is not None:
            known = next((entry for entry in reversed(entries) if same(files, entry)), None)
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
        if good and same(judged, good[-1]):
            entry = good[-1]
        else:
            try:
                old = self.by.read(good[-1]) if good else None
            except RefusedError:
                old = None
            try:
                before = good[-1].number if good else None
                words = {"who": "start", "how": "start", **(self._intended() if good else {})}
                entry = self.by.record(judged, old, {before}, before=before, **words)
            except NotKeptError as error:
                lines = (*lines, f"this configuration could not be kept for a rollback: {error}")
        return Chosen(judged, self.by.notice(entry, judged, source, *lines))

    def _intended(self) -> dict[str, object]:
        """Return the trial that these files were about to begin when everybody died."""
        wish, moment = self.by.kept.intended(), self.by.moment()
        until, seconds = wish.get("until"), wish.get("confirm_s")
        if wish.get("boot") != moment.boot or not isinstance(until, int) or not isinstance(seconds, int):
            return {}
        if until <= moment.now:
            return {}
        words = {"who": str(wish.get("who")), "how": "apply", "id": str(wish.get("id"))}
        return {**words, "until": until, "confirm_s": seconds, "open": tuple(map(str, wish.get("open") or ()))}

    def _without_faulty_rules(self, entries: list[Entry]) -> Chosen | None:
        texts = Texts()
        try:
            found = load_without_faulty_rules(self.by.path, texts.read)
            texts.files.update(found.texts)
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


def _refuse(lines: tuple[str, ...]) -> Chosen:
    raise RefusedError(*lines)

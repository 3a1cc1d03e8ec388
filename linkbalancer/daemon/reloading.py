"""Which configuration comes into force by a request: what the files say now, or one that was kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from linkbalancer.clock import SECOND
from linkbalancer.daemon import configurations as store
from linkbalancer.daemon.configurations import Entry, NotKeptError, digest
from linkbalancer.daemon.judge import Judged
from linkbalancer.daemon.scope import Chosen, Scope, by_number, same
from linkbalancer.daemon.texts import Texts
from linkbalancer.daemon.zygote import RefusedError


@dataclass(frozen=True, slots=True)
class Reload:
    """The choice at a request, while `old` is in force."""

    by: Scope
    old: Chosen
    request: Mapping[str, Any]

    def chosen(self) -> Chosen:
        """Return what comes into force; raises RefusedError."""
        by, how = self.by, str(self.request.get("how"))
        entries = by.entries()
        present = self._present(entries)
        source = None
        if self.request.get("source") == "entry":
            source, judged = self._kept(entries)
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

    def _kept(self, entries: list[Entry]) -> tuple[Entry, Judged]:
        """Return what is asked for; where something must be taken back, else the newest good one."""
        wanted = by_number(entries, self.request.get("entry"))
        try:
            return wanted, self.by.read(wanted)
        except RefusedError as refused:
            if self.request.get("how") != "revert":
                raise
            for entry in reversed(entries):
                if entry.state == store.GOOD and entry.number != wanted.number:
                    return entry, self.by.read(entry)
            raise refused from None

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
        known = next((entry for entry in reversed(entries) if same(judged, entry)), None)
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


def _how(request: Mapping[str, Any]) -> str:
    how = str(request.get("how"))
    return f"{how} to {request.get('entry')}" if how == "rollback" else how

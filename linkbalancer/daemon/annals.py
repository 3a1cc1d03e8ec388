"""The api's verbs on the history: `history` (what happened, a chain of records each) and `history-show` (one chain).

Reads the recorder's file beside it, never writes, and answers within a bound of rows and time.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.daemon.archive import FILE
from linkbalancer.daemon.loop import boottime
from linkbalancer.daemon.requests import Request
from linkbalancer.daemon.verbs import Argument, Verb
from linkbalancer.engine import narrative

Question: TypeAlias = Callable[[sqlite3.Connection], dict[str, Any] | None]

LIMIT = 100
LIMIT_MAX = 1000
"""Chains of an answer: unless told otherwise, and at most."""

SUMMED = 400
"""Records of a chain that are summed up in a list."""

SHOWN = 5000
"""Records of the one chain that is shown."""

PATIENCE: Duration = 800 * MILLISECOND
"""How long one question may keep the api from the others."""

_ARGUMENTS: Final[Mapping[str, Argument]] = {
    "since": Argument("instant", "not before, in seconds since 1970"),
    "until": Argument("instant", "not after, in seconds since 1970"),
    "before": Argument("number", "older than the chain of this id"),
    "after": Argument("number", "newer than the chain of this id"),
    "app": Argument("text", "only what touched this application"),
    "vid": Argument("number", "only what touched this VID"),
    "link": Argument("text", "only what touched this link"),
    "kind": Argument("text", "only with a record of this kind"),
    "limit": Argument("number", "so many chains at most"),
}
_ROOTS: Final = """
    SELECT id FROM records WHERE cause IS NULL
    AND (:since IS NULL OR at >= :since * 1000000) AND (:until IS NULL OR at < :until * 1000000)
    AND (:before IS NULL OR id < :before) AND (:after IS NULL OR id > :after)
    AND (:app IS NULL OR EXISTS (SELECT 1 FROM records AS one WHERE one.root = records.id AND one.app = :app))
    AND (:vid IS NULL OR EXISTS (SELECT 1 FROM records AS one WHERE one.root = records.id AND one.vid = :vid))
    AND (:link IS NULL OR EXISTS (SELECT 1 FROM records AS one WHERE one.root = records.id AND one.link = :link))
    AND (:kind IS NULL OR EXISTS (SELECT 1 FROM records AS one WHERE one.root = records.id AND one.kind = :kind))
    ORDER BY id DESC LIMIT :limit
"""


class Annals:
    """Answers on the history.

    Args:
        state_dir: where the recorder keeps it.
        patience: how long one question may take.
    """

    def __init__(self, state_dir: Path, patience: Duration = PATIENCE) -> None:
        self._path, self._patience = state_dir / FILE, patience

    def verbs(self) -> dict[str, Verb]:
        """Return the verbs."""
        about = "Lists what happened: chains of records, each with what began it, the newest last."
        one = {"id": Argument("number", "a record's number", required=True)}
        return {
            "history": Verb(take=self.history, about=about, arguments=_ARGUMENTS),
            "history-show": Verb(take=self.show, about="Tells the whole chain that a record is of.", arguments=one),
        }

    def history(self, _now: Instant, request: Request) -> None:
        """Answer with the newest chains that fit, oldest first."""
        asked = {**dict.fromkeys(_ARGUMENTS), **request.arguments}
        limit = max(1, min(asked["limit"] or LIMIT, LIMIT_MAX))
        self._answer(request, lambda connection: _list(connection, asked, limit))

    def show(self, _now: Instant, request: Request) -> None:
        """Answer with the whole chain that a record belongs to."""
        number = request.arguments["id"]
        self._answer(request, lambda connection: _show(connection, number))

    def _answer(self, request: Request, question: Question) -> None:
        try:
            with closing(
                sqlite3.connect(f"file:{quote(str(self._path))}?mode=ro", uri=True, timeout=0.2)
            ) as connection:
                connection.row_factory = sqlite3.Row
                end = time.monotonic_ns() + self._patience
                connection.set_progress_handler(lambda: time.monotonic_ns() > end, 5000)
                answer = question(connection)
        except sqlite3.Error as error:
            request.refuse(*_in_words(error, self._path))
            return
        if answer is None:
            what = "there is no record of this id"
            request.refuse("refused", what, "take one from `history`; the oldest are dropped in time")
        else:
            request.answer(answer)


def _in_words(error: sqlite3.Error, path: Path) -> tuple[str, str, str]:
    if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
        return "busy", "this takes too long", "ask for less: --since, --until or --limit"
    if error.sqlite_errorcode == sqlite3.SQLITE_CANTOPEN and not path.exists():
        return "unavailable", f"there is no history at {path}", "has the recorder said in the log why?"
    return "unavailable", f"the history cannot be read: {error}", "ask again; if it lasts, see the log"


def _list(connection: sqlite3.Connection, asked: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """Return the newest chains that fit, oldest first."""
    roots = [row["id"] for row in connection.execute(_ROOTS, {**asked, "limit": limit + 1})]
    chains = [_summary(_records(connection, root, SUMMED), _extent(connection, root)) for root in roots[:limit][::-1]]
    return {"schema": 1, "chains": [one for one in chains if one], "more": len(roots) > limit}


def _show(connection: sqlite3.Connection, number: int) -> dict[str, Any] | None:
    """Return one chain with each of its records."""
    row = connection.execute("SELECT root FROM records WHERE id = ?", (number,)).fetchone()
    records = [] if row is None else _records(connection, row["root"], SHOWN)
    if not records:
        return None
    extent = _extent(connection, row["root"])
    began = records[0]["boottime"]
    told = [
        {
            **{key: one[key] for key in ("id", "cause", "kind", "subject", "text", "teller", "fields")},
            "at": _iso(one["at"]),
            "after_ms": round((one["boottime"] - began) / MILLISECOND, 3),
            "sentence": narrative.sentence(one),
            "measured": narrative.measured(one),
        }
        for one in records
    ]
    return {"schema": 1, **_summary(records, extent), "asked": number, "steps": told}


def _records(connection: sqlite3.Connection, root: int, limit: int) -> list[dict[str, Any]]:
    rows = connection.execute("SELECT * FROM records WHERE root = ? ORDER BY id LIMIT ?", (root, limit))
    return [{**dict(row), "fields": json.loads(row["fields"])} for row in rows]


def _extent(connection: sqlite3.Connection, root: int) -> tuple[int, Instant]:
    """Return how many records a chain has, and when the last change was; counting flows afterwards is none."""
    query = """SELECT COUNT(*) AS records, COALESCE(MAX(boottime) FILTER (WHERE kind <> 'flows' OR cause IS NULL), 0)
               AS last FROM records WHERE root = ?"""
    row = connection.execute(query, (root,)).fetchone()
    return row["records"], row["last"]


def _summary(records: list[dict[str, Any]], extent: tuple[int, Instant]) -> dict[str, Any]:
    """Sum a chain up; empty when it was dropped meanwhile."""
    if not records:
        return {}
    root = records[0]
    count, last = extent
    return {
        "id": root["id"],
        "at": _iso(root["at"]),
        "at_us": root["at"],
        "kind": root["kind"],
        "subject": root["subject"],
        "headline": narrative.headline(records),
        "consequences": narrative.consequences(records),
        "took_ms": round((last - root["boottime"]) / MILLISECOND, 3),
        "quiet_ms": max(0, boottime() - last) // MILLISECOND,
        "records": count,
        "vids": _named(records, "vid"),
        "links": _named(records, "link"),
        "applications": _named(records, "app"),
    }


def _named(records: Iterable[Mapping[str, Any]], key: str) -> list[Any]:
    return sorted({one[key] for one in records if one[key] is not None})


def _iso(microseconds: int) -> str:
    """Write an instant as UTC; for people and their programs, nothing is decided by it."""
    seconds, rest = divmod(microseconds, SECOND // 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest // 1000:03}Z"

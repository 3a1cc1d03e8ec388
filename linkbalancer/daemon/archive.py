"""The history on disk: one SQLite file, written by the recorder alone, read by the api beside it.

A record has an `id` that is never used again, and the `root` of its chain; chains are dropped as wholes, oldest first.
What the file cannot be trusted with (it is damaged, or a newer program wrote it) is moved aside, never deleted.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from linkbalancer.clock import MICROSECOND, SECOND, Duration
from linkbalancer.daemon.recording import Told

FILE = "history.sqlite"

MIGRATIONS: Final = (
    """
    CREATE TABLE records (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        root INTEGER NOT NULL,
        cause INTEGER,
        teller TEXT NOT NULL,
        session INTEGER NOT NULL,
        number INTEGER NOT NULL,
        boot TEXT NOT NULL,
        boottime INTEGER NOT NULL,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        text TEXT NOT NULL,
        vid INTEGER,
        link TEXT,
        app TEXT,
        fields TEXT NOT NULL
    );
    CREATE UNIQUE INDEX records_origin ON records (teller, session, number);
    CREATE INDEX records_root ON records (root);
    CREATE INDEX records_roots ON records (at) WHERE cause IS NULL;
    CREATE INDEX records_vid ON records (vid, root) WHERE vid IS NOT NULL;
    CREATE INDEX records_link ON records (link, root) WHERE link IS NOT NULL;
    CREATE INDEX records_app ON records (app, root) WHERE app IS NOT NULL;
    """,
)
"""What makes of a file of version N one of version N + 1; `user_version` is how many of them were run."""

CHAINS_AT_ONCE = 200
"""Chains dropped in one step."""

PAGES_AT_ONCE = 2000
"""Free pages given back to the file system in one step."""

FOLLOWS_WITHIN: Duration = 10 * SECOND
"""How old another teller's record may be to be named as a cause."""

_TRUSTLESS: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_INSERT: Final = """
    INSERT OR IGNORE INTO records
    (root, cause, teller, session, number, boot, boottime, at, kind, subject, text, vid, link, app, fields)
    VALUES (0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_ROOT: Final = "UPDATE records SET root = COALESCE((SELECT root FROM records WHERE id = ?), id) WHERE id = ?"
_RESTAMP: Final = "UPDATE records SET at = (boottime + ?) / ? WHERE boot = ?"
_DROP_AGED: Final = """
    DELETE FROM records WHERE root IN (
        SELECT id FROM records WHERE cause IS NULL AND at < :before ORDER BY at LIMIT :limit)
"""
_DROP_OLDEST: Final = """
    DELETE FROM records WHERE root IN (SELECT DISTINCT root FROM records ORDER BY root LIMIT :limit)
"""


class Archive:
    """The file, open for writing.

    Args:
        path: the file; missing folders are made.
        boot: an id of the present boot of the host.

    Raises:
        sqlite3.Error, OSError: it cannot be opened or made. It may be tried again.
    """

    def __init__(self, path: Path, boot: str) -> None:
        self.path, self.notes = path, list[str]()
        self._boot = boot
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = _open(path)
        except _UntrustedError as error:
            self.notes.append(f"{path} {error}: moved aside, a new one is begun")
            move_aside(path)
            self._connection = _open(path)
        self._inode = path.stat().st_ino

    def close(self) -> None:
        """Close the file."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def add(self, batch: Sequence[Told], offset: Duration) -> None:
        """Keep a batch in one transaction; `offset` is what the wall clock shows beyond CLOCK_BOOTTIME.

        One that is kept already is left as it is. Raises sqlite3.Error: nothing of the batch is kept.
        """
        with self._connection as connection:
            for told in batch:
                cause = self._cause(told)
                row = connection.execute(_INSERT, self._row(told, cause, offset))
                if row.rowcount:
                    connection.execute(_ROOT, (cause, row.lastrowid))

    def restamp(self, offset: Duration) -> None:
        """Stamp this boot's records anew if the wall clock was set since the last one. Raises sqlite3.Error."""
        newest = self._connection.execute("SELECT boot, boottime, at FROM records ORDER BY id DESC LIMIT 1").fetchone()
        if newest is None or newest[0] != self._boot or abs(newest[1] + offset - newest[2] * MICROSECOND) < SECOND:
            return
        with self._connection as connection:
            connection.execute(_RESTAMP, (offset, MICROSECOND, self._boot))

    def prune(self, *, before: int | None, size: int) -> bool:
        """Drop some of the oldest chains if there are too many; return whether there are more to drop.

        Args:
            before: chains that began before this (microseconds since 1970) are too old; None: none is.
            size: bytes that the file may hold.

        Raises sqlite3.Error.
        """
        query, facts = _DROP_OLDEST, {"limit": CHAINS_AT_ONCE}
        if self.held() <= size:
            if before is None:
                return False
            query, facts = _DROP_AGED, {"limit": CHAINS_AT_ONCE, "before": before}
        with self._connection as connection:
            dropped = connection.execute(query, facts).rowcount
        if dropped:
            # As a script: it steps once a page, and `execute` would stop after the first.
            self._connection.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")
        return dropped > 0

    def shrink(self) -> None:
        """Give what was dropped back to the file system. Raises sqlite3.Error."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def in_place(self) -> bool:
        """Return whether the file is still where it was opened: one that was removed takes everything with it."""
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

    def held(self) -> int:
        """Return how many bytes of the file are in use. Raises sqlite3.Error."""
        pages, free, size = (self._pragma(name) for name in ("page_count", "freelist_count", "page_size"))
        return (pages - free) * size

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    def _row(self, told: Told, cause: int | None, offset: Duration) -> tuple[Any, ...]:
        fields = dict(told.fields)
        vid, link, app = fields.get("vid"), fields.get("link"), fields.get("app")
        return (
            *(cause, told.teller, told.session, told.number, self._boot, told.at, (told.at + offset) // MICROSECOND),
            *(told.kind, told.subject, told.text, vid, link, app, json.dumps(fields)),
        )

    def _cause(self, told: Told) -> int | None:
        """Return the id of the record that one follows from, None when there is none, or it was lost."""
        if told.cause is not None:
            query = "SELECT id FROM records WHERE teller = ? AND session = ? AND number = ?"
            row = self._connection.execute(query, (told.teller, told.session, told.cause)).fetchone()
            return None if row is None else int(row[0])
        if not told.follows:
            return None
        query = """SELECT id, kind, subject, teller, fields FROM records
                   WHERE boot = ? AND boottime BETWEEN ? AND ? ORDER BY id DESC LIMIT 500"""
        rows = self._connection.execute(query, (self._boot, told.at - FOLLOWS_WITHIN, told.at + SECOND))
        for number, kind, subject, teller, fields in rows:
            facts = {**json.loads(fields), "kind": kind, "subject": subject, "teller": teller}
            if all(_is_one_of(facts.get(key), value) for key, value in told.follows.items()):
                return int(number)
        return None


def _is_one_of(fact: object, wanted: object) -> bool:
    return fact in wanted if isinstance(wanted, list) else fact == wanted


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error says that the file itself cannot be trusted."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _TRUSTLESS


class _UntrustedError(Exception):
    """The file is no history of ours, or not any more; the argument says why, after its name."""


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=1.0)
    try:
        _begin(connection)
    except sqlite3.Error as error:
        connection.close()
        if is_damage(error):
            raise _UntrustedError(f"is damaged ({error})") from error
        raise
    except _UntrustedError:
        connection.close()
        raise
    return connection


def _begin(connection: sqlite3.Connection) -> None:
    """Check the file and bring it to the present version."""
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise _UntrustedError(f"is damaged ({verdict})")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise _UntrustedError(f"is of version {version}, which a newer program wrote")
    for pragma in ("auto_vacuum = INCREMENTAL", "journal_mode = WAL", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.execute(f"PRAGMA journal_size_limit = {4 << 20}").fetchall()
    for number in range(version, len(MIGRATIONS)):
        connection.executescript(f"BEGIN; {MIGRATIONS[number]} PRAGMA user_version = {number + 1}; COMMIT;")


def move_aside(path: Path) -> None:
    """Keep what cannot be trusted beside the new file; an earlier one is replaced."""
    for ending in ("", "-wal", "-shm"):
        old = path.with_name(path.name + ending)
        with suppress(FileNotFoundError):
            old.replace(path.with_name(f"{path.name}.damaged{ending}"))

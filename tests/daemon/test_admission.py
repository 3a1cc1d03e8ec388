"""Who may open which socket: real users of real groups, against the files' own permissions."""

import errno
import grp
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.daemon.admission import admit

CONNECT = """\
import socket, sys
sock = socket.socket(socket.AF_UNIX)
try:
    sock.connect(sys.argv[1])
except PermissionError:
    sys.exit(13)
"""
READERS, OPERATORS = grp.getgrnam("www-data"), grp.getgrnam("games")


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a directory that everybody may enter, as the run directory is."""
    path = Path("/run") / f"linkbalancer-admission-{os.getpid()}"
    path.mkdir(mode=0o755)
    yield path
    shutil.rmtree(path)
    assert tmp_path_factory


def listening(path: Path) -> socket.socket:
    """Return a socket that root alone may open."""
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    path.chmod(0o600)
    sock.listen()
    return sock


def may(path: Path, group: int) -> bool:
    """Tell whether an unprivileged user of a group may connect."""
    who = ["setpriv", "--reuid=65534", f"--regid={group}", "--clear-groups"]
    done = subprocess.run([*who, sys.executable, "-c", CONNECT, str(path)], cwd="/", check=False)
    assert done.returncode in {0, 13}
    return done.returncode == 0


@pytest.mark.lab
def test_readers_ask_and_operators_do_both(place: Path) -> None:
    """The readers' group opens the one, the operators' both, everybody else neither."""
    nobody = 65534
    with listening(place / "query.sock"), listening(place / "control.sock"):
        assert admit(place / "query.sock", (READERS.gr_name, OPERATORS.gr_name)) == []
        assert admit(place / "control.sock", (OPERATORS.gr_name,)) == []
        rights = {
            group: (may(place / "query.sock", group), may(place / "control.sock", group))
            for group in (READERS.gr_gid, OPERATORS.gr_gid, nobody)
        }
    assert rights == {READERS.gr_gid: (True, False), OPERATORS.gr_gid: (True, True), nobody: (False, False)}


@pytest.mark.lab
def test_a_file_system_without_lists(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first group gets the file; the others are said to stay out."""

    def unsupported(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "setxattr", unsupported)
    with listening(place / "sock"):
        wrong = admit(place / "sock", (READERS.gr_name, OPERATORS.gr_name))
        assert wrong == ["group games cannot be let in: the file system knows no access control lists"]
        assert (may(place / "sock", READERS.gr_gid), may(place / "sock", OPERATORS.gr_gid)) == (True, False)


def test_what_cannot_be_let_in_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group that there is not, or that may not be given: the owner alone stays."""
    with listening(tmp_path / "sock"):
        assert admit(tmp_path / "sock", ("no-such-group",)) == ["there is no group no-such-group"]

        def forbidden(*_: object) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "setxattr", forbidden)
        said = "group www-data cannot be let in: Operation not permitted"
        assert admit(tmp_path / "sock", ("no-such-group", "www-data")) == ["there is no group no-such-group", said]
        monkeypatch.setattr(os, "setxattr", lambda *_: forbidden_by_kind())
        monkeypatch.setattr(os, "chown", forbidden)
        assert admit(tmp_path / "sock", ("www-data",)) == [said]
        assert (tmp_path / "sock").stat().st_mode & 0o777 == 0o600


def forbidden_by_kind() -> None:
    """Refuse as a file system without access control lists does."""
    raise OSError(errno.EOPNOTSUPP, "Operation not supported")

"""Who programs are run as."""

import ctypes
import os
import pwd
from contextlib import suppress
from pathlib import Path

import pytest

from linkbalancer.daemon import capabilities
from linkbalancer.host import users
from linkbalancer.host.users import UserError, identity, writable_by_others


def test_a_named_user_has_its_groups() -> None:
    """As the host knows them."""
    own = pwd.getpwuid(os.geteuid())
    found = identity(own.pw_name)
    assert (found.name, found.uid, found.gid, found.home) == (own.pw_name, own.pw_uid, own.pw_gid, own.pw_dir)
    assert own.pw_gid in found.groups


@pytest.mark.lab
def test_root_runs_nothing_as_root_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the service has no user of its own, nothing is run."""
    monkeypatch.setattr(users, "SERVICE", "nobody")
    assert identity(None).name == "nobody"
    monkeypatch.setattr(users, "SERVICE", "no-such-user")
    with pytest.raises(UserError, match="there is no user no-such-user: add it, or name another by `user`"):
        identity(None)
    assert identity("root").uid == 0


@pytest.mark.lab
def test_who_is_not_root_is_itself_and_nobody_else() -> None:
    """In a child, because there is no way back."""
    nobody = pwd.getpwnam("nobody")
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
        try:
            identity("root")
        except UserError as error:
            fine = str(error) == "the service runs as nobody and cannot become root"
            os._exit(0 if fine and identity(None).uid == identity("nobody").uid == nobody.pw_uid else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.lab
def test_a_service_with_the_right_for_it_may_become_others() -> None:
    """As docs/trackers.md says: not root, but with the two capabilities that `systemctl edit` can give."""
    child = os.fork()
    if child == 0:
        allowed = False
        with suppress(Exception):
            libc = ctypes.CDLL(None)
            libc.prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
            os.setresuid(65534, 65534, 65534)
            capabilities.keep(capabilities.SETGID, capabilities.SETUID)
            allowed = identity("daemon").name == "daemon"
            capabilities.keep(capabilities.SETGID)
            with pytest.raises(UserError):
                identity("daemon")
        os._exit(0 if allowed else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.lab
def test_what_others_may_write_is_not_for_root(tmp_path: Path) -> None:
    """Neither the file nor a folder on the way to it, nor to what it leads to."""
    for place in (tmp_path, *list(tmp_path.parents)[:-2]):
        assert place.stat().st_uid == 0
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert writable_by_others(str(program), "") is None
    assert writable_by_others("program", str(tmp_path)) is None
    assert writable_by_others("nowhere", str(tmp_path)) is None
    program.chmod(0o775)
    assert writable_by_others(str(program), "") == f"{program} can be written by others than root"
    program.chmod(0o755)
    tmp_path.chmod(0o777)
    assert writable_by_others(str(program), "") == f"{tmp_path} can be written by others than root"
    tmp_path.chmod(0o700)
    os.chown(program, 65534, 65534)
    assert writable_by_others(str(program), "") == f"{program} belongs to another user than root"
    link = tmp_path / "link"
    link.symlink_to(program)
    assert writable_by_others(str(link), "") == f"{link} belongs to another user than root"


def test_a_user_without_a_name_is_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container."""
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
    assert identity(None).name == "4000000"

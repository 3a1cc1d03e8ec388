"""A program: its words, its environment, and whom it runs as."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from linkbalancer.drivers.notices.outcome import NotToldError
from linkbalancer.drivers.notices.script import become, environment, execute

OF_THE_C_LIBRARY = 3 << 31
"""Signals 32 and 33, which a program cannot set: whoever started the tests may have had them ignored."""

DOCUMENT = {"id": "agent-7-12", "text": "link l1 closed", "group": None, "grave": True, "fields": {"link": "l1"}}
AS_A_CHILD = """
import json, sys
from linkbalancer.drivers.notices import script
user = json.loads(sys.argv[1])
script.become(user)
script.execute(sys.argv[2:], {"text": "x", "fields": {}})
"""


def as_a_child(user: str | None, *words: str) -> subprocess.CompletedProcess[str]:
    """Become somebody and a program, in a process of its own."""
    command = [sys.executable, "-c", AS_A_CHILD, json.dumps(user), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])


def test_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is known, and little of ours."""
    monkeypatch.setenv("SECRET", "s")
    monkeypatch.setenv("PATH", "/bin")
    monkeypatch.delenv("LANG", raising=False)
    monkeypatch.delenv("TZ", raising=False)

    assert environment(DOCUMENT) == {
        "PATH": "/bin",
        "LINKBALANCER_ID": "agent-7-12",
        "LINKBALANCER_TEXT": "link l1 closed",
        "LINKBALANCER_GROUP": "",
        "LINKBALANCER_GRAVE": "yes",
        "LINKBALANCER_JSON": json.dumps(DOCUMENT),
    }


@pytest.mark.lab
def test_it_is_never_root_unless_told() -> None:
    """Nobody, with nobody's groups; root where that is asked for."""
    assert as_a_child(None, "/usr/bin/id", "-un").stdout in {"nobody\n", "linkbalancer\n"}
    assert as_a_child(None, "/usr/bin/id", "-G").stdout != "0\n"
    assert as_a_child("root", "/usr/bin/id", "-u").stdout == "0\n"
    assert as_a_child("daemon", "/usr/bin/id", "-un").stdout == "daemon\n"


def test_what_we_ignore_it_does_not() -> None:
    """A program that was born deaf to hang-ups could not be ended by them."""
    found = as_a_child(None, "/bin/sh", "-c", "grep SigIgn /proc/$$/status; pwd")

    name, ignored, directory = found.stdout.split()
    assert (name, directory) == ("SigIgn:", "/")
    assert int(ignored, 16) & ~OF_THE_C_LIBRARY == 0


def test_nobody_of_that_name() -> None:
    """Said in words."""
    with pytest.raises(NotToldError, match="there is no user nosuchuser on this host"):
        become("nosuchuser")


@pytest.mark.lab
def test_who_is_not_root_becomes_nobody_else() -> None:
    """And says who it is."""
    program = "import os; os.setuid(65534)\nfrom linkbalancer.drivers.notices import script\nscript.become('daemon')"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)

    assert "cannot become daemon: Operation not permitted (the service runs as user 65534" in done.stderr


def test_no_such_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name, and why."""
    monkeypatch.setattr("os.chdir", lambda _path: None)
    monkeypatch.setattr("signal.signal", lambda *_words: None)
    with pytest.raises(NotToldError, match=r"^/nowhere/x: No such file or directory$"):
        execute(["/nowhere/x"], DOCUMENT)

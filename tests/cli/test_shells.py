"""Tests of the completions, in the shells that they are for."""

import argparse
import shutil
import subprocess
from pathlib import Path

import pytest

from linkbalancer.cli.main import COMMANDS
from linkbalancer.cli.outline import Outline, outline, outlines
from linkbalancer.cli.shells import bash, zsh

needs_zsh = pytest.mark.skipif(
    shutil.which("zsh") is None, reason="`make test` installs zsh, `make check` installs nothing"
)

_IN_BASH = """
source "$1"; shift
linkbalancer() { case "$2" in links) echo l1; echo l2 ;; vids) echo 7 ;; *) return 1 ;; esac; }
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_linkbalancer
printf '%s\\n' "${COMPREPLY[@]}"
"""

# The start-up file of an interactive zsh: as soon as there is a prompt, it completes the line that is given. What is
# offered is written down by a compadd of our own.
_IN_ZSH = """
autoload -Uz compinit && compinit -D -u
source $FILE
linkbalancer() { case "$2" in links) print l1; print l2 ;; vids) print 7 ;; *) return 1 ;; esac }
compdef _linkbalancer linkbalancer
compadd() {
    local -a offered
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then
        builtin compadd "$@"
        return
    fi
    builtin compadd -A offered "$@"
    print -r -l -- $offered >> $OFFERED
    builtin compadd "$@"
}
zle -C show complete-word _main_complete
zle-line-init() { BUFFER=$LINE CURSOR=$#LINE; zle show; BUFFER=exit; zle accept-line }
zle -N zle-line-init
"""


@pytest.fixture(scope="module")
def rules() -> Outline:
    """Return a command as later ones will be."""
    parser = argparse.ArgumentParser(prog="linkbalancer drain")
    deeds = parser.add_subparsers(dest="deed")
    link = deeds.add_parser("add", help="it's one: [more]")
    link.add_argument("target", metavar="LINK|VID", help="which one")
    link.add_argument("reasons", nargs="*", metavar="FILE", help="why")
    link.add_argument("--how", choices=("soft", "hard"), help="how")
    deeds.add_parser("list", help="list them")
    return outline(parser, ("drain",), "take one out of use")


def in_bash(tmp_path: Path, script: str, *words: str) -> set[str]:
    """Return what bash offers for the last word."""
    file = tmp_path / "completion"
    file.write_text(script)
    done = subprocess.run(
        ["bash", "--norc", "-c", _IN_BASH, "bash", str(file), "linkbalancer", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def test_bash_offers_every_command_and_option(tmp_path: Path) -> None:
    """Commands at first, then the options of the one that is there."""
    script = bash(outlines())

    assert in_bash(tmp_path, script, "") == set(COMMANDS)
    assert {"--help", "--json", "--run-dir"} <= in_bash(tmp_path, script, "status", "--")
    assert in_bash(tmp_path, script, "lab", "") >= {"up", "down"}


def test_bash_offers_words_by_what_they_name(tmp_path: Path, rules: Outline) -> None:
    """Names from the daemon, choices of an option, files for what repeats, and nothing where nobody knows."""
    script = bash((rules,))
    (tmp_path / "why").touch()

    assert in_bash(tmp_path, script, "drain", "add", "") == {"l1", "l2", "7"}
    assert in_bash(tmp_path, script, "drain", "add", "--how", "") == {"soft", "hard"}
    assert in_bash(tmp_path, script, "drain", "add", "--how", "soft", "l") == {"l1", "l2"}
    assert in_bash(tmp_path, script, "drain", "add", "l1", "w") == {"why"}
    assert in_bash(tmp_path, script, "drain", "add", "l1", "why", "w") == {"why"}
    assert in_bash(tmp_path, script, "drain", "list", "") == set()


def in_zsh(tmp_path: Path, script: str, line: str) -> set[str]:
    """Return what zsh offers for the end of a line."""
    file, offered = tmp_path / "_linkbalancer", tmp_path / "offered"
    file.write_text(script.replace('_linkbalancer "$@"\n', ""))
    offered.write_text("")
    (tmp_path / ".zshrc").write_text(_IN_ZSH)
    words = {"ZDOTDIR": str(tmp_path), "FILE": str(file), "OFFERED": str(offered), "LINE": line}
    # script(1) lends the terminal that the line editor wants.
    subprocess.run(
        ["script", "--quiet", "--return", "--command", "zsh -d -i", "/dev/null"],
        env={"PATH": "/usr/bin:/bin", "TERM": "dumb", "HOME": str(tmp_path), "SHELL": "/bin/sh", **words},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=False,
    )
    return set(offered.read_text().split())


@needs_zsh
def test_zsh_takes_the_file(tmp_path: Path) -> None:
    """No quoting of a help text breaks it."""
    file = tmp_path / "_linkbalancer"
    file.write_text(zsh(outlines()))

    assert subprocess.run(["zsh", "-n", file], capture_output=True, text=True, check=True).stderr == ""


@needs_zsh
def test_zsh_offers_commands_and_names(tmp_path: Path, rules: Outline) -> None:
    """Deeds of a command, and names from the daemon."""
    script = zsh((rules,))

    assert in_zsh(tmp_path, zsh(outlines()), "linkbalancer ") == set(COMMANDS)
    assert in_zsh(tmp_path, script, "linkbalancer drain ") == {"add", "list"}
    assert in_zsh(tmp_path, script, "linkbalancer drain add ") == {"l1", "l2", "7"}
    assert in_zsh(tmp_path, script, "linkbalancer drain add --how ") == {"soft", "hard"}
    assert "--how" in in_zsh(tmp_path, script, "linkbalancer drain add --")

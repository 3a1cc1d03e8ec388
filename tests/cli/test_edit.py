"""`linkbalancer edit` on a real terminal with scripted editors: nothing half-written, nothing lost."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.cli.editors import NoEditorError, chosen, opens_at_line
from linkbalancer.cli.main import main
from tests.cli.fakeapi import FakeApi, status
from tests.cli.terminal import Terminal
from tests.config.texts import CONFIG
from tests.daemon.waiting import until

RULES = """\
App=*  *  *  *  443  tcp  [2 1]  name=web   # browsers
App=*  *  *  *  *    *    [1 2]  name=rest
"""


class Desk:
    """A configuration, and an editor that does one step of a script each time it is started."""

    def __init__(self, directory: Path) -> None:
        """Write the files."""
        self.directory = directory
        self.config, self.rules = directory / "linkbalancer.yaml", directory / "apps.conf"
        self.config.write_text(CONFIG)
        self.rules.write_text(RULES)
        (directory / "keys").mkdir()
        (directory / "keys/l1.key").touch(0o600)
        (directory / "keys/l1.key").write_text("1 000102030405060708090a0b0c0d0e0f\n")
        self.calls = directory / "calls"
        self.editor = directory / "nano"  # so that it is taken for one that opens at a line
        self.terminals: list[Terminal] = []

    def steps(self, *steps: str) -> None:
        """Let the editor do these shell commands, one each time, on the file "$1"."""
        cases = "\n".join(f"{number}) {step} ;;" for number, step in enumerate(steps, start=1))
        script = f"""#!/bin/sh
echo "$@" >> {self.calls}
case $1 in +*) shift ;; esac
case $(wc -l < {self.calls}) in
{cases}
*) : ;;
esac
"""
        self.editor.write_text(script)
        self.editor.chmod(0o755)

    def open(self, *words: str) -> Terminal:
        """Start `linkbalancer edit`."""
        terminal = Terminal("edit", *words, VISUAL=str(self.editor))
        self.terminals.append(terminal)
        return terminal

    def copies(self) -> list[str]:
        """Return what is hidden beside the files."""
        return sorted(path.name for path in self.directory.glob(".*"))

    def arguments(self) -> list[str]:
        """Return what the editor was started with, each time."""
        return self.calls.read_text().replace(f"{self.directory}/", "").splitlines()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a desk; what still runs on it at the end is ended."""
    one = Desk(tmp_path)
    yield one
    for terminal in one.terminals:
        terminal.kill()


def replaced(old: str, new: str) -> str:
    """Return an editor's step."""
    return f"sed -i 's/{old}/{new}/' \"$1\""


def test_a_good_edit_is_shown_and_saved(desk: Desk) -> None:
    """The difference is shown; what is saved is the copy; nothing is left."""
    desk.steps(replaced("443", "8443"))
    desk.rules.chmod(0o640)

    terminal = desk.open(str(desk.rules))
    terminal.answer("it is good", "s")

    assert terminal.wait() == 0
    assert "\x1b[32m+App=*  *  *  *  8443  tcp" in terminal.shown
    assert desk.rules.read_text() == RULES.replace("443", "8443")
    assert desk.rules.stat().st_mode & 0o777 == 0o640
    assert desk.copies() == []
    assert desk.arguments() == [".apps.conf.new"]


@pytest.mark.parametrize(("letter", "confirm_s"), [("a", None), ("c", 300)])
def test_saving_and_applying(desk: Desk, letter: str, confirm_s: int | None) -> None:
    """The plan is shown before; the daemon is asked to apply what is saved by then, on trial if that was chosen."""
    texts = {str(desk.config): CONFIG, str(desk.rules): RULES}
    answer = {"path": str(desk.config), "rules": str(desk.rules), "texts": texts, "keys": {}}
    outcome = {"result": "applied", "entry": 2, "took_ms": 5, "lines": []}
    api = FakeApi(desk.directory / "run", {"configuration": answer, "status": status(), "apply": outcome})
    desk.steps(replaced("name=web", "name=www"))

    terminal = desk.open(str(desk.rules), "--run-dir", str(desk.directory / "run"))
    terminal.expect("application www new")
    terminal.answer("it is good", letter)

    assert terminal.wait() == 0
    api.close()
    (asked,) = (one for socket, one in api.asked if socket == "control" and one["verb"] == "apply")
    assert asked["confirm_s"] == confirm_s
    assert "configuration 2 is in force" in terminal.shown
    assert "name=www" in desk.rules.read_text()


def test_another_configuration_is_not_applied(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the daemon runs other files, what was edited is saved, and that is said."""
    api = FakeApi(desk.directory / "run", {"configuration": {"path": "/etc/other.yaml"}})
    desk.steps(replaced("443", "80"))
    assert main(["rules", "disable", "web", "--apply", str(desk.config), "--run-dir", str(desk.directory / "run")]) == 1

    api.close()
    assert [one["verb"] for _, one in api.asked if one["verb"] == "apply"] == []
    assert "not applied: the daemon runs /etc/other.yaml" in capsys.readouterr().err


def test_both_files_one_after_the_other(desk: Desk) -> None:
    """With a configuration both files are edited, and checked together: a new VID and the rule that uses it."""
    group = "  3: {device: eth0, mode: observe, virtual_ips: [192.168.1.253\\/24]}"
    desk.steps(f"sed -i 's/^applications/{group}\\n&/' \"$1\"", replaced("\\[2 1\\]", "[3 1]"))

    terminal = desk.open(str(desk.directory))
    terminal.answer("it is good", "s")

    assert terminal.wait() == 0
    assert desk.arguments() == [".linkbalancer.yaml.new", ".apps.conf.new"]
    assert "192.168.1.253/24" in desk.config.read_text()
    assert "[3 1]" in desk.rules.read_text()
    assert desk.copies() == []


def test_errors_lead_back_to_their_line(desk: Desk) -> None:
    """All errors are shown; `e` opens the editor at the first one, in its file."""
    desk.steps(":", f"{replaced('name=rest', 'nme=rest')}; {replaced('2 1', '9 1')}", replaced("nme", "name"), ":")

    terminal = desk.open(str(desk.config))
    terminal.answer("there are 2 errors", "e")
    terminal.answer("there is 1 error", "x")

    assert terminal.wait() == 1
    assert f"{desk.rules}:1:28: there is no group for VID 9" in terminal.shown
    assert f"{desk.rules}:2:34: the option 'nme' is not known; did you mean name?" in terminal.shown
    assert desk.arguments() == [".linkbalancer.yaml.new", ".apps.conf.new", "+1 .apps.conf.new"]
    assert desk.rules.read_text() == RULES
    assert desk.copies() == []


def test_saving_in_spite_of_errors(desk: Desk) -> None:
    """`Q` saves what is wrong, with a warning; `q` is no answer."""
    desk.steps(replaced("443", "x"))

    terminal = desk.open(str(desk.rules))
    terminal.answer("there is 1 error", "q")
    terminal.answer("", "Q")

    assert terminal.wait() == 0
    assert "warning: saved with 1 error; the daemon goes on with the old configuration" in terminal.shown
    assert desk.rules.read_text() == RULES.replace("443", "x")


def test_nothing_changed_and_discarded(desk: Desk) -> None:
    """An editor that changes nothing asks nothing; what is discarded is gone."""
    desk.steps(":", replaced("443", "80"))
    first = desk.open(str(desk.rules))
    assert first.wait() == 0
    assert "nothing is changed" in first.shown

    second = desk.open(str(desk.rules))
    second.answer("it is good", "d")
    assert second.wait() == 1
    assert desk.rules.read_text() == RULES
    assert desk.copies() == []


def test_who_comes_second_is_told_who_edits(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    """A second editor, and `rules`, are told who edits since when; the first goes on unharmed."""
    desk.steps(replaced("443", "80"))
    first = desk.open(str(desk.rules))
    first.expect("it is good")

    assert desk.open(str(desk.rules)).wait() == 2
    assert f"is changing {desk.rules} since 20" in desk.terminals[1].shown
    assert main(["edit", str(desk.config)]) == 2
    assert "wait until that has ended" in capfd.readouterr().err
    assert not (desk.directory / ".linkbalancer.yaml.new").exists()

    first.send("s\n")
    assert first.wait() == 0
    assert desk.rules.read_text() == RULES.replace("443", "80")


@pytest.mark.parametrize(
    ("letter", "status", "text", "left"),
    [
        ("o", 0, RULES.replace("443", "80"), []),
        ("k", 1, "# theirs\n" + RULES, [".apps.conf.new"]),
    ],
)
def test_the_original_changed_meanwhile(desk: Desk, letter: str, status: int, text: str, left: list[str]) -> None:
    """Somebody else's change is seen before it is overwritten; three ways out."""
    desk.steps(f"{replaced('443', '80')}; sed -i '1i# theirs' {desk.rules}")

    terminal = desk.open(str(desk.rules))
    terminal.answer("it is good", "s")
    terminal.answer("was changed by somebody else since you began", letter)

    assert terminal.wait() == status
    assert "-# theirs" in terminal.shown
    assert desk.rules.read_text() == text
    assert desk.copies() == left


def test_editing_again_after_somebody_else(desk: Desk) -> None:
    """`e` goes back to the editor; the next save overwrites what has been seen."""
    desk.steps(f"{replaced('443', '80')}; sed -i '1i# theirs' {desk.rules}", "sed -i '1i# theirs' \"$1\"")

    terminal = desk.open(str(desk.rules))
    terminal.answer("it is good", "s")
    terminal.answer("was changed by somebody else", "e")
    terminal.answer("it is good", "s")

    assert terminal.wait() == 0
    assert desk.rules.read_text() == "# theirs\n" + RULES.replace("443", "80")


def test_a_hang_up_loses_nothing(desk: Desk) -> None:
    """The terminal goes away while a question waits: the text is kept, and the next edit goes on with it."""
    desk.steps(replaced("443", "80"))
    first = desk.open(str(desk.rules))
    first.expect("it is good")
    first.hang_up()
    assert first.reap() == 129
    assert desk.rules.read_text() == RULES
    assert desk.copies() == [".apps.conf.new"]

    second = desk.open(str(desk.rules))
    second.answer("has an unfinished edit of 20", "c")
    second.answer("it is good", "s")
    assert second.wait() == 0
    assert desk.rules.read_text() == RULES.replace("443", "80")
    assert desk.copies() == []


def test_a_hang_up_in_the_editor(desk: Desk) -> None:
    """The same while the editor runs and has saved."""
    desk.steps(f"{replaced('443', '80')}; touch {desk.directory}/saved; sleep 30")
    terminal = desk.open(str(desk.rules))
    until((desk.directory / "saved").exists)
    terminal.hang_up()
    assert terminal.reap() == 129
    assert desk.copies() == [".apps.conf.new"]
    assert (desk.directory / ".apps.conf.new").read_text() == RULES.replace("443", "80")


@pytest.mark.parametrize(("answer", "text"), [("d", RULES.replace("443", "81")), ("x", RULES)])
def test_an_unfinished_edit_may_be_left(desk: Desk, answer: str, text: str) -> None:
    """What a killed session left is discarded or stays, as asked; its lock is nobody's."""
    desk.steps(replaced("443", "80"), replaced("443", "81"))
    first = desk.open(str(desk.rules))
    first.expect("it is good")
    first.kill()

    second = desk.open(str(desk.rules))
    second.answer("has an unfinished edit", answer)
    if answer == "d":
        second.answer("it is good", "s")
    assert second.wait() == (0 if answer == "d" else 2)
    assert desk.rules.read_text() == text
    assert (".apps.conf.new" in desk.copies()) is (answer == "x")


def test_interrupted(desk: Desk) -> None:
    """^C in the editor is the editor's; ^C at a question ends, and says where the text is."""
    desk.steps(f"trap : INT; {replaced('443', '80')}; touch {desk.directory}/saved; sleep 0.5; sleep 0.5")
    terminal = desk.open(str(desk.rules))
    until((desk.directory / "saved").exists)
    terminal.send("\x03")
    terminal.expect("it is good")
    terminal.send("\x03")
    assert terminal.wait() == 130
    assert f"Your text is kept in {desk.directory}/.apps.conf.new" in terminal.shown
    assert desk.rules.read_text() == RULES


def test_an_editor_that_crashes(desk: Desk) -> None:
    """How it ended is said; what it had saved may be used, or not."""
    desk.steps(f"{replaced('443', '80')}; exit 3", "kill -SEGV $$", ":", "exit 1")

    terminal = desk.open(str(desk.rules))
    terminal.answer("the editor ended with status 3", "e")
    terminal.answer("the editor ended by the signal SIGSEGV", "g")
    terminal.answer("it is good", "e")
    terminal.answer("it is good", "e")
    terminal.answer("the editor ended with status 1", "x")

    assert terminal.wait() == 1
    assert desk.rules.read_text() == RULES
    assert desk.copies() == []


def test_an_emptied_file_is_an_error(desk: Desk) -> None:
    """An editor that lost everything, as on a full disk, does not empty the rules."""
    desk.steps(': > "$1"', 'rm "$1"')

    terminal = desk.open(str(desk.rules))
    terminal.answer("there is 1 error", "e")

    assert terminal.wait() == 1
    assert "apps.conf:1:1: the file is empty now; bring its text back" in terminal.shown
    assert "cannot read the edited copy" in terminal.shown
    assert desk.rules.read_text() == RULES
    assert desk.copies() == []


def test_a_copy_that_is_no_text(desk: Desk) -> None:
    """Bytes that are no UTF-8 are an error like others."""
    desk.steps("printf '\\377' >> \"$1\"")
    terminal = desk.open(str(desk.rules))
    terminal.answer("there is 1 error", "x")
    assert terminal.wait() == 1
    assert "is not UTF-8 text" in terminal.shown


def test_a_broken_configuration_can_be_mended(desk: Desk) -> None:
    """Where the YAML names no rule file, it is edited alone."""
    desk.config.write_text(CONFIG.replace("applications:", "aplications:"))
    desk.steps(replaced("aplications", "applications"))

    terminal = desk.open(str(desk.config))
    terminal.answer("it is good", "s")

    assert terminal.wait() == 0
    assert "its rule file is left alone" in terminal.shown
    assert desk.config.read_text() == CONFIG


def test_parts(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """`--rules` and `--yaml` take one file of a configuration."""
    desk.steps(":", ":")
    assert desk.open(str(desk.config), "--rules").wait() == 0
    assert desk.open(str(desk.config), "--yaml").wait() == 0
    assert desk.arguments() == [".apps.conf.new", ".linkbalancer.yaml.new"]
    assert main(["edit", str(desk.rules), "--yaml"]) == 2
    assert "is a rule file" in capsys.readouterr().err


def test_what_cannot_be_edited(desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """No file, no editor, no room for the copy: one sentence, and nothing is left."""
    assert main(["edit", str(desk.directory / "none.conf")]) == 2
    assert "none.conf: No such file" in capsys.readouterr().err
    assert main(["edit", str(desk.directory / "none.yaml")]) == 2
    assert "none.yaml" in capsys.readouterr().err
    monkeypatch.setenv("VISUAL", "/nonexistent/editor")
    terminal = Terminal("edit", str(desk.rules))
    assert terminal.wait() == 1
    assert "cannot start /nonexistent/editor: No such file" in terminal.shown

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["edit", str(desk.rules)]) == 2
    assert "cannot make a copy to edit" in capsys.readouterr().err
    assert desk.copies() == []
    assert desk.rules.read_text() == RULES


def test_which_editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """$VISUAL, then $EDITOR, each may have arguments, then what is installed."""
    assert chosen({"VISUAL": "vim -n", "EDITOR": "nano"}) == ["vim", "-n"]
    assert chosen({"VISUAL": "", "EDITOR": "'my editor' -x"}) == ["my editor", "-x"]
    with pytest.raises(NoEditorError, match=r"\$EDITOR cannot be read"):
        chosen({"EDITOR": "'open"})
    (tmp_path / "editor").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chosen({}) == ["editor"]
    (tmp_path / "editor").unlink()
    with pytest.raises(NoEditorError, match="there is no editor"):
        chosen({})


def test_which_editors_open_at_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By its name or by what a link leads to; an unknown one gets the file alone."""
    (tmp_path / "vim.basic").touch(0o755)
    (tmp_path / "e").symlink_to("vim.basic")
    (tmp_path / "odd").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert opens_at_line("/usr/bin/nano")
    assert opens_at_line("e")
    assert not opens_at_line("odd")

"""An editing session: editor, check, plan, and the operator's decision, until it is one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from linkbalancer.cli.difference import coloured, difference
from linkbalancer.cli.drafts import Draft
from linkbalancer.cli.editors import edit
from linkbalancer.cli.output import complain, unreadable, write
from linkbalancer.cli.planning import show_plan
from linkbalancer.cli.question import question
from linkbalancer.cli.sources import ChangedError, SourceError, read_source
from linkbalancer.cli.verdict import complain_of, judge
from linkbalancer.config.findings import Finding

DROPPED: Final = "dropped"
KEPT: Final = "kept"
CONFIRM: Final = "5m"
"""How long an `apply --confirm` waits before it is taken back."""


@dataclass(frozen=True, slots=True)
class Decision:
    """How a session ended: its exit status, what becomes of the copies, and with which words to apply, if at all."""

    status: int
    copies: str = DROPPED
    apply: tuple[str, ...] | None = None


class Session:
    """Some files of one configuration while they are edited.

    Args:
        config: the configuration that they belong to, None when none is known: then rule files are checked alone.
        drafts: the files.
        editor: the words that start the editor.
        run_dir: where the daemon is that a plan compares with.
    """

    def __init__(self, config: Path | None, drafts: list[Draft], editor: list[str], run_dir: Path) -> None:
        self._config, self._drafts, self._editor, self._run_dir = config, drafts, editor, run_dir

    def run(self) -> Decision:
        """Edit until it is decided.

        Raises:
            HangUpError: the terminal is gone.
            SourceError: a copy cannot be read any more.
            NoEditorError: the editor cannot be started.
        """
        decision = self._edit(None)
        while decision is None:
            if not any(draft.is_changed() for draft in self._drafts):
                write("nothing is changed\n")
                return Decision(0)
            errors = self._errors()
            decision = self._wrong(errors) if errors else self._good()
        return decision

    def _edit(self, at: Finding | None) -> Decision | None:
        """Start the editor for every file, or for the one with a finding."""
        for draft in self._drafts:
            if at is not None and Path(at.file).resolve() != draft.source.real:
                continue
            ended = edit(self._editor, draft.copy, None if at is None else at.line)
            if ended is None:
                continue
            letter = question(
                f"the editor ended {ended}:",
                {"e": "edit again", "g": "go on with what it saved", "x": "quit without saving"},
            )
            if letter == "x":
                return Decision(1)
            if letter == "e":
                return self._edit(at)
        return None

    def _errors(self) -> tuple[Finding, ...]:
        """Check everything as it would be; say all that is wrong or doubtful."""
        contents = {draft.source.real: draft.content() for draft in self._drafts}
        emptied = tuple(
            Finding(str(draft.source.path), 1, 1, "the file is empty now", "bring its text back")
            for draft in self._drafts
            if draft.source.content.strip() and not draft.content().strip()
        )
        try:
            verdict = judge(self._config, contents)
        except OSError as error:
            raise SourceError(unreadable(error, self._config)) from None
        errors = (*emptied, *verdict.errors)
        complain_of(verdict.warnings, "warning: ")
        complain_of(errors)
        return errors

    def _wrong(self, errors: tuple[Finding, ...]) -> Decision | None:
        """Ask what to do about errors."""
        count = f"{len(errors)} error{'s' * (len(errors) > 1)}"
        letter = question(
            f"there {'is' if len(errors) == 1 else 'are'} {count}; nothing is saved yet:",
            {
                "e": "edit again, at the first error",
                "x": "quit without saving",
                "Q": "save in spite of the errors (a reload will refuse it, a start falls back)",
            },
        )
        if letter == "x":
            return Decision(1)
        if letter == "Q":
            decision = self._save()
            if decision is not None and decision.copies == DROPPED:
                complain(f"warning: saved with {count}; the daemon goes on with the old configuration")
            return decision
        mine = {draft.source.real for draft in self._drafts}
        first = next((one for one in errors if Path(one.file).resolve() in mine), None)
        return self._edit(first)

    def _good(self) -> Decision | None:
        """Show what is new and what it would do; ask what to do with it."""
        for draft in self._drafts:
            lines = difference(draft.source.content, draft.content(), str(draft.source.path))
            write(coloured(lines) + "\n" * bool(lines))
        choices = {"s": "save, apply later", "e": "edit again", "d": "discard it"}
        if self._config is not None:
            show_plan(self._config, {draft.source.real: draft.content() for draft in self._drafts}, self._run_dir)
            applying = {
                "a": "save and apply",
                "c": f"save and apply; taken back after {CONFIRM} unless `linkbalancer confirm` comes",
            }
            choices = applying | choices
        letter = question("it is good:", choices)
        if letter == "e":
            return self._edit(None)
        if letter == "d":
            return Decision(1)
        words = {"a": (), "c": ("--confirm", CONFIRM)}.get(letter)
        return self._save(words)

    def _save(self, words: tuple[str, ...] | None = None) -> Decision | None:
        """Save what is changed; None: it is not saved, and the operator wants to see it again."""
        for draft in self._drafts:
            while draft.is_changed():
                try:
                    draft.save()
                    write(f"{draft.source.path} is saved\n")
                except ChangedError:
                    decision, again = self._overtaken(draft)
                    if not again:
                        return decision
                except SourceError as error:
                    complain(str(error))
                    return self._unsaved(draft)
        return Decision(0, apply=words)

    def _overtaken(self, draft: Draft) -> tuple[Decision | None, bool]:
        """Ask what to do with a file that somebody else changed; return the decision and whether to save again."""
        theirs = read_source(draft.source.path)
        write(coloured(difference(theirs.content, draft.content(), str(draft.source.path))) + "\n")
        letter = question(
            f"{draft.source.path} was changed by somebody else since you began; from theirs (-) to yours (+) is above:",
            {
                "o": "overwrite theirs with yours",
                "e": "edit yours again, then see both once more",
                "k": f"keep theirs and quit; yours stays in {draft.copy}",
            },
        )
        if letter == "k":
            return Decision(1, KEPT), False
        draft.source = theirs
        if letter == "o":
            return None, True
        return self._edit(Finding(str(draft.source.path), 1, 1, "", "")), False

    def _unsaved(self, draft: Draft) -> Decision | None:
        letter = question(
            f"{draft.source.path} is not saved:",
            {"r": "try again", "k": f"quit; your text stays in {draft.copy}", "x": "quit and discard your text"},
        )
        return {"r": None, "k": Decision(1, KEPT), "x": Decision(1)}[letter]

"""The live view itself: asks the daemon again and again, and hands what it says to the tables."""

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar, Final

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from linkbalancer.cli.client import RefusedError
from linkbalancer.cli.watching import rows
from linkbalancer.cli.watching.asking import ask
from linkbalancer.cli.watching.dialogs import Asking, Help
from linkbalancer.cli.watching.samples import Samples, device_octets
from linkbalancer.cli.watching.table import LiveTable

EVENTS_SHOWN: Final = 30
HISTORY_EVERY_S: Final = 2.0
STRANGE: Final = (KeyError, TypeError, ValueError, AttributeError)
"""What comes of an answer that has another shape than ours."""

CHANGE_PATIENCE_S: Final = 130.0
"""How long a drain may take, a little longer than the daemon allows itself."""


class View(App[None]):
    """`linkbalancer watch`.

    Args:
        run_dir: the daemon's.
        interval_s: how often to ask it.
    """

    TITLE = "linkbalancer watch"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { background: ansi_default; color: ansi_default; }
    #headline { height: 1; text-style: bold; }
    LiveTable { background: ansi_default; color: ansi_default; height: auto; scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0; overflow-x: hidden; }
    LiveTable > .datatable--header { background: ansi_default; color: ansi_default; text-style: bold underline; }
    LiveTable > .datatable--cursor { background: ansi_default; color: ansi_default; text-style: reverse; }
    LiveTable > .datatable--hover { background: ansi_default; }
    #links, #vids { max-height: 30%; min-height: 2; }
    #applications { height: 1fr; min-height: 3; }
    #events { height: 22%; min-height: 2; }
    #filter { height: 1; border: none; padding: 0; background: ansi_default; color: ansi_default; display: none; }
    Footer { background: ansi_default; color: ansi_default; }
    FooterKey, FooterKey .footer-key--key, FooterKey .footer-key--description {
        background: ansi_default; color: ansi_default; }
    Box { align: center middle; background: transparent; }
    Box > Vertical { width: 90%; max-width: 112; height: auto; max-height: 90%; padding: 0 1;
        border: round ansi_default; background: ansi_default; color: ansi_default; }
    Box Static { background: ansi_default; width: 1fr; }
    Toast { background: ansi_default; color: ansi_default; border: round ansi_default; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit"),
        Binding("ctrl+c", "quit", show=False, priority=True),
        Binding("d", "drain", "drain"),
        Binding("r", "resume", "resume"),
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("escape", "unfilter", show=False),
        Binding("question_mark", "help", "keys", key_display="?"),
    ]

    def __init__(self, run_dir: Path, interval_s: float) -> None:
        super().__init__(ansi_color=True)
        self._run_dir, self._interval_s = run_dir, interval_s
        self._samples = Samples()
        self._status: dict[str, Any] | None = None
        self._seen_at: float | None = None
        self._wanted = ""
        self.theme = "ansi-dark"

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Static(f"asking the daemon of {self._run_dir}", id="headline", markup=False)
        yield LiveTable("links", rows.LINKS)
        yield LiveTable("vids", rows.VIDS)
        yield LiveTable("applications", rows.APPLICATIONS)
        yield LiveTable("events", rows.EVENTS)
        yield Input(placeholder="application or VID", id="filter")
        yield Footer()

    def on_mount(self) -> None:
        """Begin to ask."""
        self.query_one("#links").focus()
        self.run_worker(self._until_the_end(self._follow_status()))
        self.run_worker(self._until_the_end(self._follow_history()))

    # -- what is asked again and again ---------------------------------------------------------------------------------

    async def _until_the_end(self, following: Coroutine[None, None, None]) -> None:
        with contextlib.suppress(NoMatches):  # while it ends, the tables go before us
            await following

    async def _follow_status(self) -> None:
        while True:
            try:
                self._take(await ask(self._run_dir, "status"))
            except RefusedError as error:
                self._absent(str(error))
            except STRANGE as error:
                self._absent(f"the daemon's answer is not understood ({error!r}): is it of another version?")
            await asyncio.sleep(self._interval_s)

    async def _follow_history(self) -> None:
        while True:
            try:
                self._table("events").show(rows.events(await ask(self._run_dir, "history", limit=EVENTS_SHOWN)))
            except (RefusedError, *STRANGE) as error:
                missing = "there is no verb" in str(error)
                text = "this daemon tells no events" if missing else f"no events: {error}"
                if self._status is not None:
                    self._table("events").show([rows.Row("none", 0, ("", text, ""))])
            await asyncio.sleep(max(self._interval_s, HISTORY_EVERY_S))

    def _absent(self, why: str) -> None:
        self._samples.gap()
        seen = "" if self._seen_at is None else f"; what is shown is {time.monotonic() - self._seen_at:.0f} s old"
        self._say(2, f"{why}{seen}; asking again")

    def _take(self, status: dict[str, Any]) -> None:
        now = time.monotonic()
        processes = status.get("processes") or {}
        self._samples.take(status, device_octets(processes.get("agent")), now)
        self._status, self._seen_at = status, now
        self._draw()

    def _draw(self) -> None:
        status = self._status
        if status is None:
            return
        self._say(*rows.headline(status))
        self._table("links").show(rows.links(status, self._samples, self.size.width))
        self._table("vids").show(rows.vids(status))
        self._table("applications").show(rows.applications(status, self._wanted))

    def _say(self, badness: int, text: str) -> None:
        line = self._main.query_one("#headline", Static)
        line.update(text)
        line.styles.color = ("ansi_green", "ansi_yellow", "ansi_red")[badness]

    @property
    def _main(self) -> Screen[Any]:
        """The screen below all boxes; raises NoMatches while it ends, when all are gone."""
        stack = self.screen_stack
        if not stack:
            raise NoMatches("no screen is left")
        return stack[0]

    def _table(self, name: str) -> LiveTable:
        table: LiveTable = self._main.query_one(f"#{name}", LiveTable)
        return table

    # -- keys ----------------------------------------------------------------------------------------------------------

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(Help())

    def action_filter(self) -> None:
        """Ask for a text that applications must have."""
        field = self.query_one("#filter", Input)
        field.styles.display = "block"
        field.focus()

    def action_unfilter(self) -> None:
        """Show all applications again."""
        try:
            field = self.query_one("#filter", Input)
        except NoMatches:
            return
        field.value = ""
        field.styles.display = "none"
        self._table("applications").focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while the text is typed."""
        self._wanted = event.value.strip()
        self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to what was found; the text stays in view unless it is empty."""
        if not event.value.strip():
            event.input.styles.display = "none"
        self._table("applications").focus()

    def action_drain(self) -> None:
        """Drain the selected link or VID, having asked."""
        self.run_worker(self._change("drain"), group="change", exclusive=True)

    def action_resume(self) -> None:
        """Resume the selected link or VID, having asked."""
        self.run_worker(self._change("resume"), group="change", exclusive=True)

    async def _change(self, verb: str) -> None:
        name = self._selected()
        if name is None:
            self.notify(f"select a link or a VID to {verb}: Tab leads to their tables")
            return
        try:
            text = await self._outlook(name) if verb == "drain" else f"{name} serves again."
            if not await self.push_screen_wait(Asking(f"{verb} {name}?", text)):
                return
            self.notify(f"{verb} {name}: under way")
            await ask(self._run_dir, verb, change=True, patience_s=CHANGE_PATIENCE_S, what=name)
        except RefusedError as error:
            self.notify(str(error), title=f"{verb} {name}: refused", severity="error", timeout=15)
        else:
            self.notify(f"{verb} {name}: done")

    async def _outlook(self, name: str) -> str:
        """Return what the daemon says would happen; raises RefusedError."""
        seen = await ask(self._run_dir, "drain", change=True, what=name, preview=True)
        return "\n".join(map(str, seen.get("lines") or [f"{name} leaves service once another gateway serves."]))

    def _selected(self) -> str | None:
        focused = self.focused
        if not isinstance(focused, LiveTable) or focused.selected is None:
            return None
        return {"links": focused.selected, "vids": f"vid {focused.selected}"}.get(str(focused.id))

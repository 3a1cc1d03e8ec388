"""The live view with a pilot at its keys, against a socket that answers as the daemon's api does."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import DataTable, Input, Static

from linkbalancer.cli.watching.dialogs import Asking, Help
from linkbalancer.cli.watching.view import View
from tests.cli.fakeapi import HISTORY, FakeApi, status


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FakeApi]:
    """Return an api that answers."""
    seen = {"lines": ["VID 1 moves to b2"]}
    one = FakeApi(tmp_path / "run", {"status": status(), "history": HISTORY, "drain": seen, "resume": {}})
    yield one
    one.close()


def drive(
    run_dir: Path, story: Callable[[View, Pilot[None]], Awaitable[None]], size: tuple[int, int] = (80, 24)
) -> View:
    """Run the view without a terminal while a story goes on."""
    view = View(run_dir, 0.05)
    play(view, story, size)
    return view


def play(view: View, story: Callable[[View, Pilot[None]], Awaitable[None]], size: tuple[int, int]) -> None:
    """Run a view without a terminal while a story goes on."""

    async def run() -> None:
        async with view.run_test(size=size) as pilot:
            await story(view, pilot)

    asyncio.run(run())


async def until(pilot: Pilot[None], condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        await pilot.pause(0.02)


def cells(view: View, table: str) -> list[str]:
    """Return a table's rows as text."""
    found: DataTable[Any] = view.screen_stack[0].query_one(f"#{table}", DataTable)
    return [" ".join(str(cell).strip() for cell in found.get_row(key)) for key in found.rows]


def headline(view: View) -> str:
    """Return the first line."""
    return str(view.screen_stack[0].query_one("#headline", Static).render())


def test_everything_is_shown(api: FakeApi, tmp_path: Path) -> None:
    """Headline, links, VIDs with both ends, applications, events, in 80 x 24; what changes is drawn again."""

    async def story(view: View, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: cells(view, "applications") and cells(view, "events"))
        assert headline(view).startswith("b1 (controller): degraded: link l2 has been closed")
        assert cells(view, "links")[1].startswith("✖ l2 closed f1 -")
        assert cells(view, "vids")[0].startswith("● 1 master high master 150 this one l1")
        assert [one.split()[1] for one in cells(view, "applications")] == ["mail", "web", "backup", "voip"]
        assert "link l2 closed: silent for 600 ms VID 2 to b2; web to VID 1" in cells(view, "events")[0]

        changed = status()
        changed["links"]["l2"]["open"] = True
        del changed["applications"]["web"]
        api.answers["status"] = changed
        await until(pilot, lambda: cells(view, "links")[1].startswith("● l2 open"))
        assert len(cells(view, "applications")) == 3

    drive(tmp_path / "run", story)


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (300, 80)])
def test_any_size(api: FakeApi, tmp_path: Path, size: tuple[int, int]) -> None:
    """It fits an old terminal and a wall; a picture of it can be saved."""
    assert api

    async def story(view: View, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: cells(view, "applications"))
        await pilot.pause()
        assert "l1" in view.export_screenshot()

    drive(tmp_path / "run", story, size)


def test_no_daemon_then_one_then_none(tmp_path: Path) -> None:
    """Absent: said so, and asked again; when it comes it is shown; when it goes, what is shown is called old."""

    async def story(view: View, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "nobody listens there); asking again" in headline(view))
        one = FakeApi(tmp_path / "run", {"status": status()})
        await until(pilot, lambda: "degraded" in headline(view))
        await until(pilot, lambda: cells(view, "events") == [" this daemon tells no events "])
        one.close()
        await until(pilot, lambda: "what is shown is 0 s old; asking again" in headline(view))
        assert len(cells(view, "links")) == 2
        two = FakeApi(tmp_path / "run", {"status": {"kind": "unavailable", "what": "the agent does not answer"}})
        await until(pilot, lambda: "the agent does not answer" in headline(view))
        two.answers["status"] = status()
        await until(pilot, lambda: "degraded" in headline(view))
        two.close()

    drive(tmp_path / "run", story)


@asynccontextmanager
async def box(view: View, pilot: Pilot[None], *keys: str) -> AsyncIterator[Asking]:
    """Press keys that lead to a question; leave when it is gone."""
    await pilot.press(*keys)
    await until(pilot, lambda: isinstance(view.screen, Asking))
    assert isinstance(view.screen, Asking)
    yield view.screen
    await until(pilot, lambda: len(view.screen_stack) == 1)


def test_draining_asks_first(api: FakeApi, tmp_path: Path) -> None:
    """What would move is shown before; `n` does nothing; `y` does it, over the operators' socket."""

    async def story(view: View, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: cells(view, "vids"))
        async with box(view, pilot, "down", "d"):
            await pilot.press("n")
        assert [one for _, one in api.asked if one["verb"] == "drain" and not one.get("preview")] == []
        async with box(view, pilot, "tab", "d"):
            await pilot.press("y")
        await until(pilot, lambda: api.asked[-1][1].get("what") == "vid 1" or _changes(api))
        await until(pilot, lambda: len(_changes(api)) == 1)
        async with box(view, pilot, "r"):
            await pilot.press("y")
        await until(pilot, lambda: len(_changes(api)) == 2)

    drive(tmp_path / "run", story)

    previews = [one["what"] for _, one in api.asked if one.get("preview")]
    assert previews == ["l2", "vid 1"]
    assert _changes(api) == [("control", "drain", "vid 1"), ("control", "resume", "vid 1")]


def _changes(api: FakeApi) -> list[tuple[str, str, str]]:
    return [
        (socket, one["verb"], one["what"])
        for socket, one in list(api.asked)
        if one["verb"] in {"drain", "resume"} and not one.get("preview")
    ]


def test_a_refused_drain_is_said(api: FakeApi, tmp_path: Path) -> None:
    """The daemon's words, and nothing else happens; without a link or VID selected there is nothing to drain."""
    api.answers["drain"] = {"kind": "refused", "what": "no other gateway has VID 3", "remedy": "force it"}

    async def story(view: View, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: cells(view, "vids"))
        await pilot.press("d")
        await until(pilot, lambda: [one for one in view._notifications if "no other gateway" in one.message])
        await pilot.press("tab", "tab", "d")
        await until(pilot, lambda: [one for one in view._notifications if "select a link or a VID" in one.message])

    drive(tmp_path / "run", story)


def test_filter_and_help(api: FakeApi, tmp_path: Path) -> None:
    """`/` chooses applications while it is typed, Esc shows all; `?` has the keys; `q` ends."""
    api.answers["status"] = status(200)

    async def story(view: View, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(cells(view, "applications")) == 200)
        await pilot.press("/", *"oip", "enter")
        await until(pilot, lambda: len(cells(view, "applications")) == 1)
        assert view.focused is view.query_one("#applications")
        await pilot.press("escape")
        await until(pilot, lambda: len(cells(view, "applications")) == 200)
        await pilot.press("/", "enter")
        assert not view.query_one("#filter", Input).display
        await pilot.press("?")
        await until(pilot, lambda: isinstance(view.screen, Help))
        await pilot.press("escape")
        await until(pilot, lambda: len(view.screen_stack) == 1)
        await pilot.press("q")

    assert drive(tmp_path / "run", story).return_code == 0


def test_the_selection_stays_with_its_row(api: FakeApi, tmp_path: Path) -> None:
    """When applications change places, the selected one stays selected."""

    async def story(view: View, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: cells(view, "applications"))
        await pilot.press("tab", "tab", "down", "down", "down")
        table = view._table("applications")
        assert table.selected == "voip"
        changed = status()
        changed["applications"]["voip"]["vid"] = None
        api.answers["status"] = changed
        await until(pilot, lambda: cells(view, "applications")[0].startswith("✖ voip"))
        assert table.selected == "voip"
        assert table.cursor_row == 0

    drive(tmp_path / "run", story)


@pytest.mark.parametrize(
    "strange", [{}, {"links": []}, {**status(), "groups": {"x": {}}}, {**status(), "links": {"l1": {"open": 1}}}]
)
def test_a_daemon_of_another_version(api: FakeApi, tmp_path: Path, strange: dict[str, Any]) -> None:
    """A status or history of another shape is said not to be understood, and the next good one is shown."""
    api.answers |= {"status": strange, "history": {"chains": [{}]}}

    async def story(view: View, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "is it of another version?" in headline(view))
        api.answers["status"] = status()
        await until(pilot, lambda: "degraded" in headline(view))

    drive(tmp_path / "run", story)


class Ending(View):
    """A view whose screens are gone before those who ask have noticed that it ends."""

    gone = False

    @property
    def screen_stack(self) -> list[Screen[Any]]:
        """The screens that are left."""
        return [] if self.gone else super().screen_stack


def test_an_answer_that_comes_while_it_ends(api: FakeApi, tmp_path: Path) -> None:
    """What is told once the screens are gone is nobody's any more, and no error."""
    view = Ending(tmp_path / "run", 0.05)

    async def story(_: View, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "degraded" in headline(view))
        view.gone = True
        asked, asking = len(api.asked), len(view.workers)
        # One that was on its way may have come already, and ended who had asked.
        await until(pilot, lambda: len(api.asked) > asked or len(view.workers) < asking)
        await asyncio.sleep(0.1)
        view.gone = False

    play(view, story, (80, 24))


@pytest.mark.parametrize("answer", [b"", b"[]\n", b"nonsense\n"])
def test_an_answer_that_is_none(tmp_path: Path, answer: bytes) -> None:
    """Something else at that socket is said, not fatal."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async def story(view: View, pilot: Pilot[None]) -> None:
        server = await asyncio.start_unix_server(serve, tmp_path / "query.sock")
        await until(pilot, lambda: "no daemon answers on" in headline(view))
        server.close()

    drive(tmp_path, story)

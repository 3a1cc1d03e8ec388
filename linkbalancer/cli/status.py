"""`linkbalancer status`: what each link, VID and application does, since when, why, and what is next if it dies.

The worst comes first. Tables are drawn by rich on a terminal; elsewhere lines are plain text, and start-up stays quick.
"""

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from typing import Any

from linkbalancer.cli.client import RefusedError, add_run_dir_option, ask
from linkbalancer.cli.output import add_json_option, complain, emit
from linkbalancer.clock import MILLISECOND, in_words


@dataclass(frozen=True, slots=True)
class Row:
    """One line: how bad it is (0: as wished), and its cells."""

    badness: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One table."""

    title: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_json_option(parser)
    add_run_dir_option(parser)


def run(args: Namespace) -> int:
    """Show the status; 1: no daemon answers, 2: it is not ours to ask."""
    try:
        status = ask(args.run_dir, "status")
    except RefusedError as error:
        complain(str(error))
        return error.status
    if args.json or not sys.stdout.isatty():
        emit(args, status, plain(status))
    else:
        draw(status)
    return 0


def headline(status: dict[str, Any]) -> str:
    """Say in one line who answers and whether things are settled."""
    settled = f"settled for {_since(status['settled_for_ms'])}" if status["settled"] else "not settled yet"
    return f"{status['node']}, {status['role']}: {settled}"


def sections(status: dict[str, Any]) -> tuple[Section, ...]:
    """Return the tables, the worst of each first."""
    return (
        _sorted("Links", ("link", "is", "for", "why", "next if it dies"), map(_link, status["links"].items())),
        _sorted("VIDs", ("VID", "is", "for", "why", "next hop", "next if it dies"), map(_group, _groups(status))),
        _sorted(
            "Applications",
            ("application", "is on", "for", "why", "next if it dies"),
            (_application(item, status) for item in status["applications"].items()),
        ),
    )


def plain(status: dict[str, Any]) -> str:
    """Return the status as text in columns."""
    lines = [headline(status)]
    for section in sections(status):
        rows = [section.header, *(row.cells for row in section.rows)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += ["", section.title]
        lines += ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join(lines)


def draw(status: dict[str, Any]) -> None:
    """Draw the status on a terminal."""
    from rich.console import Console  # noqa: PLC0415 - a quarter of the start-up, and only a terminal needs it
    from rich.table import Table  # noqa: PLC0415 - as above

    console = Console()
    console.print(headline(status), style="bold" if status["settled"] else "bold yellow", highlight=False)
    for section in sections(status):
        # No lines between the cells: a gateway's state fits a small terminal.
        table = Table(*section.header, title=f"\n{section.title}", title_justify="left", box=None, padding=(0, 2, 0, 0))
        for row in section.rows:
            table.add_row(*row.cells, style=("", "yellow", "red")[row.badness])
        console.print(table)


def _sorted(title: str, header: tuple[str, ...], rows: Any) -> Section:  # noqa: ANN401 - any iterable of rows
    return Section(title, header, tuple(sorted(rows, key=lambda row: -row.badness)))


def _groups(status: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return sorted(status["groups"].items(), key=lambda item: int(item[0]))


def _link(item: tuple[str, dict[str, Any]]) -> Row:
    name, link = item
    state = "open" if link["open"] else "closed"
    if link["fault"]:
        state = f"fault: {link['fault']}"
    good = link["open"] and not link["fault"]
    return Row(0 if good else 2, (name, state, _since(link["since_ms"]), link["reason"], link.get("if_it_dies", "")))


def _group(item: tuple[str, dict[str, Any]]) -> Row:
    vid, group = item
    master = {"self": "", None: ", no Master"}.get(group["master"], f", Master is {group['master']}")
    badness = 0 if group["works"] else 2
    if not badness and group["state"] in {"fault", "held", "stopped", "initialising"}:
        badness = 1
    state = f"{group['state']}{master}" + ("" if group["works"] else ", does not work")
    cells = (vid, state, _since(group["since_ms"]), group["reason"], group["next_hop"], group["if_it_dies"])
    return Row(badness, cells)


def _application(item: tuple[str, dict[str, Any]], status: dict[str, Any]) -> Row:
    name, application = item
    vid = application["vid"]
    group = status["groups"].get(str(vid))
    first = application["vids"][0] if application["vids"] else []
    badness = 0 if vid in {member["vid"] for member in first} else 1
    if group is None or not group["works"]:
        badness = 2
    following = "nothing" if application["next"] is None else f"VID {application['next']}"
    place = "nowhere" if vid is None else f"VID {vid}"
    return Row(badness, (name, place, _since(application["since_ms"]), application["reason"], following))


def _since(milliseconds: int) -> str:
    return in_words(int(milliseconds) * MILLISECOND)

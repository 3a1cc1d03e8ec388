"""Tests of docs/weights.md: every example is weighed with what its table says was measured, and comes to that."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.cli.main import main
from linkbalancer.clock import SECOND
from linkbalancer.config import plugins
from linkbalancer.config.load import load
from linkbalancer.config.model import Config
from linkbalancer.config.weightfields import parse_volume
from linkbalancer.links import GroupId
from linkbalancer.weights.amounts import AMOUNT
from linkbalancer.weights.function import BUILT_IN
from linkbalancer.weights.mapping import Linear, Logarithmic, Steps
from linkbalancer.weights.metrics import Lane, Metrics
from linkbalancer.weights.news import Advised, Checked, Clocked, Mastered, Measured, Opened
from linkbalancer.weights.operations import FUNCTIONS
from linkbalancer.weights.settings import WeigherSettings
from linkbalancer.weights.tokens import UNITS
from linkbalancer.weights.variables import VARIABLES
from linkbalancer.weights.wall import DAYS, Wall
from linkbalancer.weights.weigher import Weigher

PAGE = (Path(__file__).parents[2] / "docs" / "weights.md").read_text()
HEAD = "node: b1\nrole: controller\n{}applications: apps.conf\n"
MONDAY = date(2026, 11, 23)
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Example:
    """A configuration of the page, and the rows of the table below it."""

    title: str
    text: str
    rows: tuple[dict[str, str], ...]


def examples() -> Iterator[Example]:
    """Yield every configuration of the page."""
    for section in PAGE.split("\n## ")[1:]:
        pieces = re.split(r"^```(\w+)\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
        for language, text, after in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
            if language == "yaml":
                yield Example(section.partition("\n")[0], text, tuple(rows(after)))


def rows(text: str) -> Iterator[dict[str, str]]:
    """Yield the rows of the first table of a text, by the words of its head."""
    lines = re.findall(r"(?:^\|.*\|\n?)+", text, re.MULTILINE)[:1]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in "".join(lines).splitlines()]
    for row in cells[2:]:
        yield dict(zip(cells[0], row, strict=True))


def config_of(text: str) -> Config:
    """Load an example, which must be good to the last warning."""
    files = {"linkbalancer.yaml": HEAD.format(text), "apps.conf": "App=* * * * * * [1]\n"}
    loaded = load("linkbalancer.yaml", files.__getitem__)
    assert loaded.warnings == ()
    return loaded.config


@dataclass
class Link:
    """A link as a row of a table describes it."""

    lane: Lane = field(default_factory=Lane)
    rtt: int | None = None
    jitter: int | None = None
    loss: float | None = None
    used: float | None = None
    wall: Wall | None = None
    mastered: bool = False
    crowded: bool = False
    checks: dict[str, float] = field(default_factory=dict)

    def read(self, words: str) -> "Link":
        """Take in `rtt 20ms, loss 2%, mastered`."""
        for one in words.split(", "):
            name, _, value = one.rpartition(" ")
            match name or one:
                case "rtt" | "jitter":
                    setattr(self, name, int(amount(value) * SECOND))
                case "loss":
                    self.loss = amount(value)
                case "rate" | "capacity":
                    self.lane = replace(self.lane, **{name: amount(value)})
                case "backlog":
                    self.lane = replace(self.lane, backlog=parse_volume(value))
                case "used":
                    self.used = parse_volume(value)
                case "mastered":
                    self.mastered = True
                case "mastered with":
                    self.mastered = self.crowded = True
                case _ if name.startswith("at "):
                    hour, minute = map(int, value.split(":"))
                    self.wall = Wall(MONDAY + timedelta(days=DAYS.index(name[3:])), 60 * hour + minute)
                case _:
                    self.checks[name] = amount(value)
        return self


def amount(words: str) -> float:
    """Return an amount in base units."""
    match = AMOUNT.fullmatch(words)
    assert match is not None, words
    return float(match[1]) * UNITS[match[2]][0]


def weigher(settings: WeigherSettings, link: Link, group: GroupId) -> Weigher:
    """Return a weigher that was told of a link."""
    found = Weigher(settings)
    if link.used is not None:
        months = {str(day): [link.wall.period(day) if link.wall else 0, link.used] for day in settings.resets}
        assert found.restore(0, found.snapshot() | {"months": months})
    found.handle(0, Opened())
    if link.wall is not None:
        found.handle(0, Clocked(link.wall))
    found.handle(0, Checked(dict(link.checks)))
    others = {GroupId(200)} if link.crowded else set()
    found.handle(0, Mastered(frozenset({group, *others} if link.mastered else ())))
    known = Metrics(outward=link.lane, inward=link.lane, rtt=link.rtt, jitter=link.jitter, loss=link.loss)
    found.handle(0, Measured(known))
    found.handle(0, Advised(tuple(plugins.consult(question) for question in found.questions(0))))
    return found


@pytest.fixture(autouse=True)
def _installed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the plug-in of the page installed, as its own pyproject says."""
    folder = tmp_path_factory.mktemp("installed")
    plug_in(folder)
    monkeypatch.syspath_prepend(folder)
    plugins.find.cache_clear()
    yield
    plugins.find.cache_clear()


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def plug_in(folder: Path) -> Path:
    """Write the plug-in of the page to a folder, as an installer would; return its test."""
    project: dict[str, Any] = tomllib.loads(blocks("toml")[0])["project"]
    module, test = blocks("python")
    (points,) = project["entry-points"].items()
    group, entries = points
    about = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    words = "".join(f"{name} = {where}\n" for name, where in entries.items())
    (about / "entry_points.txt").write_text(f"[{group}]\n{words}")
    (value,) = entries.values()
    (folder / f"{value.partition(':')[0]}.py").write_text(module)
    path = folder / "test_queue.py"
    path.write_text(test)
    return path


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.title)
def test_every_example_comes_to_what_its_table_says(example: Example) -> None:
    """Weight and priority, row by row."""
    config = config_of(example.text)
    (name,) = config.links
    assert example.rows
    for row in example.rows:
        if "VIDs" in row:
            continue
        group = GroupId(int(row.get("VID", "1")))
        found = weigher(config.weights(name), Link().read(row["measured"]), group).wanted.get(group)
        said = ("none", "none") if found is None else (f"{found[0]:.3g}", str(found[1]))
        assert said == (row["weight"], row["priority"]), row


def test_four_vids_are_spread_over_three_links_as_the_page_says() -> None:
    """Elect until nothing moves, from every VID on one link and from none."""
    (example,) = (one for one in examples() if one.rows and "VIDs" in one.rows[0])
    settings = config_of(example.text).weights("l1")
    said = {row["link"]: {int(vid) for vid in row["VIDs"].split(", ")} for row in example.rows}
    for start in (None, "l1", "l3"):
        links = {row["link"]: weigher(settings, Link().read(f"rtt {row['rtt']}"), GroupId(1)) for row in example.rows}
        masters = dict.fromkeys(settings.groups, start)
        for _ in settings.groups:
            for name, machine in links.items():
                machine.handle(SECOND, Mastered(frozenset(vid for vid, link in masters.items() if link == name)))
            masters = {vid: max(links, key=lambda name: (links[name].wanted[vid][1], name)) for vid in masters}
        assert {name: {vid.vid for vid, link in masters.items() if link == name} for name in links} == said


def test_the_table_of_mappings() -> None:
    """To the number."""
    (table,) = re.findall(r"^\| weight \| linear .*\n(?:\|.*\n)+", PAGE, re.MULTILINE)
    mappings = (Linear(), Logarithmic(), Steps(((0, 10), (50, 100), (90, 200))))
    for line in table.splitlines()[2:]:
        weight, *priorities = map(int, line.strip("|").split("|"))
        assert [mapping.priority(weight) for mapping in mappings] == priorities


def test_names_functions_and_units_are_those_that_there_are() -> None:
    """In the tables of the section on expressions, all of them."""
    section = PAGE.split("\n## Say it")[1].split("\n## ")[0]
    first = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    words = {word for cell in first for word in re.findall(r"`(\w+)", cell)}
    numbers = section[section.index("Numbers may") :].split("\n\n")[0]

    assert words == {*VARIABLES, *FUNCTIONS}
    assert all(re.search(rf"\b{unit}\b", numbers) or unit in {"bit", "Tbit", "B", "TB", "TiB", "%"} for unit in UNITS)


def test_the_functions_are_those_that_there_are() -> None:
    """In the table of what they mean."""
    section = PAGE.split("\n## What each function means")[1].split("\n## ")[0]

    assert set(re.findall(r"^\| `([\w-]+)`", section, re.MULTILINE)) == set(BUILT_IN)


def test_what_check_is_said_to_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error within an expression, at its place."""
    (session,) = blocks("console")
    command, _, answer = session.removeprefix("$ linkbalancer ").partition("\n")
    (example,) = (one for one in examples() if one.title.startswith("Say it"))
    (tmp_path / "b1").mkdir()
    text = re.sub(r"expression: if.*", "expression: 100 - rtt", HEAD.format(example.text))
    (tmp_path / "b1" / "linkbalancer.yaml").write_text(text)
    (tmp_path / "b1" / "apps.conf").write_text("App=* * * * * * [1]\n")
    monkeypatch.chdir(tmp_path)

    assert main(command.split()) == 1
    assert capsys.readouterr().err == answer


def test_the_plug_in_passes_the_suite_that_its_author_is_given(tmp_path: Path) -> None:
    """By pytest, as its author would run it; and one that is wrong does not."""
    path = plug_in(tmp_path)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", str(path)]
    environment = {"PYTHONPATH": f"{ROOT}:{tmp_path}", "PATH": "/usr/bin:/bin"}
    good = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stdout
    assert "6 passed" in good.stdout
    module = tmp_path / "linkbalancer_queue.py"
    module.write_text(module.read_text().replace("max(0.0, ", "("))
    bad = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert "is not within 0 to 100" in bad.stdout

"""The rules that no tool has: sizes, names, left-overs, and documents that must agree with the code."""

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.engine.effects import Effect

pytestmark = pytest.mark.thorough  # it reads the files, and runs none

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "linkbalancer"
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
BANNED_NAMES = {"utils", "util", "helpers", "helper", "manager", "misc", "common", "data"}
LEFT_OVERS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"]) + r")\b")
PLACES = re.compile(
    "|".join(
        [
            "/wor" + "k/",
            "/far" + "m/",
            "bash_" + "jobs",
            "pypi" + r"\.org",
            "debian" + r"\.org/(?!doc/packaging-manuals/copyright-format)",
        ]
    )
)


def sources() -> list[Path]:
    """Every Python file of the project and its tests."""
    return sorted([*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")])


def tracked() -> Iterator[Path]:
    """Every text file that version control knows, or would know."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)
    for name in listing.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and b"\0" not in path.read_bytes()[:1024]:
            yield path


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function of a file with its number of lines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            yield node.name, node.end_lineno - node.lineno + 1


def test_a_file_fits_one_sitting() -> None:
    """No file is longer than 500 lines."""
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources()}

    assert {} == {name: lines for name, lines in long.items() if lines > FILE_LINES_MAX}


def test_a_function_fits_a_screen() -> None:
    """No function is longer than 60 lines."""
    long = [
        f"{path.relative_to(ROOT)}:{name}: {lines}"
        for path in sources()
        for name, lines in functions(path)
        if lines > FUNCTION_LINES_MAX
    ]

    assert [] == long


def test_the_ratchet_only_falls() -> None:
    """What is tolerated may become less, never more; the file must say just what is there."""
    package = sorted(PACKAGE.rglob("*.py"))
    counted = {
        "files_over_300_lines": sum(len(path.read_text().splitlines()) > 300 for path in package),
        "functions_over_40_lines": sum(lines > 40 for path in package for _, lines in functions(path)),
        "noqa": sum(path.read_text().count("# noqa") for path in sources() if path != Path(__file__)),
    }

    assert json.loads((ROOT / "tests" / "ratchet.json").read_text()) == counted


def test_names_say_something() -> None:
    """No module has a name that could stand on any file."""
    assert [] == [path for path in PACKAGE.rglob("*.py") if path.stem in BANNED_NAMES]


def test_every_module_says_what_it_is() -> None:
    """Every module opens with a docstring, tests included."""
    assert [] == [path for path in sources() if not ast.get_docstring(ast.parse(path.read_text()))]


def test_tests_mirror_the_package() -> None:
    """Every package has a folder of tests of the same name."""
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    tested = {path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")}

    assert set() == packages - tested


def test_nothing_is_left_over() -> None:
    """No marker of unfinished work, no path of somebody's machine, no registry's host."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in tracked()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if path != Path(__file__) and (LEFT_OVERS.search(line) or PLACES.search(line))
    ]

    assert [] == found


@pytest.mark.parametrize("world", ["daemon", "sim"])
def test_every_effect_is_handled_in_both_worlds(world: str) -> None:
    """An effect that a world does not know would be lost there without a word."""
    text = "\n".join(path.read_text() for path in (PACKAGE / world).rglob("*.py"))
    if world == "daemon":
        text += (PACKAGE / "drivers" / "kernel.py").read_text()
    names = [effect.__name__ for effect in Effect.__args__]

    assert [] == [name for name in names if not re.search(rf"\b{name}\b", text)]


def documents() -> list[Path]:
    """Every Markdown file that is ours."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "conf").rglob("*.md")])


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_name_what_exists(path: Path) -> None:
    """A relative link leads somewhere, and a file of the package that is named exists."""
    text = path.read_text()
    links = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    named = re.findall(r"`((?:linkbalancer|tests|conf|systemd|docs)/[\w./-]+\.\w+)`", text)

    assert [] == [link for link in links if link and not (path.parent / link).exists()]
    assert [] == [name for name in named if not (ROOT / name).exists()]


def test_every_rfc_clause_names_its_test() -> None:
    """Each clause in docs/rfc.md is shown by a test that carries its mark, and each mark is in the document."""
    listed = set(re.findall(r"^\| (RFC \d+ [\d.]+) \|", (ROOT / "docs" / "rfc.md").read_text(), re.MULTILINE))
    marked = {
        clause
        for path in (ROOT / "tests").rglob("test_*.py")
        for clause in re.findall(r'mark\.rfc\("(RFC \d+ [\d.]+)"\)', path.read_text())
    }

    assert listed == marked


def recorded_transitions() -> set[str]:
    """Every change of state in the recordings of the VRRP router, as the diagram's lines."""
    lines = {"[*] --> initialising"}
    for path in (ROOT / "tests" / "vrrp" / "recordings").glob("*.jsonl"):
        for step in map(json.loads, path.read_text().splitlines()[1:]):
            (event,) = step["event"]
            for changed in (effect["Changed"] for effect in step["effects"] if "Changed" in effect):
                if changed["old"] != changed["new"]:
                    lines.add(f"{changed['old']} --> {changed['new']}: {event}")
    return lines


def test_the_state_diagram_is_what_the_machine_does() -> None:
    """The diagram in the architecture has every transition of the recordings, and no other."""
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    diagram = text.split("stateDiagram-v2\n")[1].split("```")[0]

    assert sorted(recorded_transitions()) == sorted(line.strip() for line in diagram.splitlines())

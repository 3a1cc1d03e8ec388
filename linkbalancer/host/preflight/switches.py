"""The kernel's switches, and the files that set them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from linkbalancer.engine.preflight.observed import SwitchLine

ROOT: Final = Path("/proc/sys/net")
DIRECTORIES: Final = ("etc/sysctl.d", "run/sysctl.d", "usr/local/lib/sysctl.d", "usr/lib/sysctl.d")
"""Of two files of one name, that of the earlier directory counts (sysctl.d(5))."""
LAST: Final = ("etc/sysctl.conf",)


def read(paths: Iterable[str]) -> dict[str, str | None]:
    """Return the value of each switch below /proc/sys/net, None where there is none, or it cannot be read."""
    values: dict[str, str | None] = {}
    for path in paths:
        try:
            values[path] = (ROOT / path).read_text().strip()
        except OSError:
            values[path] = None
    return values


def lines(root: Path = Path("/")) -> tuple[SwitchLine, ...]:
    """Return the lines of all sysctl files, in the order in which they are applied."""
    named: dict[str, Path] = {}
    for directory in reversed(DIRECTORIES):
        for path in sorted((root / directory).glob("*.conf")):
            named[path.name] = path
    ordered = [named[name] for name in sorted(named)]
    ordered += [path for path in (root / name for name in LAST) if not any(_same(path, one) for one in ordered)]
    if "ENABLED=yes" in _text(root / "etc/ufw/ufw.conf").splitlines():
        ordered.append(root / "etc/ufw/sysctl.conf")
    return tuple(line for path in ordered for line in parse(_text(path), f"/{path.relative_to(root)}"))


def parse(text: str, file: str) -> Iterator[SwitchLine]:
    """Yield the settings of a sysctl file; what is no setting is left out."""
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        key, equals, value = line.partition("=")
        key = key.strip()
        if equals:
            yield SwitchLine(file, _path(key.removeprefix("-")), value.strip())
        elif key.startswith("-"):
            yield SwitchLine(file, _path(key[1:]), None)


def _path(key: str) -> str:
    """Return a key as a path: whichever of dot and slash comes first separates, and the other is a dot then."""
    first = next((char for char in key if char in "./"), "/")
    return key.translate(str.maketrans("./", "/.")) if first == "." else key


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return not path.exists()

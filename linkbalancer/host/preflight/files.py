"""Configuration files of other programs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from linkbalancer.engine.preflight.observed import Instance

ROOT: Final = Path("/")
_LAYERS: Final = ("etc", "run", "usr/local/lib", "usr/lib")
_BLOCK: Final = re.compile(r"\bvrrp_instance\s+(\S+?)\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}")
_WORD: Final = re.compile(r"^\s*(interface|virtual_router_id)\s+(\S+)", re.MULTILINE)
_INCLUDE: Final = re.compile(r"^\s*include\w*\s+(\S+)", re.MULTILINE)
_INCLUDES_MAX: Final = 100


def networkd(root: Path = ROOT) -> dict[str, tuple[str, str]]:
    """Return the settings of the section Network of networkd.conf and its drop-ins: value and file."""
    settings = {}
    for path in _networkd_files(root):
        section = ""
        for raw in text(path).splitlines():
            line = raw.strip()
            if line.startswith("["):
                section = line
            elif section == "[Network]" and "=" in line and line[0] not in "#;":
                key, _, value = line.partition("=")
                settings[key.strip()] = (value.strip(), f"/{path.relative_to(root)}")
    return settings


def networkd_changed(started: float, root: Path = ROOT) -> bool:
    """Return whether one of networkd's files was changed after an instant, in seconds since 1970."""
    try:
        return any(path.stat().st_ctime > started for path in _networkd_files(root))
    except OSError:
        return False


def _networkd_files(root: Path) -> list[Path]:
    """Return networkd.conf and its drop-ins in the order in which they are read."""
    main = next((path for layer in _LAYERS if (path := root / layer / "systemd/networkd.conf").is_file()), None)
    dropins: dict[str, Path] = {}
    for layer in reversed(_LAYERS):
        dropins |= {path.name: path for path in (root / layer / "systemd/networkd.conf.d").glob("*.conf")}
    return [*([main] if main else []), *(dropins[name] for name in sorted(dropins))]


def keepalived(root: Path = ROOT) -> tuple[Instance, ...]:
    """Return the VRRP instances of keepalived.conf and of what it includes."""
    found: list[Instance] = []
    waiting, seen = [root / "etc/keepalived/keepalived.conf"], set[Path]()
    while waiting and len(seen) < _INCLUDES_MAX:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        content = re.sub(r"[#!].*", "", text(path))
        found += instances(content)
        for pattern in _INCLUDE.findall(content):
            folder = root if pattern.startswith("/") else path.parent
            waiting += sorted(folder.glob(pattern.lstrip("/")))
    return tuple(found)


def instances(content: str) -> Iterator[Instance]:
    """Yield the VRRP instances of a text without comments."""
    for name, body in _BLOCK.findall(content):
        words = dict(_WORD.findall(body))
        vrid = words.get("virtual_router_id", "")
        yield Instance(name, words.get("interface"), int(vrid) if vrid.isdigit() else None)


def dhcpcd(root: Path = ROOT) -> tuple[frozenset[str], frozenset[str] | None]:
    """Return the devices that dhcpcd.conf denies, and those that alone it allows (None: all)."""
    denied: set[str] = set()
    allowed: set[str] | None = None
    for line in text(root / "etc/dhcpcd.conf").splitlines():
        words = line.split()
        if words[:1] == ["denyinterfaces"]:
            denied |= set(words[1:])
        elif words[:1] == ["allowinterfaces"]:
            allowed = (allowed or set()) | set(words[1:])
    return frozenset(denied), None if allowed is None else frozenset(allowed)


def ufw(root: Path = ROOT) -> dict[str, str]:
    """Return the settings of ufw; none where it is not installed."""
    settings = {}
    for name in ("etc/ufw/ufw.conf", "etc/default/ufw"):
        for line in text(root / name).splitlines():
            key, equals, value = line.partition("=")
            if equals and not key.startswith("#"):
                settings[key.strip()] = value.strip().strip('"')
    return settings


def nftables(root: Path = ROOT) -> str | None:
    """Return the file of nftables.service where that is enabled, and the file flushes the whole rule set."""
    enabled = any((root / "etc/systemd/system").glob("*.wants/nftables.service"))
    lines = [line.split("#")[0].split() for line in text(root / "etc/nftables.conf").splitlines()]
    return "/etc/nftables.conf" if enabled and ["flush", "ruleset"] in lines else None


def text(path: Path) -> str:
    """Return a file's text, nothing where there is none or it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""

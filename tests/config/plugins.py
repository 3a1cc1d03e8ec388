"""Plug-ins as if somebody had installed them: a package with its entry points in a folder of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from linkbalancer.config import plugins

MODULE = """\
    import os
    import time

    from linkbalancer.weights.plugin import Parameter


    class Night:
        name = "night"
        parameters = {
            "by_day": Parameter(kind=float, default=50.0, least=0, most=100),
            "zone": Parameter(kind=str, about="write such as CET"),
        }

        def weight(self, view):
            if view.wall is None:
                return None
            return 100.0 if view.wall.minute < 360 else view.parameters["by_day"]


    class Misnamed(Night):
        pass


    class Mute:
        name = "mute"
        parameters = {}
        weight = None


    class Loose(Night):
        name = "loose"
        parameters = {"a": 1}


    class Trip:
        name = "trip"
        parameters = {"does": Parameter(kind=str, default="")}

        def weight(self, view):
            match view.parameters["does"]:
                case "sleep":
                    time.sleep(3600)
                case "spin":
                    while True:
                        pass
                case "eat":
                    return len([bytes(1 << 20) for _ in range(1 << 20)])
                case "end":
                    os._exit(3)
                case "who":
                    return float(os.geteuid() == 0)
                case "sockets":
                    return float(len(os.listdir("/proc/self/fd")))
                case "scribble":
                    os.write(max(map(int, os.listdir("/proc/self/fd"))), b"[]")
            return None if view.metrics.rtt is None else max(0.0, 100 - view.metrics.rtt / 1e6)


    night = Night()
"""


@contextmanager
def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, entries: str = "night = strange:Night") -> Iterator[None]:
    """Have a package with these entry points, and forget it afterwards."""
    about = folder / "strange-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "strange.py").write_text(dedent(MODULE))
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: strange\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[linkbalancer.weights]\n" + dedent(entries) + "\n")
    monkeypatch.syspath_prepend(folder)
    plugins.find.cache_clear()
    plugins.installed.cache_clear()
    try:
        yield
    finally:
        plugins.find.cache_clear()
        plugins.installed.cache_clear()

"""What the api tells of the configurations kept, and who it is that asks for one."""

import time
from collections.abc import Mapping
from typing import Any

from linkbalancer.clock import MILLISECOND, Duration, in_words
from linkbalancer.config.load import ConfigErrors, load_as
from linkbalancer.config.model import Config
from linkbalancer.daemon.configurations import Configurations, Entry, NotKeptError
from linkbalancer.daemon.requests import Request

NAME_MAX = 32
"""Characters of a name that a caller tells."""

_TOLD = ("number", "at", "who", "how", "state", "reason", "before", "path", "id", "summary", "digest")


def shown(notice: Mapping[str, Any], entry: Entry | None, left: Duration | None, drift: list[str]) -> dict[str, Any]:
    """Return what is in force, as `status` shows it; of one on trial with the time that is left for it."""
    moot = notice["source"] != "files" and not drift  # the files have become what is in force
    wall = time.clock_gettime_ns(time.CLOCK_REALTIME)
    return {
        **{key: notice[key] for key in ("entry", "at", "who", "how", "source", "path")},
        "state": "unkept" if entry is None else entry.state,
        "lines": [] if moot else [*notice["lines"], *drift],
        "confirm_left_ms": None if left is None else left // MILLISECOND,
        "confirm_until_ms": None if left is None else (wall + left) // MILLISECOND,
    }


def findings(configuration: Mapping[str, Any]) -> list[str]:
    """Return what somebody should know of it, worst first."""
    left = configuration["confirm_left_ms"]
    if left is None:
        return list(configuration["lines"])
    words = in_words(left * MILLISECOND)
    trial = f"the configuration is taken back in {words} unless `linkbalancer confirm` comes before"
    return [trial, *configuration["lines"]]


def config(kept: Configurations, number: int | None) -> Config | None:
    """Return a configuration without its rules, None where it could not be kept."""
    if number is None:
        return None
    try:
        found = kept.read(number)
        return load_as(Config, found.entry.path, found.texts.__getitem__)
    except (NotKeptError, ConfigErrors, KeyError, TypeError):
        return None


def tell(kept: Configurations, number: object, in_force: Mapping[str, Any], request: Request) -> None:
    """Answer with one configuration: its texts, and its keys as they may be shown; beside it what is in force."""
    if not isinstance(number, int):
        request.refuse("refused", "what is in force could not be kept, so it cannot be shown", "make room on the disk")
        return
    try:
        found = kept.read(number)
    except NotKeptError as error:
        request.refuse("refused", str(error), "see `linkbalancer history config`")
        return
    about = {"texts": found.public(), "rules": found.facts.rules, "keys": found.facts.keys}
    request.answer({**in_force, "shown": number, **about, "store": str(kept.directory)})


def list_all(kept: Configurations, in_force: int | None, request: Request) -> None:
    """Answer with all that are kept, newest first."""
    entries = [{key: getattr(entry, key) for key in _TOLD} for entry in reversed(kept.entries())]
    request.answer({"in_force": in_force, "entries": entries})


def who(request: Request) -> str:
    """Return who asks: the user that the kernel names, and for root who that was, as far as the caller tells."""
    told = request.arguments.get("sudo_user")
    if request.who != "root" or not isinstance(told, str) or not told or told == "root":
        return request.who
    shown = "".join(letter for letter in told if letter.isascii() and (letter.isalnum() or letter in "._-@"))
    return f"root (sudo by {shown[:NAME_MAX]})" if shown else request.who

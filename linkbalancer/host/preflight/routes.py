"""The kernel's routes of every table, everybody's."""

from typing import Any

from linkbalancer.engine.preflight.observed import Route
from linkbalancer.host.preflight.program import Json, ask_json
from linkbalancer.host.preflight.rules import FAMILIES, KINDS
from linkbalancer.links import Family


def read(family: Family = Family.IPV4) -> tuple[Route, ...]:
    """Return a family's routes of every table. Raises UnseenError."""
    return parse(ask_json("ip", "-j", "-N", FAMILIES[family], "route", "show", "table", "all"))


def parse(listed: Json) -> tuple[Route, ...]:
    """Return the routes of `ip -j -N route show table all`; the table main is the one that is not named."""
    return tuple(
        Route(" ".join(_words(one)), int(one.get("table", 254)), int(one.get("protocol", 0))) for one in listed
    )


def _words(one: dict[str, Any]) -> list[str]:
    """Write a route as `ip route` does, shortly."""
    kind = one.get("type")
    words = [KINDS.get(str(kind), str(kind))] if kind not in {None, "unicast", "1"} else []
    words.append(str(one.get("dst", "default")))
    if "gateway" in one:
        words += ["via", str(one["gateway"])]
    if "dev" in one:
        words += ["dev", str(one["dev"])]
    return words

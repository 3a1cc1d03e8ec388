"""The drawn parts of docs/protocol.md, by the names that stand over them there."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from linkbalancer.links import Role
from tests.lvrrp.drawn import conversations, openness, queries, tables

DOCUMENT = Path(__file__).parents[3] / "docs" / "protocol.md"
BLOCK = re.compile(r"<!-- drawn: ([\w ]+) -->\n(.*?)\n<!-- end -->", re.DOTALL)

DRAWINGS: dict[str, Callable[[], list[str]]] = {
    "openness of the controller": partial(openness.draw, Role.CONTROLLER),
    "openness of the controlled end": partial(openness.draw, Role.CONTROLLED),
    "sessions of the controller": partial(conversations.draw, Role.CONTROLLER),
    "sessions of the controlled end": partial(conversations.draw, Role.CONTROLLED),
    "datagrams at the controller": partial(conversations.table, Role.CONTROLLER),
    "datagrams at the controlled end": partial(conversations.table, Role.CONTROLLED),
    "queries": queries.draw,
    "losses": queries.losses,
    "waits": queries.waits,
    "rules": tables.rules,
    "tiers": tables.tiers,
    "limits": tables.limits,
    "failover": tables.failover,
}


def redrawn(text: str) -> str:
    """Return a document with all its drawings made anew; raises KeyError for a name that is none."""
    return BLOCK.sub(lambda found: f"<!-- drawn: {found[1]} -->\n{drawing(found[1])}\n<!-- end -->", text)


def drawing(name: str) -> str:
    """Return one drawing."""
    return "\n".join(DRAWINGS[name]())

"""Eras: which flows the classifier in use has classified, as a number in their connections' marks.

Every classifier that is put to use begins an era. Flows of another one are classified anew with their next packet, in
whichever direction it runs; they keep the VID that they have, and their application's manner decides whether they stay
on it. The number wraps: a flow that sleeps through exactly as many eras as there are numbers keeps its application.
"""

from collections.abc import Iterable
from typing import Final

from linkbalancer.routing.marks import Marks

ERA: Final = "era_"
"""How the name of the empty chain begins that says which era it is."""
_ALL_BITS: Final = 0xFFFFFFFF


def chains(marks: Marks, era: int, application_map: str) -> dict[str, tuple[str, ...]]:
    """Return the chains that send flows of this era on without a look at the rules, the others to the classifier.

    The era is noted first: a packet always leaves the classifier with an application. What a link brings of a flow
    whose source is translated bears the translated address: that flow waits for a packet of the other direction.
    """
    known, now = f"ct mark and {marks.generation_mask:#010x}", f"{marks.generation_mark(era):#010x}"
    note = f"ct mark set ct mark and {_ALL_BITS & ~marks.generation_mask:#010x} or {now}"
    return {
        "steer_lan": (
            f"{known} != {now} {note} goto from_lan",
            f"ct mark and {marks.connection_mask:#010x} vmap @{application_map}",
            "goto from_lan",
        ),
        "steer_link": (f"{known} == {now} return", "ct status snat return", note, "goto from_link"),
    }


def number(present: Iterable[str]) -> int | None:
    """Return the number of the era by the chains that are there; None where none of them says it."""
    return next((int(one.removeprefix(ERA)) for one in present if one.startswith(ERA)), None)


def after(present: Iterable[str], limit: int) -> int:
    """Return the number of the era that begins, by the chains that are there: 1 to `limit`, and from 1 again."""
    return next_one(number(present) or 0, limit)


def next_one(era: int, limit: int) -> int:
    """Return the number of the era after another one."""
    return era % limit + 1

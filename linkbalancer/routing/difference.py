"""The difference between what is wanted and what is found: what to add and what to remove, nothing else."""

from collections.abc import Hashable, Iterable
from typing import TypeVar

ItemT = TypeVar("ItemT", bound=Hashable)


def difference(wanted: Iterable[ItemT], found: Iterable[ItemT]) -> tuple[tuple[ItemT, ...], tuple[ItemT, ...]]:
    """Return (to add, to remove), each in the order of its source and without repeats.

    Applying both makes `found` equal to `wanted` as sets; a second difference is empty.
    """
    have = dict.fromkeys(found)
    want = dict.fromkeys(wanted)
    return tuple(item for item in want if item not in have), tuple(item for item in have if item not in want)

"""What a zygote does about its free memory before it forks: it fills the holes, so that children make theirs together.

Reading a configuration leaves thousands of small holes between what stays. A child's own objects would go there, each
into another page that it shared until then, and the kernel copies the whole page. So the zygote puts something into
each hole, and children's objects begin on new pages.

By CPython's own allocator (Objects/obmalloc.c): blocks of up to 512 bytes come from pools of blocks of one size, and a
pool that nobody uses is taken only when all others of that size are full.
"""

import sys
from sys import _clear_type_cache
from typing import Final

_POOL: Final = 1 << 14
_HEADER: Final = 48
_LARGEST: Final = 512
_STEP: Final = 16
_BYTES: Final = sys.getsizeof(b"")
_INTEGERS: Final = 2 * _STEP
"""The blocks of this size are those of the numbers that are reckoned with while holes are filled."""
_SLACK: Final = 8

MOST: Final = 64 << 20
"""Bytes that are filled in at most: another allocator would take them for ever, and then nothing is filled."""

_FILLERS: Final[list[object]] = []


def fill() -> bool:
    """Fill every hole of up to 512 bytes, and let go of the names that lookups of attributes remember.

    Those names are remembered for all types together, and a child's first lookups would let go of one after another.

    Returns:
        Whether it is done; if not, all is as it was.
    """
    clear()
    _clear_type_cache()
    left = MOST
    for size in range(_STEP, _LARGEST + 1, _STEP):
        left -= _fill(size, left)
        if left <= 0:
            clear()
            return False
    return True


def clear() -> None:
    """Let go of what is in the holes: for who reads anew, and leaves others."""
    _FILLERS.clear()


def _fill(size: int, most: int) -> int:
    """Take blocks of one size until they fill a pool by themselves; return how many bytes that took."""
    enough = (_POOL - _HEADER) // size - (_SLACK if size == _INTEGERS else 0)
    pool = count = 0
    for taken in range(0, most, size):
        one = _block(size)
        _FILLERS.append(one)
        here = id(one) // _POOL
        count = count + 1 if here == pool else 1
        pool = here
        if count == enough:
            return taken + size
    return most


def _block(size: int) -> object:
    """Return an object of one block of this size."""
    if size <= _STEP:
        return object()
    return bytes(size - _BYTES) if size > _BYTES else float("0.5")

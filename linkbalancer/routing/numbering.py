"""The numbering of applications: ids that stay the same over edits, reloads and restarts, so that flows keep theirs."""

from collections.abc import Iterable, Mapping

from linkbalancer.routing.marks import FIRST_APPLICATION_ID


def allocate(names: Iterable[str], kept: Mapping[str, int], limit: int) -> dict[str, int]:
    """Give every name an id from 2 to `limit`: the kept one where it has one, else one that nobody had.

    Ids of names that are gone are given away only when no fresh one is left (lowest first), because old flows may still
    carry them. Kept ids that cannot be (out of range, or twice) are ignored.

    Raises:
        ValueError: there are more names than ids.
    """
    wanted = sorted(set(names))
    if len(wanted) > limit - FIRST_APPLICATION_ID + 1:
        room = limit - FIRST_APPLICATION_ID + 1
        raise ValueError(f"{len(wanted)} applications, but the connection mask has room for {room}")
    believed = _believable(kept, limit)
    ids = {name: believed[name] for name in wanted if name in believed}
    ever = set(believed.values())
    fresh = (number for number in range(FIRST_APPLICATION_ID, limit + 1) if number not in ever)
    gone = iter(sorted(ever.difference(ids.values())))
    for name in wanted:
        if name not in ids:
            number = next(fresh, None)
            ids[name] = next(gone) if number is None else number
    return ids


def _believable(kept: Mapping[str, int], limit: int) -> dict[str, int]:
    """Return what can be right of a numbering that was read from a file."""
    believed: dict[str, int] = {}
    taken: set[int] = set()
    for name, number in sorted(kept.items()):
        if FIRST_APPLICATION_ID <= number <= limit and number not in taken:
            believed[name] = number
            taken.add(number)
    return believed

"""A quorum over several checks: what is sure of the whole while some of them are not known yet."""

from collections.abc import Collection


def verdict(answers: Collection[bool | None], quorum: int) -> bool | None:
    """Return whether at least `quorum` answers are good; None while those not known yet could still decide it."""
    good = sum(answer is True for answer in answers)
    if good >= quorum:
        return True
    open_yet = sum(answer is None for answer in answers)
    return None if good + open_yet >= quorum else False

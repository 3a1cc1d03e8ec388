"""Quorums."""

import pytest

from linkbalancer.health.quorum import verdict


@pytest.mark.parametrize(
    ("answers", "quorum", "expected"),
    [
        ((True, False, False), 1, True),
        ((False, False, False), 1, False),
        ((True, False, True), 2, True),
        ((True, False, False), 2, False),
        ((True, None, False), 2, None),
        ((True, None, True), 2, True),
        ((None, False, False), 2, False),
        ((None,), 1, None),
    ],
)
def test_a_quorum_is_judged_as_soon_as_it_is_sure(
    answers: tuple[bool | None, ...], quorum: int, *, expected: bool | None
) -> None:
    """What is not known yet counts for neither side."""
    assert verdict(answers, quorum) is expected

"""What was drawn is remembered, and drawn again."""

from random import Random

import pytest

from linkbalancer.engine.flight.chance import DrawsError, RecordedChance, RepeatedChance


def test_what_was_drawn_is_drawn_again() -> None:
    """In its order, and within the same bounds."""
    recorded, repeated = RecordedChance(Random(1)), RepeatedChance()
    drawn = [recorded.randrange(5, 50), recorded.getrandbits(64)]
    repeated.give(recorded.take())

    assert [repeated.randrange(5, 50), repeated.getrandbits(64)] == drawn
    assert (repeated.left, recorded.take()) == (0, [])


def test_other_draws_are_refused() -> None:
    """More than there were, or what cannot have been drawn there."""
    chance = RepeatedChance()
    chance.give([9, 256])
    with pytest.raises(DrawsError, match="of 0 to 8 is drawn where 9 was"):
        chance.randrange(0, 9)
    assert chance.left == 1
    with pytest.raises(DrawsError, match="is drawn where 256 was"):
        chance.getrandbits(8)
    with pytest.raises(DrawsError, match="drawn where none was"):
        chance.getrandbits(8)

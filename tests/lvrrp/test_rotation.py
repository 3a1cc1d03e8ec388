"""A key is exchanged for another in whatever order the two ends get it, and no gap opens in the proofs."""

import pytest

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.lvrrp.events import Rekey
from linkbalancer.lvrrp.keys import RETRY, Key
from tests.lvrrp.pair import FAR, KEY, NEAR, Pair, read

MS = MILLISECOND
NEW = Key(2, bytes(range(100, 116)))
BOTH, LAST = (NEW, KEY), (NEW,)

ORDERS = [
    [(NEAR, BOTH), (FAR, BOTH), (NEAR, LAST), (FAR, LAST)],
    [(NEAR, BOTH), (FAR, BOTH), (FAR, LAST), (NEAR, LAST)],
    [(FAR, BOTH), (NEAR, BOTH), (NEAR, LAST), (FAR, LAST)],
    [(FAR, BOTH), (NEAR, BOTH), (FAR, LAST), (NEAR, LAST)],
]


def longest_silence(pair: Pair, duration: Duration) -> Duration:
    """Let time pass; return the oldest that the latest proof became at either end."""
    longest, until = 0, pair.now + duration
    while pair.now < until:
        pair.run(5 * MS)
        for end in (pair.near, pair.far):
            assert end.proof_at is not None
            longest = max(longest, pair.now - end.proof_at)
    return longest


@pytest.mark.thorough
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("apart", [0, 70 * MS, SECOND, RETRY + 200 * MS])
def test_a_key_is_changed_in_any_order(order: list[tuple[str, tuple[Key, ...]]], apart: Duration) -> None:
    """Both files get the new key in front, then lose the old one: nothing closes, and both end with the new key."""
    pair = Pair().start().run(SECOND)
    usual = longest_silence(pair, SECOND)
    longest = 0
    for name, keys in order:
        pair.do(name, Rekey(keys))
        longest = max(longest, longest_silence(pair, apart))
    longest = max(longest, longest_silence(pair, SECOND))

    assert len(pair.changes_of(NEAR) + pair.changes_of(FAR)) == 2
    assert {read(pair.ends[name], data).key_id for name, data in pair.sent[-2:]} == {2}
    assert longest <= usual + 3 * 25 * MS, "two queries with a key that the other end has not are missed, no more"


def test_what_is_removed_too_early_closes_and_is_said() -> None:
    """An end that loses the only common key closes, and the other counts what it cannot verify."""
    pair = Pair().start().run(SECOND)
    pair.do(NEAR, Rekey(LAST))
    pair.run(2 * SECOND)

    assert not pair.near.is_open
    assert pair.far.counters["key"] > 0
    pair.do(FAR, Rekey(BOTH))
    pair.run(3 * SECOND)
    assert pair.both_open

"""Detection timelines as recordings: every event, effect and deadline of both ends, compared line by line.

With LINKBALANCER_UPDATE_RECORDINGS=1 in the environment the recordings are rewritten; review is then of the difference.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.links import GroupState, GroupWord
from linkbalancer.lvrrp.events import Bye, Carrier, Words
from tests.lvrrp.pair import FAR, NEAR, Fate, Pair

FOLDER = Path(__file__).parent / "recordings"
MS = MILLISECOND
QUIET = 1100 * MS
"""A healthy beginning: the faults come in the middle of an interval."""


def only_from(sender: str) -> Fate:
    """Lose everything, save what one end sends."""
    return lambda end, _now: [MS] if end == sender else []


def silent_both_ways(pair: Pair) -> None:
    """Everything is lost for two seconds, then nothing."""
    pair.fate = only_from("nobody")
    pair.run(2 * SECOND)
    pair.fate = lambda _sender, _now: [MS]
    pair.run(SECOND)


def silent_from_the_controller(pair: Pair) -> None:
    """Only what the far end sends arrives."""
    pair.fate = only_from(FAR)
    pair.run(SECOND)


def silent_from_the_controlled(pair: Pair) -> None:
    """Only what the near end sends arrives."""
    pair.fate = only_from(NEAR)
    pair.run(SECOND)


def one_datagram_lost(pair: Pair) -> None:
    """A single query is lost: it is repeated, and nothing else happens (L8)."""
    lost: list[int] = []

    def fate(sender: str, now: int) -> list[int]:
        if sender == NEAR and not lost:
            lost.append(now)
            return []
        return [MS]

    pair.fate = fate
    pair.run(500 * MS)


def carrier_lost(pair: Pair) -> None:
    """The device loses carrier at both ends, and has it again."""
    pair.do(NEAR, Carrier(up=False))
    pair.do(FAR, Carrier(up=False))
    pair.run(300 * MS)
    pair.do(FAR, Carrier(up=True))
    pair.do(NEAR, Carrier(up=True))
    pair.run(SECOND)


def states_pushed(pair: Pair) -> None:
    """A far group becomes Master, the near one follows, each told at once."""
    pair.do(FAR, Words((GroupWord(1, GroupState.MASTER, 150, 1),)))
    pair.run(10 * MS)
    pair.do(NEAR, Words((GroupWord(1, GroupState.MASTER, 220, 1),)))
    pair.run(200 * MS)


def far_end_killed(pair: Pair) -> None:
    """The far end dies and is back after 100 ms with its snapshot."""
    snapshot = pair.far.snapshot()
    del pair.ends[FAR]
    pair.fate = only_from("nobody")
    pair.run(100 * MS)
    pair.fate = lambda _sender, _now: [MS]
    pair.ends[FAR] = pair._new(FAR)
    pair.far.restore(pair.now, snapshot)
    pair.start(FAR)
    pair.run(300 * MS)


def near_end_restarts_with_a_hold(pair: Pair) -> None:
    """The near end says that it restarts, and takes a second."""
    pair.do(NEAR, Bye(3 * SECOND))
    pair.run(SECOND)
    pair.restart(NEAR, adopt=True)
    pair.run(300 * MS)


def far_end_stops(pair: Pair) -> None:
    """The far end takes leave for good."""
    pair.do(FAR, Bye(None))
    pair.run(500 * MS)


STORIES = [
    silent_both_ways,
    silent_from_the_controller,
    silent_from_the_controlled,
    one_datagram_lost,
    carrier_lost,
    states_pushed,
    far_end_killed,
    near_end_restarts_with_a_hold,
    far_end_stops,
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_story_goes_as_it_went(story: Callable[[Pair], None]) -> None:
    """Each recorded step happens again at the same instant, with the same effects and the same next deadline."""
    pair = Pair().start().run(QUIET)
    story(pair)
    path = FOLDER / f"{story.__name__}.jsonl"
    if os.environ.get("LINKBALANCER_UPDATE_RECORDINGS"):
        path.write_text("".join(json.dumps(record) + "\n" for record in pair.records))

    assert [json.loads(line) for line in path.read_text().splitlines()] == pair.records

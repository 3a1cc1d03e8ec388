"""When an application's machine acts next: never at an instant that has passed, which would keep a processor busy."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import SECOND, Instant
from linkbalancer.engine.application import AGAIN
from linkbalancer.links import Vid
from linkbalancer.routing.balance import Aim
from linkbalancer.routing.handover import Form, Handover
from tests.engine.test_application import DRAIN, KEEP, MOVE, RESET, STORIES, WEB, Process, web


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(
    STORIES,
    st.sampled_from((KEEP, RESET, MOVE, DRAIN)),
    st.sampled_from((0, SECOND, 30 * SECOND)),
    st.sets(st.integers(0, 11)),
)
def test_it_rests_until_its_next_deadline(
    story: list[tuple[frozenset[Vid], set[Vid], Vid | None]], handover: Handover, good_for: Instant, refused: set[int]
) -> None:
    """Whatever is waited for, and whatever the kernel refuses: a tick sees to it that no other is due at once."""
    process = Process(configured=replace(WEB, handover=handover, good_for=good_for))
    for number, (working, missing, stranger) in enumerate(story):
        process.missing, process.refuses = missing, number in refused
        process.pointing = stranger or process.pointing
        process.see(*working)
        for _ in range(3):
            process.tick()


def test_a_processor_is_not_kept_busy_by_a_vid_that_has_worked_for_long_enough() -> None:
    """A lesser VID waits for nothing once it has: the next look is a second later, as ever."""
    process = web(handover=MOVE, good_for=SECOND)
    for _ in range(3):
        process.tick()
    assert process.machine.deadline() == process.now + AGAIN


def test_the_end_of_a_drain_that_the_kernel_refuses_is_tried_again_a_second_later() -> None:
    """Not at once, and not for as long as it refuses."""
    process = web(handover=DRAIN)
    process.see(1)
    process.see(1, 2)
    process.refuses, began = True, process.now
    while process.now < began + 60 * SECOND:
        process.tick()
    assert process.machine.deadline() == process.now + AGAIN
    process.refuses = False
    process.tick()
    assert process.aim == Aim(2, Form.MOVE)

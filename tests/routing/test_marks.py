"""Tests of the numbers of marks, rules and tables."""

from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.routing.marks import Marks

SHIFTED = Marks(connection_mask=0x00FFF000, packet_mask=0x000000FF, guard_bit=0x100, table_base=1000, rule_base=100)


def test_default_numbers_are_the_documented_ones() -> None:
    """The numbers that the ruleset and its documents show."""
    marks = Marks()

    assert marks.connection_mark(5) == 0x5
    assert marks.packet_mark(1) == 0x00010000
    assert marks.packet_mark(1, guard=True) == 0x01010000
    assert marks.rule_mask == 0x01FF0000
    assert (marks.flow_mark(1), marks.inbound_bit) == (0x00010000, 0x10000000)
    assert marks.connection_bits == 0x1FFFFFFF
    assert marks.application_limit == 0xFFFF
    assert (marks.table(3), marks.table(3, guard=True)) == (20003, 20259)
    assert (marks.main_priority, marks.rule_priority(3), marks.rule_priority(3, guard=True)) == (10, 23, 303)


@given(st.sampled_from([Marks(), SHIFTED]), st.integers(1, 255), st.integers(0, 0xFFF), st.integers(0, 0xFFFFFFFF))
def test_marks_are_read_back_whatever_others_keep_beside_them(marks: Marks, vid: int, app: int, others: int) -> None:
    """Bits outside of our masks change nothing, and ours stay inside."""
    mark = marks.packet_mark(vid) | others & ~marks.packet_mask
    connection = marks.connection_mark(app) | others & ~marks.connection_mask

    assert marks.vid_of(mark) == vid
    assert marks.application_of(connection) == app
    assert marks.flow_of(marks.flow_mark(vid) | others & ~marks.flow_mask) == vid
    assert marks.packet_mark(vid, guard=True) & ~marks.rule_mask == 0
    assert marks.connection_mark(app) & ~marks.connection_mask == 0


@given(
    st.sampled_from([Marks(), Marks(connection_mask=0xFFFF0000, flow_mask=0xFF00, generation_mask=0x30)]),
    st.integers(0, 0xFFFF),
    st.integers(0, 255),
    st.integers(0, 3),
)
def test_a_connection_remembers_three_things(marks: Marks, app: int, vid: int, generation: int) -> None:
    """Its application, the VID that it took last, the generation that classified it: side by side."""
    mark = marks.connection_mark(app) | marks.flow_mark(vid) | marks.generation_mark(generation)

    assert (marks.application_of(mark), marks.flow_of(mark), marks.generation_of(mark)) == (app, vid, generation)
    assert mark & ~marks.connection_bits == 0


def test_generations_have_room_by_their_mask() -> None:
    """The numbers 1 to the limit; 0 is a flow that no generation has classified."""
    assert Marks().generation_limit == 15
    assert Marks(generation_mask=0x3).generation_limit == 3


def test_no_two_vids_share_a_table_or_a_priority() -> None:
    """Plain and guarded, all 510 numbers differ and come after the main table's rule."""
    both = (False, True)
    tables = {SHIFTED.table(vid, guard=guard) for vid in range(1, 256) for guard in both}
    priorities = {SHIFTED.rule_priority(vid, guard=guard) for vid in range(1, 256) for guard in both}

    assert len(tables) == len(priorities) == 510
    assert min(priorities) > SHIFTED.main_priority

"""Tests of single trees: what is left out, how large they grow, and that they stay much the same."""

import pytest

from linkbalancer.routing import tree
from linkbalancer.routing.dispatch import Choice, Cut, Entry, Leaf, Node, everything
from linkbalancer.routing.selector import Interval, Ranges

CELL = everything(4)


def rule(number: int, source: Ranges | None = None, destination: Ranges | None = None) -> Entry:
    """Return a rule for these sources and destinations."""
    return Entry((source, destination, None, None, None, None), Choice(f"r{number}"))


def one(first: int, last: int | None = None) -> Ranges:
    """Return a single range."""
    return (Interval(first, first if last is None else last),)


def leaves(node: Node | None) -> list[Node]:
    """Return what stands at the ends of a tree."""
    if isinstance(node, Cut):
        return [leaf for _part, child in node.parts for leaf in leaves(child)]
    return [] if node is None else [node]


def test_without_rules_there_is_no_tree() -> None:
    """A packet then meets nothing at all."""
    assert tree.grow([], CELL) is None


def test_a_rule_for_everything_is_all_that_is_met() -> None:
    """What stands behind it is left out, and nothing is asked."""
    assert tree.grow([rule(1), rule(2, one(7))], CELL) == Choice("r1")


def test_a_condition_that_a_cut_has_decided_is_left_out() -> None:
    """In its part a rule for one source and one destination asks for the destination alone, or for nothing."""
    made = tree.grow([rule(number, one(number * 100), one(5)) for number in range(20)], CELL)

    assert isinstance(made, Cut)
    assert {type(leaf) for leaf in leaves(made)} <= {Leaf, Choice}
    asked = [entry.fields for leaf in leaves(made) if isinstance(leaf, Leaf) for entry in leaf.entries]
    assert all(fields[1] == one(5) for fields in asked)


def test_a_rule_of_many_ranges_stands_only_where_its_ranges_are() -> None:
    """Of two hundred single addresses each part of the tree asks for those that lie in it."""
    many = tuple(Interval(value, value) for value in range(0, 20000, 100))
    others = [rule(number, one(number * 1000), one(number)) for number in range(20)]
    made = tree.grow([*others, rule(99, many)], CELL)
    ranges = [len(entry.fields[0] or ()) for leaf in leaves(made) if isinstance(leaf, Leaf) for entry in leaf.entries]

    assert max(ranges) < 100


def test_a_tree_that_would_grow_too_large_is_left_coarse() -> None:
    """Rules that cross each other everywhere stand in longer leaves rather than in thousands of places."""
    count = 400
    wide = [
        rule(
            number,
            one(number * 1000, (number + 200) * 1000),
            one((count - number) * 1000, (count - number + 200) * 1000),
        )
        for number in range(count)
    ]
    made = leaves(tree.grow(wide, CELL))
    stand = sum(len(leaf.entries) if isinstance(leaf, Leaf) else 1 for leaf in made)

    assert stand < 3 * (tree.GROWTH_MAX * count + tree.GROWTH_FREE)
    assert max(len(leaf.entries) for leaf in made if isinstance(leaf, Leaf)) > 4 * tree.LEAF_MAX


def test_one_rule_more_changes_its_own_parts_alone() -> None:
    """Where a tree is cut depends on values, not on how many there are."""
    some = [rule(number, one(number * 977), one(number)) for number in range(2000)]
    before, after = (leaves(tree.grow(rules, CELL)) for rules in (some, [*some, rule(9999, one(1234567), one(5))]))
    known = set(before)

    assert 0 < len([leaf for leaf in after if leaf not in known]) <= 2


def test_a_tree_is_no_deeper_than_the_kernel_follows() -> None:
    """Thousands of borders in one field: cells that lie too deep stay long leaves."""
    made = tree.grow([rule(number, one(number * 100)) for number in range(5000)], CELL)
    flat = tree.grow([rule(number, one(number % 70 * 100), one(number)) for number in range(5000)], CELL)

    assert 1 < cuts(made) <= tree.DEPTH_MAX
    assert 1 < cuts(flat) <= tree.DEPTH_MAX


def test_a_tree_may_be_a_single_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound counts cuts one below the other."""
    monkeypatch.setattr(tree, "DEPTH_MAX", 1)
    assert cuts(tree.grow([rule(number, one(number * 100)) for number in range(5000)], CELL)) == 1


def cuts(node: Node | None) -> int:
    """Return how many cuts are one below the other at most."""
    return 1 + max(cuts(child) for _part, child in node.parts) if isinstance(node, Cut) else 0

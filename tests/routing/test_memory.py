"""An incremental compilation is one from nothing: over random edits, by what was compiled before."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.config.rules import parse_rules
from linkbalancer.routing import memory, ranking, tree
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.memory import Memory
from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import Selector
from tests.routing.filtersets import KINDS, filter_set
from tests.routing.named import named
from tests.routing.test_classifier import selectors


@pytest.fixture(scope="module", autouse=True)
def _small_leaves() -> Iterator[None]:
    """Cut as soon as there is anything to cut: a dozen rules then make what thousands do otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (tree, ranking):
            patch.setattr(module, "LEAF_MAX", 1)
        yield


_EDITS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.sampled_from(["in", "out", "app"])), max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.lists(selectors(), max_size=14), _EDITS, st.sampled_from([1, 2, 127]), st.sampled_from([0, 50, memory.ROOM]))
def test_an_edit_compiles_to_what_the_whole_compiles_to(
    some: list[Selector], edits: list[tuple[int, int, str]], ranks: int, room: int
) -> None:
    """Rules put in, taken out, or given to another application, of either family; with room for much and none."""
    rules = [Rule(1, f"a{number % 3}", selector) for number, selector in enumerate(some)]
    drawn, last = list(rules), Memory(room)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "_SHARE_MIN", 0.0)
        patch.setattr(tree, "GROWTH_FREE", 20)
        for place, which, what in [(0, 0, ""), *edits]:
            if what == "in" and drawn:
                rules.insert(place % (len(rules) + 1), drawn[which % len(drawn)])
            elif what and rules:
                old = rules.pop(place % len(rules))
                if what == "app":
                    rules.insert(place % (len(rules) + 1), Rule(1, "other", old.selector))
            assert Classifier(rules).program(ranks, last) == Classifier(rules).program(ranks)


@pytest.mark.parametrize("kind", KINDS)
def test_edits_of_filter_sets(kind: str) -> None:
    """Three hundred rules, some of them by names: a line less, and there again, all over the file."""
    rules = list(named(parse_rules(filter_set(kind, 300, seed=3), "f").ruleset.rules, 7))
    last = Memory()
    for place in range(0, 300, 23):
        for some in (rules[:place] + rules[place + 1 :], rules):
            assert Classifier(some).program(127, last) == Classifier(some).program(127)


def test_what_stays_is_the_very_same() -> None:
    """Whoever renders parts of trees knows by that what was rendered."""
    rules = list(parse_rules(filter_set("acl", 300, seed=1), "f").ruleset.rules)
    last = Memory()
    before, after = (Classifier(some).program(127, last) for some in (rules, rules[1:]))
    was = {id(part) for one in before[4].groups for root in one.trees for _interval, part in getattr(root, "parts", ())}
    now = [id(part) for one in after[4].groups for root in one.trees for _interval, part in getattr(root, "parts", ())]
    assert sum(part in was for part in now) > len(now) / 2


def test_the_memory_is_bounded() -> None:
    """Hundreds of edits leave no more than what has room; what is compiled is the same."""
    rules = list(parse_rules(filter_set("chain", 60, seed=2), "f").ruleset.rules)
    last = Memory(room=2000)
    for place in range(120):
        some = rules[: place % 60] + rules[place % 60 + 1 :]
        assert Classifier(some).program(127, last) == Classifier(some).program(127)
        assert len(last._entries) + len(last._fields) < 2000 + 2000

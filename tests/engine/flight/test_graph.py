"""Whatever an agent is made of comes back as it was, and nothing else can be made of a recording."""

import json
from collections import Counter, deque
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv6Address
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import in_words
from linkbalancer.config import fields
from linkbalancer.engine.drain import Drained
from linkbalancer.engine.effects import Record
from linkbalancer.engine.flight.graph import GraphError, dump, restore
from linkbalancer.engine.retirement import NOBODY
from linkbalancer.engine.told import Told
from linkbalancer.engine.tracking import Tracking
from linkbalancer.links import Family, GroupId, GroupState, ViaLink
from linkbalancer.lvrrp.peer import Peer
from linkbalancer.vrrp.effects import AnnounceAddresses

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.ip_addresses(),
    st.dates(),
    st.sampled_from(GroupState),
    st.builds(GroupId, st.integers(1, 255), st.sampled_from(Family)),
    st.builds(ViaLink, st.just("eth0"), st.ip_addresses(v=4)),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.sets(LEAVES),
        st.frozensets(LEAVES),
        st.dictionaries(LEAVES, inner),
        st.lists(inner).map(lambda some: deque(some, maxlen=7)),
        st.dictionaries(st.text(), st.integers()).map(Counter),
    ),
    max_leaves=20,
)


def again(value: Any) -> Any:
    """Return a value written as text and read."""
    return restore(json.loads(json.dumps(dump(value))))


@given(VALUES)
def test_what_is_written_is_read(value: object) -> None:
    """Equal, and of the same type all the way down."""
    found = again(value)

    assert found == value
    assert repr(type(found)) == repr(type(value))


def test_what_is_the_same_stays_the_same() -> None:
    """Identity matters to an agent: two references to one object are two references to one object."""
    one = Peer()
    first, second, third = again([one, one, Peer()])

    assert first is second
    assert first is not third


def test_what_refers_to_itself_is_read() -> None:
    """Lists, dictionaries and objects in circles; a key that refers to what holds it."""
    ring: list[Any] = []
    ring.append(ring)
    record = Record("vid", "VID 1", "text", (("vid", 1),))
    table: dict[Any, Any] = {record: ring}
    table["table"] = table
    found = again(table)

    assert found["table"] is found
    assert found[record][0] is found[record]


def test_machines_are_read() -> None:
    """Slots, dictionaries, methods, classes, functions and counters of machines."""
    told = Told()
    turns = count(3)
    found = again([told, told.note_deadline, Told, again_function(), next(turns), turns, count(1, 2), NOBODY])

    assert found[1].__self__ is found[0]
    assert found[1].__func__ is Told.note_deadline
    assert found[2:5] == [Told, again_function(), 3]
    assert [next(found[5]), next(found[6]), next(found[6])] == [4, 1, 3]
    assert (found[7].groups, found[7].over) == (NOBODY.groups, NOBODY.over)
    assert vars(found[0]).keys() == vars(told).keys()


def again_function() -> Any:
    """Return a function of a pure package."""
    return in_words


def test_addresses_of_every_kind_are_read() -> None:
    """With prefix length and scope."""
    some = [IPv4Address("192.0.2.1"), IPv4Interface("192.0.2.1/24"), IPv6Address("fe80::1%eth0")]

    assert again(some) == some


def test_what_is_outside_is_named() -> None:
    """It is asked for at the other end."""
    keeper = object()
    graph = dump([1, keeper], lambda value: ["keeper", 7] if value is keeper else None)

    assert restore(graph, tuple) == [1, ("keeper", 7)]
    with pytest.raises(GraphError, match="which is not there"):
        restore(graph)


@dataclass(frozen=True)
class Foreign:
    """No class of a pure package."""

    field: int = 0


class Word(str):
    """A text of its own."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Foreign(), "belongs to no pure package"),
        (Word("x"), "there is no node for a Word"),
        (lambda: None, "cannot be found|belongs to no pure package"),
        (type("Told", (), {"__module__": Told.__module__, "__qualname__": "Told"}), "cannot be found by its name"),
        ([json.dumps], "belongs to no pure package"),
        ([Tracking.__init__.__class__], "belongs to no pure package"),
    ],
)
def test_what_nobody_could_read_is_not_written(value: object, words: str) -> None:
    """A class of somebody else's, a lambda: it is said when it is written."""
    with pytest.raises(GraphError, match=words):
        dump(value)


def test_a_function_within_a_function_is_not_written() -> None:
    """Nobody finds it again."""
    inner = [one for one in vars(fields).values() if "<locals>" in getattr(one, "__qualname__", "")]
    for one in inner:
        with pytest.raises(GraphError):
            dump(one)


def node(*parts: Any) -> dict[str, Any]:
    """Return a graph of one node."""
    return {"root": [0], "nodes": [list(parts)]}


@pytest.mark.parametrize(
    "graph",
    [
        None,
        {"root": [0], "nodes": []},
        {"root": [-1], "nodes": [["list", []]]},
        {"root": [0, 1], "nodes": [["list", []]]},
        {"root": [0], "nodes": [["tuple", [[0]]]]},
        node("no kind", 1),
        node("list"),
        node("object", "os:PathLike", {}),
        node("object", "linkbalancer.daemon.loop:Loop", {}),
        node("object", "linkbalancer.engine.told:Nothing", {}),
        node("object", "linkbalancer.engine.nowhere:Told", {}),
        node("object", "linkbalancer.engine.told:dataclass", {}),
        node("object", "linkbalancer.clock:in_words", {}),
        node("object", "linkbalancer.clock:SECOND", {}),
        node("object", "linkbalancer.engine.told:Told", {"__class__": 1}),
        node("object", "linkbalancer.engine.told:Told", {"a b": 1}),
        node("object", "linkbalancer.engine.drain:Drained", {"nothing": 1}),
        node("method", 7, "bit_length"),
        node("method", 7, "nothing"),
        node("address", "IPv4Address", "no address"),
        node("address", "Path", "/"),
        node("bytes", "no hex"),
        node("float", "no float"),
        node("enum", "linkbalancer.links:GroupState", "NOTHING"),
        node("set", [[0]]),
        node("dict", [[[0], 1]]),
        node("dict", [1]),
        node("outside", "anything"),
        node("count", "a", "b", "c"),
    ],
)
def test_nothing_else_is_read(graph: Any) -> None:
    """What `dump` did not write is refused, whatever it is; no code of anybody's runs."""
    with pytest.raises(GraphError):
        restore(graph)


def test_a_drain_is_read() -> None:
    """A frozen object with fields of its own."""
    assert again(Drained()) == Drained()
    assert again(AnnounceAddresses()) == AnnounceAddresses()

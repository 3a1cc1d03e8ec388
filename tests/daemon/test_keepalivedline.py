"""Tests of what the agent and the bridge to Keepalived tell each other."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.daemon.keepalivedline import LIMIT, Told, decode, encode
from linkbalancer.engine.bridge import Word
from linkbalancer.engine.delegate import Steer
from linkbalancer.links import Family, GroupId, GroupState


def test_a_packet_is_read_as_it_was_written() -> None:
    """Both sections, both families, with and without priorities."""
    one, six = GroupId(1), GroupId(1, Family.IPV6)
    told = Told({one: Steer(200), six: Steer(None)}, {one: Word(GroupState.MASTER, 120), six: Word(GroupState.FAULT)})

    assert told == decode(encode(told))


def test_every_group_fits() -> None:
    """There are no more than 510 of them."""
    groups = [GroupId(vid, family) for vid in range(1, 256) for family in Family]
    told = Told(dict.fromkeys(groups, Steer(254)), dict.fromkeys(groups, Word(GroupState.MASTER, 254)))

    assert LIMIT > len(encode(told))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'{"asked": {}}',
        b'{"asked": {"1": 300}, "said": {}}',
        b'{"asked": {"1": true}, "said": {}}',
        b'{"asked": {"1/x": 1}, "said": {}}',
        b'{"asked": {}, "said": {"1": [99, null]}}',
        b'{"asked": {}, "said": {"1": 5}}',
        b"[" * 100_000,
    ],
)
def test_nonsense_is_none(raw: bytes) -> None:
    """And never an exception."""
    assert decode(raw) is None


@pytest.mark.thorough
@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_any_json_is_survived(value: object) -> None:
    """Whatever it holds."""
    told = decode(json.dumps({"asked": value, "said": value}).encode())

    assert told is None or isinstance(told, Told)

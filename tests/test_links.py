"""Tests of the nouns that several domains share."""

import pytest

from linkbalancer.links import Family, GroupId


@pytest.mark.parametrize(("words", "group"), [("1", GroupId(1)), ("255/ipv6", GroupId(255, Family.IPV6))])
def test_a_group_is_read_as_it_is_written(words: str, group: GroupId) -> None:
    """IPv4 needs no word."""
    assert (str(group), GroupId.read(words)) == (words, group)
    assert group.name == (words if "ipv6" in words else int(words))


@pytest.mark.parametrize("words", ["", "x", "1/ipv4", "1/ipv6/ipv6", "/ipv6"])
def test_what_is_no_group(words: str) -> None:
    """A snapshot of another shape must be noticed."""
    with pytest.raises(ValueError, match=r"no group|invalid literal"):
        GroupId.read(words)

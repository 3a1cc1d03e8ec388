"""Tests of the tables of names."""

import pytest

from linkbalancer.routing.protocols import DSCPS, PROTOCOLS, protocol_name


def test_dscp_names_have_their_codepoints() -> None:
    """Samples of each kind, by the numbers of RFC 2474, 2597, 3246, 5865 and 8622."""
    samples = ("be", "cs1", "cs6", "af11", "af41", "af43", "ef", "va", "le")

    assert [DSCPS[name] for name in samples] == [0, 8, 48, 10, 34, 38, 46, 44, 1]


def test_a_protocol_without_a_name_is_its_number() -> None:
    """Known numbers have names, others stay digits."""
    assert protocol_name(6) == "tcp"
    assert protocol_name(200) == "200"


@pytest.mark.parametrize(
    ("alias", "number", "name"),
    [
        ("ipv6-icmp", 58, "icmpv6"),
        ("ospfigp", 89, "ospf"),
        ("ipencap", 4, "ipip"),
        ("ipv6-route", 43, "ipv6-route"),
        ("ipv6-frag", 44, "ipv6-frag"),
        ("ipv6-nonxt", 59, "ipv6-nonxt"),
        ("ipv6-opts", 60, "ipv6-opts"),
        ("hopopt", 0, "hopopt"),
    ],
)
def test_other_names_of_protocols_are_known_too(alias: str, number: int, name: str) -> None:
    """IANA's and those of /etc/protocols; what is shown is the usual name."""
    assert PROTOCOLS[alias] == number
    assert protocol_name(number) == name


def test_protocol_names_can_be_written() -> None:
    """A rule's word finds them: lower case, and numbers of one byte."""
    assert all(name == name.lower() and 0 <= number <= 255 for name, number in PROTOCOLS.items())

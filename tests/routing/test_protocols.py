"""Tests of the tables of names."""

from linkbalancer.routing.protocols import DSCPS, protocol_name


def test_dscp_names_have_their_codepoints() -> None:
    """Samples of each kind, by the numbers of RFC 2474, 2597, 3246, 5865 and 8622."""
    samples = ("be", "cs1", "cs6", "af11", "af41", "af43", "ef", "va", "le")

    assert [DSCPS[name] for name in samples] == [0, 8, 48, 10, 34, 38, 46, 44, 1]


def test_a_protocol_without_a_name_is_its_number() -> None:
    """Known numbers have names, others stay digits."""
    assert protocol_name(6) == "tcp"
    assert protocol_name(200) == "200"

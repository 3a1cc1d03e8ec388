"""Tests of the fields of a rule."""

from collections.abc import Callable
from ipaddress import ip_address

import pytest

from linkbalancer.config import rulefields
from linkbalancer.config.findings import FieldError
from linkbalancer.routing.application import Member
from linkbalancer.routing.selector import Interval


@pytest.mark.parametrize(
    ("word", "family", "first", "last"),
    [
        ("192.0.2.7", 4, "192.0.2.7", "192.0.2.7"),
        ("10.0.0.0/8", 4, "10.0.0.0", "10.255.255.255"),
        ("0.0.0.0/0", 4, "0.0.0.0", "255.255.255.255"),
        ("192.0.2.7-192.0.2.9", 4, "192.0.2.7", "192.0.2.9"),
        ("192.0.2.7-192.0.2.7", 4, "192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", 6, "2001:db8::1", "2001:db8::1"),
        ("2001:db8::/127", 6, "2001:db8::", "2001:db8::1"),
        ("::-::f", 6, "::", "::f"),
    ],
)
def test_addresses(word: str, family: int, first: str, last: str) -> None:
    """Addresses, prefixes and ranges of both families become intervals."""
    interval = Interval(int(ip_address(first)), int(ip_address(last)))

    assert rulefields.address_range(word) == (family, interval)


@pytest.mark.parametrize(
    ("field", "word", "error"),
    [
        (rulefields.address_range, "10.0.0.1/24", "has host bits set; write 10.0.0.0/24, or 10.0.0.1 for that one"),
        (rulefields.address_range, "2001:db8::1/32", "has host bits set; write 2001:db8::/32, or 2001:db8::1"),
        (rulefields.address_range, "10.0.0.0/33", "has no prefix length from 0 to 32; write 10.0.0.0/32 for one"),
        (rulefields.address_range, "10.0.0.0/255.0.0.0", "has no prefix length from 0 to 32"),
        (rulefields.address_range, "10.0.0.9-10.0.0.1", "runs backwards; write 10.0.0.1-10.0.0.9"),
        (rulefields.address_range, "10.0.0.1-::1", "mixes IPv4 and IPv6; give both ends"),
        (rulefields.address_range, "10.0.0.256", "'10.0.0.256' is no address; write *, an address, a prefix"),
        (rulefields.address_range, "fe80::1%eth0", "is no address"),
        (rulefields.address_range, "host", "is no address"),
        (rulefields.address_range, "10.0.0.1-", "'' is no address"),
        (rulefields.ports, "65536", "'65536' is no port; write *, a number from 0 to 65535"),
        (rulefields.ports, "htttp", "'htttp' is no port; did you mean http?"),
        (rulefields.ports, "ssh-http", "the range ssh-http has a name in it; write numbers: 22-80"),
        (rulefields.ports, "\u0661", "is no port"),
        (rulefields.ports, "-1", "'' is no port"),
        (rulefields.ports, "90-80", "runs backwards; write 80-90"),
        (rulefields.dscp, "256", "the TOS byte 256 is over 255"),
        (rulefields.dscp, "0x100", "the TOS byte 0x100 is over 255"),
        (rulefields.dscp, "af45", "'af45' is no TOS; did you mean af4"),
        (rulefields.dscp, "gold?", "is no TOS; write *, 0 to 255, 0x00 to 0xff"),
        (rulefields.protocol, "tpc", "the protocol 'tpc' is not known; did you mean tcp?"),
        (rulefields.protocol, "zzz", "is not known; write *, its number (0 to 255), or such as tcp"),
        (rulefields.protocol, "256", "the protocol 256 is over 255; write 0 to 255"),
        (rulefields.step, "1,2", "has a comma in it; separate VIDs by spaces: [1 2]"),
        (rulefields.step, "0", "the VID 0 is out of range; a VID is 1 to 255"),
        (rulefields.step, "1+256", "the VID 256 is out of range"),
        (rulefields.step, "1*0", "the weight 0 is out of range; a weight is 1 to 255"),
        (rulefields.step, "1*256", "the weight 256 is out of range"),
        (rulefields.step, "1+", "'1+' is no step; write a VID such as 1, or balanced ones"),
        (rulefields.step, "9" * 99, "is no step"),
        (rulefields.name, "", "the name '' will not do; use up to 63 letters"),
        (rulefields.name, "-x", "the name '-x' will not do"),
        (rulefields.name, "x" * 64, "will not do"),
    ],
)
def test_wrong_fields(field: Callable[[str], object], word: str, error: str) -> None:
    """What is wrong is said with what to write instead."""
    with pytest.raises(FieldError) as caught:
        field(word)

    assert error in str(caught.value)


def test_ports() -> None:
    """One port, a range, and the range of all, which is not the same as any packet."""
    assert rulefields.ports("0") == Interval(0, 0)
    assert rulefields.ports("1024-65535") == Interval(1024, 65535)
    assert rulefields.ports("0-65535") == Interval(0, 65535)


@pytest.mark.parametrize(
    ("word", "dscp"),
    [("0", 0), ("16", 4), ("0x10", 4), ("0X13", 4), ("255", 63), ("ef", 46), ("AF41", 34), ("cs6", 48)],
)
def test_tos_is_read_without_its_ecn_bits(word: str, dscp: int) -> None:
    """Decimal, hexadecimal and names; the lowest two bits do not count."""
    assert rulefields.dscp(word) == Interval(dscp, dscp)


@pytest.mark.parametrize(
    ("word", "number"), [("tcp", 6), ("UDP", 17), ("icmpv6", 58), ("0", 0), ("255", 255), ("89", 89)]
)
def test_protocols(word: str, number: int) -> None:
    """Names and numbers."""
    assert rulefields.protocol(word) == number


def test_steps() -> None:
    """One VID, or several with their shares."""
    assert rulefields.step("7") == (Member(7),)
    assert rulefields.step("1*3+2*1+255") == (Member(1, 3), Member(2, 1), Member(255, 1))


@pytest.mark.parametrize(("word", "port"), [("https", 443), ("SSH", 22), ("ftp-data", 20), ("www", 80), ("53", 53)])
def test_services(word: str, port: int) -> None:
    """Names are ports, with a dash in them too."""
    assert rulefields.ports(word) == Interval(port, port)
    assert rulefields.port(word) == port

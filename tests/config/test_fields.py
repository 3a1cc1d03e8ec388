"""Tests of the kinds of values."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.config import fields
from linkbalancer.config.findings import FieldError


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("200ms", 200 * MILLISECOND),
        ("1.5 s", 1500 * MILLISECOND),
        ("2min", 120 * SECOND),
        ("0.000000001s", 1),
        ("0s", 0),
    ],
)
def test_durations(text: str, nanoseconds: int) -> None:
    """A number and a unit, exactly."""
    assert fields.parse_duration(text) == nanoseconds


@given(st.integers(0, fields.DAY))
def test_durations_are_written_as_they_are_read(nanoseconds: int) -> None:
    """Nothing is lost between text and value."""
    assert fields.parse_duration(fields.write_duration(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(("text", "hours"), [("90d", 2160), ("36 h", 36), ("1h", 1), ("24h", 24), ("3653d", 87672)])
def test_how_long_something_is_kept(text: str, hours: int) -> None:
    """Hours or days, written in days where they are whole."""
    keep = fields.parse_keep(text)

    assert keep == hours * 3600 * SECOND
    assert fields.parse_keep(fields.write_keep(keep)) == keep
    assert fields.write_keep(keep)[-1] == ("h" if hours % 24 else "d")


@pytest.mark.parametrize(("text", "mebibytes"), [("64MiB", 64), ("1 GiB", 1024), ("1500MiB", 1500), ("64GiB", 65536)])
def test_how_large_a_file_may_become(text: str, mebibytes: int) -> None:
    """Written in the largest unit that is whole."""
    size = fields.parse_size(text)

    assert size == mebibytes << 20
    assert fields.parse_size(fields.write_size(size)) == size
    assert fields.write_size(size)[-3] == ("M" if mebibytes % 1024 else "G")


def test_values_that_are_right_already_stay() -> None:
    """A program may hand in addresses."""
    assert fields.parse_address(IPv4Address("10.0.0.1")) == IPv4Address("10.0.0.1")
    assert fields.parse_virtual_ip(IPv4Interface("10.0.0.1/24")) == IPv4Interface("10.0.0.1/24")


def test_ranges_and_host_routes() -> None:
    """A fixed interval, a drawn one; /31 and /32 have no address of the network."""
    assert fields.parse_range("50ms") == (50 * MILLISECOND, 50 * MILLISECOND)
    assert fields.parse_range(["50ms", "1s"]) == (50 * MILLISECOND, SECOND)
    assert fields.parse_virtual_ip("10.0.0.0/31") == IPv4Interface("10.0.0.0/31")
    assert fields.parse_virtual_ip("10.0.0.0/32") == IPv4Interface("10.0.0.0/32")


@pytest.mark.parametrize(
    ("parse", "raw", "error"),
    [
        (fields.parse_duration, 200, "200 has no unit; write such as 200ms or 200s"),
        (fields.parse_duration, True, "true is no duration; write such as 200ms or 1s"),
        (fields.parse_duration, "fast", "'fast' is no duration; write a number and us, ms, s or min"),
        (fields.parse_duration, "0.0001us", "'0.0001us' is finer than a nanosecond; write fewer digits"),
        (fields.parse_duration, "1441min", "'1441min' is longer than a day; write a day or less"),
        (fields.parse_user_group, "two words", "the group 'two words' cannot be; write a group's name"),
        (fields.parse_keep, 90, "90 is no time to keep something; write such as 90d"),
        (fields.parse_keep, "90", "'90' is no time to keep something; write a number and h or d"),
        (fields.parse_keep, "0h", "0h will not do; write 1h to 3653d"),
        (fields.parse_keep, "4000d", "4000d will not do; write 1h to 3653d"),
        (fields.parse_size, 64, "64 is no size; write such as 64MiB"),
        (fields.parse_size, "64MB", "'64MB' is no size; write a whole number and MiB or GiB"),
        (fields.parse_size, "0MiB", "0MiB will not do; write 1MiB to 64GiB"),
        (fields.parse_size, "65GiB", "65GiB will not do; write 1MiB to 64GiB"),
        (fields.parse_range, ["1s"], "1 durations, not two; write [shortest, longest]"),
        (fields.parse_range, ["2s", "1s"], "the range runs backwards; write [1s, 2s]"),
        (fields.parse_range, "9ms", "9ms is too short; probe every 10ms or less often"),
        (fields.parse_advert_interval, "9ms", "9ms is out of range; write 10ms to 40.95s"),
        (fields.parse_advert_interval, "40.96s", "40.96s is out of range"),
        (fields.parse_advert_interval, "125ms", "125ms is no multiple of 10ms; write 120ms or 130ms"),
        (fields.parse_detect, "10.5ms", "10.5ms will not do; write whole milliseconds, from 10ms to 60min"),
        (fields.parse_detect, "9ms", "9ms will not do"),
        (fields.parse_detect, "61min", "61min will not do"),
        (fields.parse_address, 5, "5 is no IPv4 address; write such as 192.0.2.1"),
        (fields.parse_address, "10.0.0", "'10.0.0' is no IPv4 address"),
        (fields.parse_address, "224.0.0.18", "224.0.0.18 is no host's address; write the address of one host"),
        (fields.parse_address, "0.0.0.0", "0.0.0.0 is no host's address"),
        (fields.parse_address, "255.255.255.255", "255.255.255.255 is no host's address"),
        (fields.parse_virtual_ip, None, "nothing is no virtual IP; write such as 192.0.2.251/24"),
        (fields.parse_virtual_ip, "10.0.0.1", "the virtual IP 10.0.0.1 has no prefix length; write the LAN's"),
        (fields.parse_virtual_ip, "10.0.0.1/33", "has no prefix length from 1 to 32; write the LAN's"),
        (fields.parse_virtual_ip, "10.0.0.1/x", "has no prefix length from 1 to 32"),
        (fields.parse_virtual_ip, "x/24", "'x' is no IPv4 address"),
        (
            fields.parse_virtual_ip,
            "10.0.0.0/24",
            "10.0.0.0/24 is the network's own address; write a host's address within",
        ),
        (fields.parse_virtual_ip, "10.0.0.255/24", "10.0.0.255/24 is the network's own address"),
        (fields.parse_listen, True, "true is no place to listen; write unix, off, or an address and a port, such as"),
        (fields.parse_listen, "on", "nobody can listen on 'on'; write unix, off, or an address and a port"),
        (fields.parse_listen, "b1:9586", "nobody can listen on 'b1:9586'"),
        (fields.parse_listen, "127.0.0.1", "nobody can listen on '127.0.0.1'"),
        (fields.parse_listen, "127.0.0.1:0", "'127.0.0.1:0' has no port from 1 to 65535"),
        (fields.parse_listen, "127.0.0.1:65536", "'127.0.0.1:65536' has no port"),
        (fields.parse_listen, "127.0.0.1:x", "'127.0.0.1:x' has no port"),
        (fields.parse_name, 7, "7 is no name; put it in quotes if it is one"),
        (fields.parse_name, "a b", "the name 'a b' will not do"),
        (fields.parse_device, {}, "a mapping is no device; write such as eth0, in quotes if it is a number"),
        (fields.parse_device, "eth0/1", "the device 'eth0/1' cannot be; write a device's name, at most 15 characters"),
        (fields.parse_device, "sixteencharacter", "cannot be"),
        (fields.parse_file, "", "the path is empty; write a file's path"),
        (
            fields.parse_file,
            "a\0b",
            "the path 'a\\x00b' cannot be; write a file's path, relative to this file's folder",
        ),
        (fields.parse_file, "\ud800.conf", "the path '\\ud800.conf' cannot be"),
        (fields.parse_file, [], "a list is no path"),
    ],
)
def test_wrong_values(parse: Callable[[object], object], raw: object, error: str) -> None:
    """What is wrong is said with what to write instead."""
    with pytest.raises(FieldError) as caught:
        parse(raw)

    assert str(caught.value).startswith(error) or f" {error}" in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        ("unix", "unix"),
        ("off", "off"),
        (False, "off"),
        ("127.0.0.1:9586", "127.0.0.1:9586"),
        ("0.0.0.0:080", "0.0.0.0:80"),
    ],
)
def test_where_to_listen(raw: object, place: str) -> None:
    """A Unix socket, an address and a port, or nowhere; YAML reads a bare off as false."""
    assert fields.parse_listen(raw) == place

"""Tests of the kinds of values."""

from collections.abc import Callable
from ipaddress import IPv4Address

import pytest

from linkbalancer.config import fields
from linkbalancer.config.findings import FieldError


def test_values_that_are_right_already_stay() -> None:
    """A program may hand in addresses."""
    assert fields.parse_address(IPv4Address("10.0.0.1")) == IPv4Address("10.0.0.1")


@pytest.mark.parametrize(
    ("parse", "raw", "error"),
    [
        (fields.parse_user_group, "two words", "the group 'two words' cannot be; write a group's name"),
        (fields.parse_address, 5, "5 is no IPv4 address; write such as 192.0.2.1"),
        (fields.parse_address, "10.0.0", "'10.0.0' is no IPv4 address"),
        (fields.parse_address, "224.0.0.18", "224.0.0.18 is no host's address; write the address of one host"),
        (fields.parse_address, "0.0.0.0", "0.0.0.0 is no host's address"),
        (fields.parse_address, "255.255.255.255", "255.255.255.255 is no host's address"),
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

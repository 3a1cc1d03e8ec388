"""Tests of what is said of key files."""

import pytest

from linkbalancer.config.keyfile import Doubt, content, exposure, password, password_content, reach


def test_only_its_owner_should_read_a_key() -> None:
    """The group may, with a warning; everybody may not."""
    assert exposure(0o100600) is None
    assert exposure(0o100400) is None
    assert exposure(0o100640) == Doubt(
        "can be read or written by its group", "chgrp linkbalancer it, or chmod g= it, unless that is meant"
    )
    assert exposure(0o100620) == exposure(0o100640)
    assert exposure(0o100604) == Doubt("can be read or written by everybody", "chmod o= it", refused=True)
    assert exposure(0o100602) == exposure(0o100666) == exposure(0o100604)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "holds no key: a key file has one or two lines `ID HEX`, not 0"),
        ("1 0011\n", "holds no key: line 1: the secret has 2 bytes, it needs at least 16"),
        ("1 secretsecretsecretsecretsecretsecret", "holds no key: line 1: the secret is not hexadecimal"),
    ],
)
def test_what_is_no_key_is_told_without_showing_it(text: str, what: str) -> None:
    """Why, the remedy, and nothing of the secret."""
    assert content(text) == Doubt(what, "put `1 HEX` in it (HEX: 16 random bytes or more)")
    assert content("1 00112233445566778899aabbccddeeff # the first\n") is None


def test_the_services_own_group_may_read() -> None:
    """The installed service is not root: its group reads, but writes nothing, and everybody does neither."""
    assert exposure(0o100640, own_group=True) is None
    assert exposure(0o100660, own_group=True) == Doubt("can be written by the service", "chmod g=r it")
    assert exposure(0o100644, own_group=True) == exposure(0o100604)


def test_a_key_that_the_service_cannot_read() -> None:
    """Root's file needs the service's group, and that group the right to read."""
    refused = Doubt("cannot be read by the service", "chgrp linkbalancer it, and chmod g=r it")

    assert reach(0o100640, own_group=True) is None
    assert reach(0o100600, own_group=True) == refused
    assert reach(0o100640, own_group=False) == refused


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "0 bytes"),
        ("\n", "0 bytes"),
        ("ninebytes\n", "9 bytes"),
        ("ääääö\n", "10 bytes"),
        ("one\ntwo\n", "more than one line"),
        ("one\n\n", "more than one line"),
        ("a\0b\n", "a NUL byte"),
    ],
)
def test_what_is_no_password_is_told_without_showing_it(text: str, why: str) -> None:
    """Version 2 has eight bytes for it, filled up with NUL."""
    remedy = "put a password of 1 to 8 bytes in it, alone on its line"

    assert password_content(text) == Doubt(f"holds no password: {why}", remedy)


def test_a_password_is_the_files_one_line() -> None:
    """With its spaces, and with or without a line end."""
    assert (password("secret#1\n"), password(" s p ")) == (b"secret#1", b" s p ")
    assert password_content("12345678") is None

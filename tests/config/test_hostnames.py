"""Tests of names of hosts."""

import pytest

from linkbalancer.config.findings import FieldError
from linkbalancer.config.hostnames import host_name, is_like_a_name

LONG = ".".join(["a" * 63] * 4)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("www.example.com", "www.example.com"),
        ("WWW.Example.COM.", "www.example.com"),
        ("3com.example", "3com.example"),
        ("a--b.example", "a--b.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_names(word: str, name: str) -> None:
    """As they are asked for: small letters, no dot at the end, other scripts in ASCII."""
    assert is_like_a_name(word)
    assert host_name(word) == name


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("https://www.example.com/", "'https://www.example.com/' is more than the name of a host"),
        ("www.example.com:443", "'www.example.com:443' is more than the name of a host"),
        ("*.example.com", "nobody can be asked for all the names *.example.com"),
        ("-a.example", "'-a' in '-a.example' is no part of a host's name"),
        ("a_b.example", "'a_b' in 'a_b.example' is no part of a host's name"),
        (f"{LONG}.example", "a name of 263 characters"),
        (f"{'a' * 64}.example", f"'{'a' * 64}' in '{'a' * 64}.example' is no part of a host's name"),
    ],
)
def test_what_is_no_name(word: str, what: str) -> None:
    """It was meant to be one, and is told what is wrong."""
    assert is_like_a_name(word)
    with pytest.raises(FieldError) as refusal:
        host_name(word)
    assert refusal.value.what == what


def test_an_empty_part() -> None:
    """Two dots beside each other."""
    with pytest.raises(FieldError, match="has an empty part"):
        host_name("a..example")


@pytest.mark.parametrize(
    "word", ["10.0.0.1", "10.0.0.300", "10.0.0.1o", "10.0.0.0/8", "2001:db8::1", "host", "1.2-3.4", "a..b"]
)
def test_what_is_meant_as_something_else(word: str) -> None:
    """Addresses, mistyped ones among them, and single words."""
    assert not is_like_a_name(word)

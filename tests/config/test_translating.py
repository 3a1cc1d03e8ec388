"""How nat, mss_clamp and mtu are written, read and refused."""

from ipaddress import IPv4Address, IPv6Network

import pytest

from linkbalancer.config.findings import FieldError
from linkbalancer.config.load import Loaded
from linkbalancer.config.model import Config
from linkbalancer.config.translating import parse_prefix
from linkbalancer.routing.translation import Clamp, Prefixes, Translation
from tests.config.texts import loaded, refusals

CONFIG = """\
node: gw
role: standalone
lans: {eth0: {}}
groups:
  1: {mode: static, device: eth1, gateway: 203.0.113.1, KEYS}
applications: apps.conf
"""
PREFIXES = Prefixes(IPv6Network("fd00:1::/48"), IPv6Network("2001:db8:1::/48"))
PAIR = 'nptv6: {inside: "fd00:1::/48", outside: "2001:db8:1::/48"}'


def read(keys: str) -> Loaded:
    """Load a gateway with one way."""
    return loaded(CONFIG.replace("KEYS", keys), "App=* * * * * * [1] name=rest\n")


def refused(keys: str) -> list[str]:
    """Return what is wrong with it, without the place."""
    found = refusals(CONFIG.replace("KEYS", keys), "App=* * * * * * [1] name=rest\n")
    return [one.partition(": ")[2] for one in found]


@pytest.mark.parametrize(
    ("written", "translation"),
    [
        ("nat: none", Translation()),
        ("nat: null", Translation()),
        ("nat: masquerade", Translation(masquerade=True)),
        ("nat: {masquerade: true}", Translation(masquerade=True)),
        ("nat: {snat: 203.0.113.9}", Translation(snat=IPv4Address("203.0.113.9"))),
        (f"nat: {{masquerade: true, {PAIR}}}", Translation(masquerade=True, nptv6=PREFIXES)),
    ],
)
def test_a_translation_is_a_word_or_a_mapping(written: str, translation: Translation) -> None:
    """And is the same after a journey between processes."""
    config = read(written).config
    (group,) = config.groups.values()
    assert group.nat.translation == translation
    assert Config.model_validate_json(config.model_dump_json(by_alias=True)) == config


@pytest.mark.parametrize(
    ("written", "clamp"),
    [("auto", "auto"), ("yes", "auto"), ("true", "auto"), ("no", None), ("null", None), ("1360", 1360)],
)
def test_a_clamp_is_a_word_or_a_number(written: str, clamp: Clamp) -> None:
    """And is the same after a journey between processes."""
    config = read(f"mss_clamp: {written}").config
    (group,) = config.groups.values()
    assert group.mss_clamp == clamp
    assert Config.model_validate_json(config.model_dump_json(by_alias=True)) == config


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("nat: masquarade", "'masquarade' is no translation; write none, masquerade, {snat: ADDRESS} or"),
        ("nat: 5", "5 is no mapping"),
        ("nat: {snat: 2001}", "2001 is no IPv4 address"),
        ("nat: {maskerade: true}", "the key maskerade is not known; did you mean masquerade?"),
        ('nat: {nptv6: {inside: "fd00::/48"}}', "the key outside is missing"),
        ("mss_clamp: 20", "20 is no size of TCP segments; write auto, no, or 88 to 65495"),
        ("mss_clamp: large", "'large' is no size of TCP segments"),
        ("mtu: 100", "100 is too small; use 576 or more"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy(written: str, what: str) -> None:
    """One error each, at its place."""
    (found,) = refused(written)
    assert found.startswith(what), found


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("fd00:1::", "'fd00:1::' has no prefix length from 1 to 112"),
        ("fd00:1::/0", "'fd00:1::/0' has no prefix length from 1 to 112"),
        ("fd00:1::7/48", "fd00:1::7/48 names a host within its prefix"),
        ("192.0.2.0/24", "'192.0.2.0/24' is no IPv6 prefix"),
        ("fe80::/64", "fe80::/64 is never routed"),
        ("ff02::/16", "ff02::/16 is never routed"),
    ],
)
def test_a_prefix_must_be_one(written: str, what: str) -> None:
    """Of hosts, and written as a prefix."""
    with pytest.raises(FieldError) as refusal:
        parse_prefix(written)
    assert refusal.value.what == what


def test_a_prefix_that_is_one_stays() -> None:
    """Read twice, it is the same."""
    assert parse_prefix(PREFIXES.inside) is PREFIXES.inside

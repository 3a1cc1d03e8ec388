"""Tests of the keys of a static group: the gateway, and how it is probed."""

from ipaddress import IPv4Address

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.config.findings import FieldError
from linkbalancer.config.load import load
from linkbalancer.config.model import Config, Group
from linkbalancer.config.upstream import Endpoint, HttpProbe, parse_domain, parse_endpoint, parse_url
from linkbalancer.health.check import Schedule
from linkbalancer.links import GroupId
from tests.config.texts import refusals

TWO = """\
node: gw
role: standalone
lans: {eth0: {}}
groups:
  1: {mode: static, device: eth1, gateway: 203.0.113.1}
  2: {mode: static, device: eth2, gateway: 192.0.2.1, interval: 200ms, timeout: 100ms, rise: 1, fall: 4, quorum: 2,
      probes: [{arp: true}, {icmp: 198.51.100.1}, {tcp: "198.51.100.1:443"},
               {dns: {server: 198.51.100.53, name: example.net}}, {http: {url: "http://198.51.100.1:8080/up"}}]}
applications: apps.conf
"""
RULES = "App=* * * * * * [1 2]\n"


def groups(text: str = TWO) -> dict[GroupId, Group]:
    """Return the groups of a gateway with two providers."""
    config = load("a.yaml", {"a.yaml": text, "apps.conf": RULES}.__getitem__).config
    assert Config.model_validate_json(config.model_dump_json(by_alias=True)) == config
    return config.groups


def test_a_gateway_alone_is_asked_by_arp() -> None:
    """Every second; three silent ones are enough."""
    plain = groups()[GroupId(1)]
    assert [one.kinds for one in plain.asked] == [("arp",)]
    assert plain.schedule == Schedule(interval=SECOND, timeout=SECOND, rise=2, fall=3)
    assert plain.needed == 1


def test_each_kind_of_probe() -> None:
    """As configured."""
    full = groups()[GroupId(2)]
    assert [one.kinds for one in full.asked] == [("arp",), ("icmp",), ("tcp",), ("dns",), ("http",)]
    assert full.schedule == Schedule(interval=200 * MILLISECOND, timeout=100 * MILLISECOND, rise=1, fall=4)
    assert full.needed == 2
    assert groups(TWO.replace(", quorum: 2", ""))[GroupId(2)].needed == 3


def test_a_page_has_a_server_a_port_and_a_path() -> None:
    """Where the URL has a name, its address stands beside it."""
    page = HttpProbe.model_validate({"url": "http://198.51.100.1:8080/up?x=1"})
    assert (page.host, page.port, page.path, page.server) == (
        "198.51.100.1",
        8080,
        "/up?x=1",
        IPv4Address("198.51.100.1"),
    )
    named = HttpProbe.model_validate({"url": "http://example.net"})
    assert (named.host, named.port, named.path, named.server) == ("example.net", 80, "/", None)
    placed = HttpProbe.model_validate({"url": "http://example.net", "address": "198.51.100.1"})
    assert placed.server == IPv4Address("198.51.100.1")


def test_endpoints_and_names() -> None:
    """Read as they are written."""
    endpoint = parse_endpoint("192.0.2.1:443")
    assert endpoint == Endpoint(IPv4Address("192.0.2.1"), 443)
    assert parse_endpoint(endpoint) is endpoint
    assert str(endpoint) == "192.0.2.1:443"
    assert parse_domain("www.example.net.") == "www.example.net."
    for parse, raw in (
        (parse_endpoint, "192.0.2.1"),
        (parse_endpoint, "192.0.2.1:0"),
        (parse_endpoint, "example.net:80"),
        (parse_url, "https://example.net/"),
        (parse_url, "http://example.net:99999/"),
        (parse_url, "http://example.net/a b"),
        (parse_domain, "a..b"),
        (parse_domain, "x" * 64),
        (parse_domain, ".".join(["abcdefg"] * 40)),
    ):
        with pytest.raises(FieldError, match="write"):
            parse(raw)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (", gateway: 203.0.113.1", "", "5:3: the static group has no gateway; add gateway, its address"),
        ("eth1,", "eth1, link: l1,", "5:35: link says nothing in a static group, which has no VRRP; remove it, or"),
        ("eth1,", "eth1, priority: 5,", "5:35: priority says nothing in a static group, which has no VRRP"),
        (
            "  1: ",
            '  1: {device: eth0, virtual_ips: [192.168.1.251/24], quorum: 1}\n  "7/ipv6": ',
            "5:54: quorum says something in",
        ),
        ("  1: ", "  9/ipv6: ", "5:3: a static group of IPv6 is not steered; give it a VID of IPv4"),
        ("interval: 200ms", "interval: 0s", "6:65: the interval is nothing; write such as 1s"),
        ("timeout: 100ms", "timeout: 0s", "6:81: the timeout is nothing; write such as 1s"),
        ("quorum: 2", "quorum: 6", "6:114: the quorum is 6 of 5 probes; use at most as many as there are probes"),
        ("203.0.113.1}", "203.0.113.1, quorum: 2}", "5:65: the quorum is 2 of 1 probes; use at most"),
        ("{arp: true}", "{}", "7:16: a probe of no kind; write one of arp: true, icmp, tcp, dns, http in each entry"),
        ("{arp: true}", "{arp: true, icmp: 192.0.2.9}", "7:16: a probe of two kinds: arp and icmp; write one of"),
        ("http://198.51.100.1:8080/up", "http://example.net/", "8:68: where example.net is, is not said; add address"),
        ("{arp: true}", "{arp: true, tpc: 1}", "7:28: the key tpc is not known; did you mean tcp?"),
        ("name: example.net", "nmae: example.net", "8:46: the key nmae is not known; did you mean name?"),
    ],
)
def test_what_is_wrong_with_a_static_group(old: str, new: str, error: str) -> None:
    """Each fault alone: its place, what it is, what to do."""
    assert old in TWO
    found = refusals(TWO.replace(old, new, 1), RULES)
    assert any(one.startswith(f"linkbalancer.yaml:{error}") for one in found), found


def test_a_timeout_that_is_longer_than_the_interval_is_doubtful() -> None:
    """Probes then come less often than they are asked for."""
    text = TWO.replace("timeout: 100ms", "timeout: 300ms")
    warnings = load("a.yaml", {"a.yaml": text, "apps.conf": RULES}.__getitem__).warnings
    assert [one.what for one in warnings] == ["the timeout is longer than the interval (200ms)"]


def test_what_is_wrong_by_itself_hides_nothing_else() -> None:
    """Nor is it complained of twice."""
    text = TWO.replace("203.0.113.1", "nowhere").replace("200ms", "soon").replace("{arp: true}", "{arp: maybe}")
    assert len(refusals(text.replace("mode: static, device: eth2", "mode: statical, device: eth2"), RULES)) == 4
    assert len(refusals(text, RULES)) == 3

"""Tests of the far ends over IPv6, and of rules whose packets would be refused."""

import pytest

from linkbalancer.config.model import Config
from tests.config.texts import CONFIG, RULES, changed, loaded, refusals

SIX = changed(("peer: 10.1.0.2", "peer: 10.1.0.2, peer6: fe80::2"))
TWO_LINKS = SIX.replace(
    "groups:",
    "  l2: {device: eth2, local: 10.2.0.1, peer: 10.2.0.2, key_file: keys/l1.key}\ngroups:\n"
    "  3: {device: eth0, link: l2, virtual_ips: [192.168.1.253/24]}",
)
STATIC = "groups:\n  9: {mode: static, device: eth7, gateway: 203.0.113.1%s}"


def warnings(config: str, rules: str = RULES) -> list[str]:
    """Return what is doubtful, without the folder."""
    return [str(one).removeprefix("etc/") for one in loaded(config, rules).warnings]


def test_a_link_local_far_end_is_as_good_as_any() -> None:
    """The device is the link's own, so the address needs no scope; it survives the way to our own processes."""
    config = loaded(SIX).config
    assert str(config.links["l1"].peer6) == "fe80::2"
    assert Config.model_validate_json(config.model_dump_json(by_alias=True)) == config
    assert warnings(SIX) == []


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("10.1.0.3", "'10.1.0.3' is no IPv6 address; write such as fe80::1 or 2001:db8::1"),
        ("ff02::1", "ff02::1 is no host's address; write the address of one host"),
        ('"fe80::2%eth1"', "fe80::2%eth1 names a device; write fe80::2 alone, and the device by its key"),
        ("7", "7 is no IPv6 address; write such as fe80::1 or 2001:db8::1"),
    ],
)
def test_what_is_no_far_end_is_refused(word: str, told: str) -> None:
    """With the remedy."""
    (found,) = refusals(SIX.replace("fe80::2", word))
    assert found.endswith(told)


def test_a_way_without_a_far_end_is_told_beside_others() -> None:
    """Packets of IPv6 are refused there: link or static group."""
    told = warnings(TWO_LINKS.replace("groups:", STATIC % ""))
    assert [one.partition("; ")[0].split(": ", 1)[1] for one in told] == [
        "IPv6 packets are refused where link l2 would carry them: it has no peer6",
        "IPv6 packets are refused where VID 9 would carry them: it has no gateway6",
    ]
    whole = TWO_LINKS.replace("peer: 10.2.0.2", "peer: 10.2.0.2, peer6: fe80::2")
    assert warnings(whole.replace("groups:", STATIC % ", gateway6: 'fe80::9'")) == []


def test_two_devices_have_two_global_far_ends() -> None:
    """A link-local one may be at each of them; two gateways behind one device may share theirs."""
    same = TWO_LINKS.replace("fe80::2", "2001:db8::2")
    (found,) = refusals(same.replace("peer: 10.2.0.2", "peer: 10.2.0.2, peer6: 2001:db8::2"))
    assert found.endswith(
        "2001:db8::2 is at the far end of eth1 already; give each way its own, or link-local addresses"
    )
    assert refusals(same.replace("device: eth2, local", "device: 7, local"))  # what is wrong elsewhere hides nothing


def test_a_virtual_ip_is_nobodys_far_end() -> None:
    """It would be at two places; a link-local one is another host's on another device."""
    group = "groups:\n  1/ipv6: {device: eth0, link: l1, virtual_ips: ['fe80::2/64', '2001:db8::2/64']}"
    config = SIX.replace("groups:", group)
    assert refusals(config) == []
    (found,) = refusals(config.replace("peer6: fe80::2", "peer6: '2001:db8::2'"))
    assert found.endswith("2001:db8::2 is a virtual IP of group 1/ipv6; name the far end's own address")


def test_rules_for_ipv6_that_lead_nowhere_are_told() -> None:
    """Where every VID of the list is without a far end; another gateway's link may have one."""
    rules = "App=2001:db8::/32 * * * * tcp [%s] name=six\nApp=* * * * * tcp [1 3 2] name=both\n"
    nowhere = "apps.conf:1:1: IPv6 goes nowhere by VID 3; name a VID whose link has a peer6"
    assert nowhere in warnings(TWO_LINKS, rules % "3")
    assert len(warnings(TWO_LINKS, rules % "3 1")) == len(warnings(TWO_LINKS, rules % "2")) == 1
    static = TWO_LINKS.replace("groups:", STATIC % "")
    assert any("nowhere by VID 3, 9;" in one for one in warnings(static, rules % "3 9"))
    static = TWO_LINKS.replace("groups:", STATIC % ", gateway6: 'fe80::9'")
    assert not any("nowhere" in one for one in warnings(static, rules % "3 9"))


def test_ipv6_is_steered_by_request_without_a_way_of_its_own() -> None:
    """A gateway that only observes sends packets to the Masters; the other way round, far ends say nothing."""
    rules = "App=2001:db8::/32 * * * * tcp [2] name=six\nApp=* * * * * tcp [1 2] name=both\n"
    assert warnings(CONFIG + "steer_ipv6: true\n", rules) == []
    (first, second) = warnings(SIX + "steer_ipv6: false\n", rules)
    assert "IPv6 is classified, not steered" in first + second
    assert "peer6 says nothing where steer_ipv6 is false; remove one of the two" in first + second


def test_nothing_is_concluded_from_what_is_no_mapping() -> None:
    """The error that this is stands alone."""
    assert refusals("node: b1\nrole: controller\nlinks: 3\ngroups: 4\napplications: apps.conf\n")
    assert refusals(SIX.replace("links:\n", "links:\n  l9: 3\n"))


def test_a_switch_for_a_far_end_that_is_not_there_says_nothing() -> None:
    """Of a link and of a static group; a group of VRRP has no such key at all."""
    config = TWO_LINKS.replace("peer: 10.2.0.2", "peer: 10.2.0.2, probe6: false")
    told = warnings(config.replace("groups:", STATIC % ", probe6: true"))
    assert [one.partition(": ")[2] for one in told if "probe6" in one] == [
        "probe6 says nothing without peer6; remove it, or add peer6",
        "probe6 says nothing without gateway6; remove it, or add gateway6",
    ]
    assert warnings(SIX.replace("peer6: fe80::2", "peer6: fe80::2, probe6: false")) == []
    group = "groups:\n  4: {device: eth0, link: l1, virtual_ips: [192.168.1.9/24], probe6: true}"
    (found,) = refusals(SIX.replace("groups:", group))
    assert "probe6 says something in a static group alone" in found

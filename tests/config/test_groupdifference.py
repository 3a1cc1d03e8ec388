"""Tests of what changes between the groups of two configurations."""

from linkbalancer.config.groupdifference import changes
from linkbalancer.config.model import Config
from linkbalancer.links import GroupId
from tests.config.test_groupchecks import ALONE, RULES, alone
from tests.config.test_translationchecks import static
from tests.config.texts import loaded


def config(*edits: tuple[str, str]) -> Config:
    """Return the configuration of a gateway without links."""
    return loaded(alone(*edits), RULES).config


def lines(was: Config, will: Config) -> list[str]:
    """Return what is told of the groups, whoever is Master."""
    return [str(one) for one in changes(was.groups, will.groups, None)]


def test_every_key_of_a_group_is_told_of() -> None:
    """Those with words of their own, and the others as they are written."""
    more = (
        "preempt: false, version: 2, virtual_mac: true, accept: false, password_file: keys/v2, priority: 150, "
        "excluded_ips: [10.9.0.1/16 dev eth7], unicast: {peers: [192.168.1.2]}"
    )
    found = lines(config(), config(("priority: 150", more)))

    assert found == [
        "VID 1: version 3 -> 2; the other gateways of the LAN need the same",
        "VID 1: preempt true -> false; nothing moves now",
        "VID 1: accept true -> false; whether the virtual IPs themselves can be reached",
        "VID 1: virtual mac false -> true; hosts learn the virtual IPs' other MAC address",
        (
            "VID 1: unicast none -> {peers: [192.168.1.2], source: none, ttl: none}; the other routers must "
            "send to this one too"
        ),
        "VID 1: password file none -> keys/v2; the other gateways of the LAN need the same",
        "VID 1: excluded IP 10.9.0.1/16 dev eth7 new; the other virtual IPs stay",
    ]


def test_a_group_without_a_link() -> None:
    """It is named by its family, and works by a Master alone; it goes as any other."""
    two = config()
    one = two.model_copy(update={"groups": {GroupId(1): two.groups[GroupId(1)]}})

    assert lines(one, two) == [
        "VID 1/ipv6 new: on eth0, fe80::1/64, 2001:db8::1/64, priority 100; it works when a Master is heard"
    ]
    assert lines(two, one) == ["VID 1/ipv6 gone; a mastership is handed over first"]
    heard = two.groups[GroupId(1)].model_copy(update={"mode": "observe"})
    watching = one.model_copy(update={"groups": {**one.groups, GroupId(9): heard}})
    assert lines(one, watching)[0].endswith("; it works when a Master is heard")


def test_another_order_moves_nothing() -> None:
    """Addresses are a list on the wire."""
    turned = ("virtual_ips: [fe80::1/64, 2001:db8::1/64]", "virtual_ips: [2001:db8::1/64, fe80::1/64]")

    assert lines(config(), config(turned)) == [
        "VID 1/ipv6: virtual IPs in the order [2001:db8::1/64, fe80::1/64]; nothing moves"
    ]


def test_a_static_group_has_a_gateway_and_no_mastership() -> None:
    """New, changed, gone."""
    group = next(line for line in ALONE.splitlines(keepends=True) if line.startswith("  1:"))
    static = group + "  2: {mode: static, device: eth9, gateway: 192.0.2.1}\n"
    plain, other = config((group, static)), config((group, static.replace("192.0.2.1}", "192.0.2.9}")))
    assert lines(config(), plain) == ["VID 2 new: by the gateway 192.0.2.1 on eth9; it works when its gateway answers"]
    assert lines(plain, config()) == ["VID 2 gone; its applications leave it first"]
    assert lines(plain, other) == [
        "VID 2: gateway 192.0.2.1 -> 192.0.2.9; its packets go by the other gateway when that answers"
    ]


def test_a_static_group_is_translated_otherwise() -> None:
    """In the words of a configuration, not key by key of what it is made of."""
    plain, other = (
        loaded(static(keys)).config
        for keys in ("rise: 2", "rise: 2, nat: {snat: 203.0.113.9}, mss_clamp: 1300, mtu: 1400")
    )
    assert lines(plain, other) == [
        (
            "VID 1: nat none -> SNAT to 203.0.113.9; it is for connections that begin; those that exist keep their"
            " addresses"
        ),
        "VID 1: mss clamp no -> 1300; it is for connections that begin",
        "VID 1: mtu the device's -> 1400; what is larger is answered from now on",
    ]

"""Tests of what the keys of one group must be together."""

import pytest

from tests.config.texts import changed, loaded, refusals

OWN = ("priority: 150", "priority: 255")
ALONE = """\
node: r1
role: standalone
groups:
  1: {device: eth0, virtual_ips: [192.168.1.251/24], priority: 150, advert_interval: 1s}
  1/ipv6: {device: eth0, virtual_ips: [fe80::1/64, 2001:db8::1/64]}
applications: apps.conf
"""
"""The configuration of a gateway without links."""

RULES = "App=* * * * * * [1]\n"


def alone(*changes: tuple[str, str]) -> str:
    """Return that with some text replaced; each must be there."""
    text = ALONE
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


LOCAL = "virtual_ips: [fe80::1/64, 2001:db8::1/64]"
PEERS = "advert_interval: 1s, unicast: {peers: [192.168.1.2, 192.168.1.3], source: 192.168.1.1}"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        (
            [("251/24]", "251/24, fe80::9/64]")],
            "4:53: the virtual IP fe80::9 is none of IPv4, and the group 1 is; put it into the group 1/ipv6, or",
        ),
        (
            [(LOCAL, "virtual_ips: [fe80::1/64, 192.0.2.1/24]")],
            "5:52: the virtual IP 192.0.2.1 is none of IPv6, and the group 1/ipv6 is; put it into the group 1, or",
        ),
        (
            [("150, ", "150, tolerate: [addresses], ")],
            "4:80: tolerating addresses says nothing here: only version 2 refuses adverts for that; remove it",
        ),
        (
            [("150, ", "150, version: 2, tolerate: [addresses, first-address], ")],
            "4:103: tolerating first-address says nothing here: only IPv6 refuses adverts for that; remove it",
        ),
        ([(LOCAL, LOCAL + ", version: 2")], "5:78: version 2 knows IPv4 alone; remove it: IPv6 has version 3"),
        ([("150, ", "150, version: 4, ")], "4:78: 4 is no version; write one of: 2, 3"),
        (
            [("advert_interval: 1s", "version: 2, advert_interval: 1500ms")],
            "4:98: version 2 counts whole seconds, and this is 1500ms; write 1s to 255s, as the other routers",
        ),
        (
            [("advert_interval: 1s", "advert_interval: 41s")],
            "4:86: version 3 cannot say 41s; write 40950ms at most, or version: 2",
        ),
        (
            [("advert_interval: 1s", "password_file: keys/v2")],
            "4:69: version 3 knows no password; remove it (or write version: 2)",
        ),
        ([OWN, ("255, ", "255, preempt: false, ")], "4:69: preempt at priority 255: an owner always takes over; remo"),
        ([OWN, ("255, ", "255, preempt_delay: 1s, ")], "4:69: preempt_delay at priority 255: an owner is Master from"),
        ([OWN, ("255, ", "255, accept: false, ")], "4:69: accept at priority 255: an owner accepts packets to its own"),
        (
            [("150, ", "150, owner_yields: false, ")],
            "4:69: owner_yields says nothing of a gateway that is not the addresses' owner; remove it, or write prio",
        ),
        (
            [("150, ", "150, preempt: false, preempt_delay: 1s, ")],
            "4:85: preempt_delay puts off what preempt: false forbids; remove one of the two",
        ),
        (
            [("advert_interval: 1s", PEERS.replace("168.1.3", "168.1.2"))],
            "4:121: 192.168.1.2 is there already; name every router once, and its own source alone",
        ),
        (
            [("advert_interval: 1s", PEERS.replace("168.1.3", "168.1.1"))],
            "4:121: 192.168.1.1 is there already; name every router once, and its own source alone",
        ),
        (
            [("advert_interval: 1s", PEERS.replace("192.168.1.3", "fe80::3"))],
            "4:121: fe80::3 is none of IPv4, and the group 1 is; name the other routers by addresses of the group's",
        ),
        (
            [("advert_interval: 1s", PEERS.replace("168.1.3", "168.1.251"))],
            "4:121: 192.168.1.251 is a virtual IP, which any of the routers may have; name the routers by their own",
        ),
        (
            [("advert_interval: 1s", "unicast: {peers: []}")],
            "4:86: peers is empty; give at least one",
        ),
        (
            [("150, ", "150, link: l1, ")],
            "4:69: link says nothing at a standalone gateway; remove it, or write another role",
        ),
        (
            [("groups:", "links:\n  l1: {device: eth1, local: 10.0.0.1, peer: 10.0.0.2, insecure: true}\ngroups:")],
            "4:3: a standalone gateway has no links; remove it, or write another role",
        ),
        (
            [("role: standalone", "role: controller"), ("  1/ipv6", "#")],
            "4:3: the group has no link; name the link who",
        ),
    ],
)
def test_keys_that_do_not_go_together(changes: list[tuple[str, str]], error: str) -> None:
    """Each fault alone: its place, what it is, what to do."""
    found = [one for one in refusals(alone(*changes), RULES) if one.startswith(f"linkbalancer.yaml:{error}")]

    assert len(found) == 1


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        (
            [(LOCAL, "virtual_ips: [2001:db8::1/64]")],
            (
                "5:40: the first virtual IP is no link-local address, and strict routers drop such adverts (RFC 9568 "
                "5.2.9); begin with one, such as fe80::1/64"
            ),
        ),
        (
            [(LOCAL, "virtual_ips: [2001:db8::1/64, fe80::7/64]")],
            (
                "5:40: the first virtual IP is no link-local address, and strict routers drop such adverts (RFC 9568 "
                "5.2.9); write fe80::7/64 first"
            ),
        ),
        (
            [("advert_interval: 1s", "version: 2, password_file: keys/v2")],
            "4:81: a password of version 2 can be read by everybody on the LAN (RFC 3768 has none); keep",
        ),
    ],
)
def test_what_is_only_doubtful(changes: list[tuple[str, str]], warning: str) -> None:
    """A warning refuses nothing."""
    (found,) = loaded(alone(*changes), RULES).warnings

    assert str(found).startswith(f"etc/linkbalancer.yaml:{warning}")


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [OWN, ("255, ", "255, owner_yields: false, ")],
        [OWN, ("advert_interval: 1s", "unicast: {peers: [192.168.1.2], source: 192.168.1.251}")],
        [("150, ", "1, preempt: false, ")],
        [("150, ", "150, preempt_delay: 5min, accept: false, virtual_mac: true, ")],
        [("advert_interval: 1s", PEERS)],
        [("advert_interval: 1s", "unicast: {peers: [192.168.1.2]}")],
        [("advert_interval: 1s", "version: 2, advert_interval: 255s")],
        [("advert_interval: 1s", "advert_interval: 40.95s")],
        [("251/24]", "251/24], excluded_ips: [fe80::9/64 dev eth7, 10.9.0.1/16]")],
        [(LOCAL, "mode: observe, " + LOCAL)],
    ],
)
def test_what_is_allowed(changes: list[tuple[str, str]]) -> None:
    """Each of these is a good gateway without links."""
    assert loaded(alone(*changes), RULES).warnings == ()


@pytest.mark.parametrize(
    "broken",
    [
        [(LOCAL, "virtual_ips: 7, version: 3")],
        [(LOCAL, LOCAL + ", version: x")],
        [("150, ", "150, mode: x, link: l1, ")],
        [(LOCAL, "virtual_ips: [x]")],
        [("150, ", "x, owner_yields: false, ")],
        [("150, ", "150, preempt: 7, preempt_delay: 1s, ")],
        [("advert_interval: 1s", "advert_interval: x, version: 2")],
        [("advert_interval: 1s", "unicast: {peers: [x]}")],
        [("advert_interval: 1s", "unicast: 7")],
        [("advert_interval: 1s", "password_file: 7")],
        [("role: standalone", "role: x"), ("150, ", "150, link: l1, ")],
        [("1/ipv6:", "1/ipv4:")],
    ],
)
def test_what_is_wrong_by_itself_is_not_blamed_twice(broken: list[tuple[str, str]]) -> None:
    """A value that cannot be read is one error; checks that need it hold their tongue."""
    assert len(refusals(alone(*broken), RULES)) == 1


@pytest.mark.parametrize(
    "key",
    ["preempt_delay: 1s", "excluded_ips: [10.0.0.1/24]", "accept: false", "virtual_mac: true", "owner_yields: true"],
)
def test_keys_that_an_observer_has_no_use_for(key: str) -> None:
    """It takes no part."""
    (found,) = refusals(changed(("mode: observe", f"mode: observe, {key}")))

    assert found.startswith(f"linkbalancer.yaml:9:36: {key.partition(':')[0]} says nothing in a group that is only obs")


def test_a_delay_belongs_to_the_controlled_end() -> None:
    """The near side must follow its links at once."""
    (found,) = refusals(changed(("priority: 150", "preempt_delay: 1s")))

    assert found.startswith("linkbalancer.yaml:8:79: preempt_delay at the controller, which must follow its links;")
    assert loaded(changed(("role: controller", "role: controlled"), ("priority: 150", "preempt_delay: 1s"))).config


def test_a_standalone_gateways_group_becomes_its_router() -> None:
    """Every key arrives where it is used."""
    more = (
        "excluded_ips: [10.9.0.1/16 dev eth7, 10.8.0.1/16 dev eth0], preempt_delay: 5s, accept: false, "
        "virtual_mac: true, unicast: {peers: [192.168.1.2], source: 192.168.1.1, ttl: [250, 255]}, priority: 150"
    )
    config = loaded(alone(("priority: 150", more)), RULES).config
    (four, six) = (one.vrrp(group) for group, one in config.groups.items())

    assert list(map(str, config.groups)) == ["1", "1/ipv6"]
    assert {device: list(map(str, one)) for device, one in four.places().items()} == {
        "vr4-1": ["192.168.1.251/24", "10.8.0.1/16"],
        "eth7": ["10.9.0.1/16"],
    }
    assert (four.preempt_delay, four.accept, four.virtual_mac, four.ttl) == (5_000_000_000, False, True, (250, 255))
    assert (list(map(str, four.peers)), str(four.source)) == (["192.168.1.2"], "192.168.1.1")
    assert (str(six.id), six.address_device, six.peers, six.source) == ("1/ipv6", "eth0", (), None)

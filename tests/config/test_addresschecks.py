"""Tests of what the addresses of all groups must be together."""

import pytest

from tests.config.test_groupchecks import RULES, alone
from tests.config.texts import changed, loaded, refusals

SIX = "  1/ipv6: {device: eth0, virtual_ips: [fe80::1/64, 2001:db8::1/64]}\n"


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (
            "251/24]",
            "251/24], excluded_ips: [192.168.1.251/32]",
            "4:69: the virtual IP 192.168.1.251 belongs to this group",
        ),
        ("fe80::1/64,", "fe80::1/64, fe80::1/64,", "5:52: the virtual IP fe80::1 belongs to this group already"),
        (
            SIX,
            SIX + "  2/ipv6: {device: eth0, virtual_ips: [fe80::1/64]}\n",
            "6:40: the virtual IP fe80::1 belongs to group 1/ipv6 already; give each group virtual IPs of its own",
        ),
        (
            SIX,
            SIX + "  2/ipv6: {device: eth7, virtual_ips: [fe80::2/64, 2001:db8::1/64]}\n",
            "6:52: the virtual IP 2001:db8::1 belongs to group 1/ipv6 already",
        ),
        (
            SIX,
            SIX + "  2/ipv6: {device: eth7, virtual_ips: [fe80::1/64 dev eth0]}\n",
            "6:40: the virtual IP fe80::1 belongs to group 1/ipv6 already",
        ),
    ],
)
def test_an_address_has_one_place(old: str, new: str, error: str) -> None:
    """Advertised or not."""
    (found,) = refusals(alone((old, new)), RULES)

    assert found.startswith(f"linkbalancer.yaml:{error}")


def test_a_link_local_address_may_be_on_several_devices() -> None:
    """It means another host on each (VRRP fact sheet 9.3)."""
    text = alone((SIX, SIX + "  2/ipv6: {device: eth7, virtual_ips: [fe80::1/64, 2001:db8:7::1/64]}\n"))

    assert loaded(text, RULES).warnings == ()


def test_no_virtual_ip_stands_on_a_links_device() -> None:
    """Nobody but the far end is there."""
    (found,) = refusals(changed(("[192.168.1.251/24]", "[192.168.1.251/24 dev eth1]")))

    assert found.startswith("linkbalancer.yaml:8:45: the device eth1 belongs to link l1, it is no LAN's; name a device")


def test_an_excluded_address_is_nobodys_own_either() -> None:
    """As those that are advertised."""
    (found,) = refusals(changed(("[192.168.1.251/24]", "[192.168.1.251/24], excluded_ips: [10.1.0.1/24]")))

    assert found.startswith("linkbalancer.yaml:8:79: the virtual IP 10.1.0.1 is an end of the link l1 already")


def test_an_address_elsewhere_needs_no_member_of_the_groups_lan() -> None:
    """Nor does one of IPv6, whose members nobody names."""
    text = changed(("[192.168.1.251/24]", "[192.168.1.251/24, 10.9.0.1/24 dev eth7]"))

    assert loaded(text).warnings == ()

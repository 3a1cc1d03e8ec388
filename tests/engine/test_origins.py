"""Tests of where a group's adverts are sent from."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.engine.events import DeviceChanged
from linkbalancer.engine.origins import obstacle, origin, room
from linkbalancer.links import Address
from linkbalancer.vrrp.group import Group

FIRST, SECOND_OWN, LOCAL, GLOBAL = (
    IPv4Address("192.0.2.1"),
    IPv4Address("192.0.2.7"),
    IPv6Address("fe80::1"),
    IPv6Address("2001:db8::1"),
)
DEVICE = DeviceChanged("eth0", carrier=True, primary=FIRST, link_local=LOCAL, addresses=frozenset({SECOND_OWN, GLOBAL}))
FOUR = Group(vid=1, device="eth0", virtual_ips=(IPv4Interface("192.0.2.251/24"),), priority=100, advert_interval=SECOND)
SIX = replace(FOUR, virtual_ips=tuple(map(IPv6Interface, ("2001:db8::1/64", "fe80::1/64"))))


@pytest.mark.parametrize(
    ("group", "found"),
    [
        (FOUR, FIRST),
        (SIX, LOCAL),
        (replace(FOUR, source=SECOND_OWN), SECOND_OWN),
        (replace(FOUR, source=IPv4Address("192.0.2.8")), None),
        (replace(SIX, source=GLOBAL), GLOBAL),
        (replace(FOUR, priority=255), None),
        (replace(FOUR, priority=255, virtual_ips=(IPv4Interface("192.0.2.7/24"),)), SECOND_OWN),
        (replace(SIX, priority=255), LOCAL),
    ],
)
def test_the_origin_of_adverts(group: Group, found: Address | None) -> None:
    """The device's first address, over IPv6 its link-local one; the pinned one; an owner's virtual IP."""
    assert origin(group, DEVICE) == found
    assert (obstacle(group, DEVICE) is None) == (found is not None)


def test_a_device_that_is_not_there_has_none() -> None:
    """Nor has one without addresses."""
    assert origin(FOUR, None) is None
    assert origin(SIX, DeviceChanged("eth0", carrier=True, primary=FIRST)) is None


@pytest.mark.parametrize(
    ("group", "mtu", "addresses"),
    [
        (FOUR, 1500, 255),
        (replace(FOUR, version=2), 1500, 255),
        (SIX, 1500, 89),
        (FOUR, 576, 133),
        (replace(FOUR, version=2), 576, 131),
        (SIX, 1280, 76),
        (SIX, 40, 0),
        (SIX, 9000, 255),
    ],
)
def test_how_many_addresses_an_advert_holds(group: Group, mtu: int, addresses: int) -> None:
    """As Keepalived counts (VRRP fact sheet 2.4), so that no router of a group sends less than another."""
    assert room(group, mtu) == addresses

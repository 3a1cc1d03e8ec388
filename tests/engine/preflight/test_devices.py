"""Tests of what is asked of the devices of gateways without links."""

from linkbalancer.engine.preflight.devices import judge
from linkbalancer.engine.preflight.observed import Observed, Wanted
from tests.engine.alone import FOUR, SIX, loaded
from tests.engine.preflight.hosts import address, changed


def kinds(wanted: str, six: str | None, observed: Observed) -> list[str]:
    """Return what is found at a gateway of these groups."""
    return [one.kind.name for one in judge(Wanted(loaded(wanted, six).config, ()), observed)]


def host(*eth0: str) -> Observed:
    """Return a host with these addresses on eth0, none of them by VRRP."""
    return changed(addresses={"eth0": tuple(address(one) for one in eth0)})


def test_groups_of_ipv6_ask_for_no_address_of_ipv4() -> None:
    """Their adverts are sent from the link's own address."""
    assert kinds(FOUR.replace("priority: 150", "mode: observe"), SIX, host("10.0.0.1/8")) == []
    assert kinds(FOUR, SIX, host("10.0.0.1/8")) == ["lan-address-missing"]


def test_an_owner_has_its_addresses_always() -> None:
    """That is what it is; the others' must come and go, wherever they stand."""
    assert kinds(FOUR.replace("150", "255"), None, host("192.0.2.251/24")) == []
    assert kinds(FOUR, None, host("192.0.2.1/24", "192.0.2.251/24")) == ["virtual-ip-fixed"]
    moved = FOUR.replace("251/24]", "251/24 dev eth7], excluded_ips: [192.0.2.9/24]")
    assert kinds(moved, None, host("192.0.2.1/24", "192.0.2.251/24")) == []
    assert kinds(moved, None, host("192.0.2.1/24", "192.0.2.9/24")) == ["virtual-ip-fixed"]

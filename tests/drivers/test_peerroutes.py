"""Host routes to far ends behind other routers, in a real kernel."""

import errno
from ipaddress import IPv4Address

import pytest

from linkbalancer.drivers.nftables.layout import PeerRoute
from linkbalancer.drivers.peerroutes import PeerRoutes, read
from tests.drivers.conftest import Gateway

pytestmark = pytest.mark.lab

PEER, OTHER = IPv4Address("10.9.0.1"), IPv4Address("10.9.0.5")
VIA, ROUTER = IPv4Address("10.1.0.2"), IPv4Address("10.77.0.1")
ROUTE = PeerRoute(PEER, VIA, "link0")


def test_a_route_is_laid_once_and_leads_there(gateway: Gateway) -> None:
    """Done again nothing changes; a router that no address of the device has in its network will do as well."""
    routes = PeerRoutes(gateway.route, [ROUTE, PeerRoute(OTHER, ROUTER, "link0")])

    assert routes.mend(trim=True) == (
        ["laid the route to 10.9.0.1 via 10.1.0.2 on link0", "laid the route to 10.9.0.5 via 10.77.0.1 on link0"],
        [],
    )
    assert routes.mend(trim=True) == ([], [])
    assert gateway.here("ip route get 10.9.0.1").startswith("10.9.0.1 via 10.1.0.2 dev link0")
    assert gateway.here("ip route get 10.9.0.5").startswith("10.9.0.5 via 10.77.0.1 dev link0")


def test_what_others_remove_comes_back(gateway: Gateway) -> None:
    """By whomever: with the address of the device, or by itself."""
    routes = PeerRoutes(gateway.route, [ROUTE])
    routes.mend(trim=True)
    gateway.here("ip route del 10.9.0.1/32")

    assert routes.mend(trim=True)[0] == ["laid the route to 10.9.0.1 via 10.1.0.2 on link0"]


def test_what_a_predecessor_wanted_goes_when_it_has_gone(gateway: Gateway) -> None:
    """Beside a living one its ways stay, also of the same peer; later they give way; others' never do."""
    PeerRoutes(gateway.route, [ROUTE, PeerRoute(OTHER, VIA, "link0")]).mend(trim=True)
    gateway.here("ip route add 10.9.0.9/32 via 10.1.0.2 dev link0")
    heir = PeerRoutes(gateway.route, [moved := PeerRoute(PEER, ROUTER, "link0")])

    assert heir.mend(trim=False) == ([], [])
    assert heir.mend(trim=True) == (
        ["took away the route to 10.9.0.5 via 10.1.0.2 on link0", "laid the route to 10.9.0.1 via 10.77.0.1 on link0"],
        [],
    )
    assert read(gateway.route) == {moved}
    assert "10.9.0.9 via 10.1.0.2" in gateway.here("ip route")


def test_a_gateway_without_such_links_clears_once(gateway: Gateway) -> None:
    """What is laid later with our tag is for the next start."""
    PeerRoutes(gateway.route, [ROUTE]).mend(trim=True)
    plain = PeerRoutes(gateway.route, [])

    assert plain.mend(trim=True)[0] == ["took away the route to 10.9.0.1 via 10.1.0.2 on link0"]
    PeerRoutes(gateway.route, [ROUTE]).mend(trim=True)
    assert plain.mend(trim=True) == ([], [])


def test_a_device_that_is_missing_is_said(gateway: Gateway) -> None:
    """And the other routes are laid all the same."""
    done, (refused,) = PeerRoutes(gateway.route, [PeerRoute(OTHER, VIA, "link9"), ROUTE]).mend(trim=True)

    assert done == ["laid the route to 10.9.0.1 via 10.1.0.2 on link0"]
    assert refused.errno == errno.ENODEV

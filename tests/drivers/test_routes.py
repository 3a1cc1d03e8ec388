"""Tables of VIDs in a real kernel."""

import errno
import socket
from ipaddress import IPv4Address

import pytest

from linkbalancer.drivers import routes
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.routes import DefaultRoute
from tests.drivers.conftest import Gateway

pytestmark = pytest.mark.lab

TABLE = 20001
FAR = IPv4Address("10.1.0.2")
OWN = IPv4Address("192.0.2.2")


def _point(gateway: Gateway, device: str, address: IPv4Address, source: IPv4Address | None = OWN) -> None:
    request = routes.route_request(TABLE, socket.if_nametoindex(device), address, source)
    gateway.route.request(request, "point the table")


def test_the_default_is_replaced_in_place_above_unreachable(gateway: Gateway) -> None:
    """There is one default whatever was before, `unreachable` stays below, and doing it again changes nothing."""
    for _again in range(2):
        routes.floor(gateway.route, TABLE)
    for device, address in (("lan0", IPv4Address("192.0.2.251")), ("link0", FAR), ("link0", FAR)):
        _point(gateway, device, address)
        assert routes.read(gateway.route) == [DefaultRoute(TABLE, device, address, OWN)]
    assert routes.floored(gateway.route) == {TABLE}
    assert gateway.here(f"ip route show table {TABLE}").splitlines() == [
        "default via 10.1.0.2 dev link0 proto 112 src 192.0.2.2 onlink ",
        "unreachable default proto 112 metric 4278198272 ",
    ]


def test_a_cleared_table_answers_unreachable(gateway: Gateway) -> None:
    """Clearing, once or twice, takes the next hop away and leaves what stops packets from leaking."""
    gateway.here("ip route add default via 192.0.2.100", f"ip rule add fwmark 1 table {TABLE}")
    routes.floor(gateway.route, TABLE)
    _point(gateway, "link0", FAR)
    for _again in range(2):
        routes.clear(gateway.route, TABLE)
        with pytest.raises(AssertionError, match="No route to host"):
            gateway.here("ip route get 203.0.113.1 mark 1")


def test_a_table_may_fall_through_to_the_main_table(gateway: Gateway) -> None:
    """In place of a next hop, and back; cleared, it is unreachable again."""
    gateway.here("ip route add default via 192.0.2.100", f"ip rule add fwmark 1 table {TABLE}")
    routes.floor(gateway.route, TABLE)
    _point(gateway, "link0", FAR)
    for _again in range(2):
        gateway.route.request(routes.throw_request(TABLE), "open the table")
        assert (routes.read(gateway.route), routes.thrown(gateway.route)) == ([], {TABLE})
        assert gateway.here("ip route get 203.0.113.1 mark 1").startswith("203.0.113.1 via 192.0.2.100 dev lan0")
    _point(gateway, "link0", FAR)
    assert ([one.gateway for one in routes.read(gateway.route)], routes.thrown(gateway.route)) == ([FAR], set())
    gateway.route.request(routes.throw_request(TABLE), "open the table")
    routes.clear(gateway.route, TABLE)
    assert (routes.thrown(gateway.route), routes.floored(gateway.route)) == (set(), {TABLE})


def test_removing_leaves_nothing_of_ours(gateway: Gateway) -> None:
    """A table that is no longer wanted is empty afterwards but for other people's routes."""
    gateway.here(f"ip route add 203.0.113.0/24 via 10.1.0.2 table {TABLE}")
    routes.floor(gateway.route, TABLE)
    _point(gateway, "link0", FAR)
    for _again in range(2):
        routes.remove(gateway.route, TABLE)
    assert gateway.here(f"ip route show table {TABLE}").split()[0] == "203.0.113.0/24"


def test_routes_of_others_are_not_read(gateway: Gateway) -> None:
    """Only what bears our protocol number is ours; a route without source reads back without."""
    gateway.here("ip route add default via 10.1.0.2 table 20002")
    _point(gateway, "link0", FAR, source=None)
    assert routes.read(gateway.route) == [DefaultRoute(TABLE, "link0", FAR, None)]


def test_our_own_address_is_refused_as_next_hop(gateway: Gateway) -> None:
    """A virtual IP that is still here cannot be the way elsewhere; the error says what was tried."""
    with pytest.raises(DriverError, match="point the table") as refusal:
        _point(gateway, "lan0", OWN)
    assert (refusal.value.errno, refusal.value.retry) == (errno.EINVAL, False)

"""A gateway in a namespace of its own: a LAN device `lan0` and a link device `link0`, each with somebody behind it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from linkbalancer.drivers.netlink.transport import NETFILTER, ROUTE, NetlinkSocket
from tests.namespaces import Namespace


@dataclass(frozen=True)
class Gateway:
    """The gateway (whose namespace the test runs in), a host of its LAN, and the link's far end."""

    here: Namespace
    lan: Namespace
    far: Namespace
    route: NetlinkSocket
    netfilter: NetlinkSocket


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """Yield a gateway 192.0.2.2/24 with a link 10.1.0.1 - 10.1.0.2; the test runs inside of it."""
    with Namespace("gateway") as here, Namespace("lan") as lan, Namespace("far") as far:
        here.connect("lan0", lan, "eth0")
        here.connect("link0", far, "eth0")
        here("ip addr add 192.0.2.2/24 dev lan0", "ip addr add 10.1.0.1/30 dev link0")
        lan("ip addr add 192.0.2.100/24 dev eth0")
        far("ip addr add 10.1.0.2/30 dev eth0")
        with here.entered():
            route, netfilter = NetlinkSocket(ROUTE), NetlinkSocket(NETFILTER)
            try:
                yield Gateway(here, lan, far, route, netfilter)
            finally:
                route.close()
                netfilter.close()

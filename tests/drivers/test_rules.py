"""Routing rules in a real kernel."""

import pytest

from linkbalancer.drivers import rules
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.plan import routing_rules
from tests.drivers.conftest import Gateway

pytestmark = pytest.mark.lab


def test_the_difference_is_made_and_a_stranger_survives(gateway: Gateway) -> None:
    """Only what is missing is added, only ours is removed, and a second time nothing happens."""
    gateway.here("ip rule add priority 25 fwmark 0x7/0xff table 77", "ip rule add priority 22 table 78")
    stranger = {line for line in gateway.here("ip rule").splitlines() if "lookup 7" in line}
    first, second = routing_rules([1, 2, 3], Marks()), routing_rules([2, 3, 4], Marks())
    assert rules.apply(gateway.route, first) == (len(first), 0)
    assert rules.apply(gateway.route, first) == (0, 0)
    # VIDs 2 and 3 stay; 1 goes, 4 comes (plain and guarded).
    assert rules.apply(gateway.route, second) == (2, 2)
    assert set(rules.read(gateway.route)) == set(second)
    assert rules.apply(gateway.route, ()) == (0, len(second))
    left = gateway.here("ip rule").splitlines()
    assert stranger <= set(left)
    assert not [line for line in left if "proto 112" in line]


def test_rules_are_written_as_planned(gateway: Gateway) -> None:
    """The kernel shows the plan: main without its default first, then the marks, then own traffic."""
    rules.apply(gateway.route, routing_rules([1], Marks()))
    shown = [line.split("\t")[1].strip() for line in gateway.here("ip rule").splitlines() if "proto 112" in line]
    assert shown == [
        "from all lookup main suppress_prefixlength 0 proto 112",
        "from all fwmark 0x10000/0x1ff0000 lookup 20001 proto 112",
        "from all fwmark 0x1010000/0x1ff0000 lookup 20257 proto 112",
        "from all iif lo lookup 20000 proto 112",
    ]

"""How many flows an application has, in a real kernel."""

import socket

import pytest

from linkbalancer.drivers import flows
from linkbalancer.routing.marks import Marks
from tests.drivers.conftest import Gateway

pytestmark = pytest.mark.lab

MARKS = Marks()
RULES = """
table inet tracking {{
    chain marking {{
        type filter hook output priority mangle;
        udp dport 5001-5005 ct mark set {web:#010x}
        udp dport 6001 ct mark set {voip:#010x}
    }}
}}
"""
WEB, VOIP = 2, 3


def test_flows_of_both_families_are_counted_where_both_are_steered(gateway: Gateway) -> None:
    """Those of the application alone; what is not steered does not move, and is not counted."""
    marks = {"web": MARKS.connection_mark(WEB), "voip": MARKS.connection_mark(VOIP)}
    gateway.here("nft -f -", "ip -6 addr add 2001:db8::1/64 dev link0 nodad", given=RULES.format(**marks))
    gateway.here("ip -6 neigh add 2001:db8::2 lladdr 02:00:00:00:00:02 dev link0")
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as four,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six,
    ):
        for port in (5001, 5002, 6001):
            four.sendto(b"x", ("10.1.0.2", port))
        for port in (5003, 5004, 5005, 6001):
            six.sendto(b"x", ("2001:db8::2", port))

    assert [flows.count(MARKS, app) for app in (WEB, VOIP, 4)] == [2, 1, 0]
    assert [flows.count(MARKS, app, ipv6=True) for app in (WEB, VOIP, 4)] == [5, 2, 0]

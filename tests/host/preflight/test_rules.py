"""Rules, routes and devices as iproute2 6.1 showed them."""

import json

import pytest

from linkbalancer.engine.preflight.observed import Device, Route, Rule
from linkbalancer.host.preflight import devices, routes, rules

RULES = """[
{"priority":0,"src":"all","table":"255","protocol":"2"},
{"priority":100,"src":"10.9.0.0","srclen":16,"iif":"eth5","table":"100","protocol":"3"},
{"priority":5210,"src":"all","fwmark":"0x80000","fwmask":"0xff0000","table":"254","protocol":"0"},
{"not":null,"priority":5220,"src":"all","dst":"10.0.0.0","dstlen":8,"fwmark":"0xca6c","table":"51820","protocol":"3"},
{"priority":5230,"src":"all","action":"7","protocol":"boot"},
{"priority":32764,"src":"all","table":"254","suppress_prefixlen":0,"protocol":"3"},
{"priority":32765,"src":"all","action":"nop","protocol":"0"}
]"""


def test_rules() -> None:
    """A mark without a mask means all bits of it; names that ip knows are no numbers of ours."""
    assert rules.parse(json.loads(RULES)) == (
        Rule(0, "from all lookup 255", 255, 2),
        Rule(100, "from 10.9.0.0/16 iif eth5 lookup 100", 100, 3),
        Rule(5210, "from all fwmark 0x80000/0xff0000 lookup 254", 254, 0, 0x80000, 0xFF0000),
        Rule(5220, "not from all to 10.0.0.0/8 fwmark 0xca6c lookup 51820", 51820, 3, 0xCA6C, 0xFFFFFFFF),
        Rule(5230, "from all unreachable", 0, 0),
        Rule(32764, "from all lookup 254 suppress_prefixlength 0", 254, 3),
        Rule(32765, "from all nop", 0, 0),
    )


@pytest.mark.parametrize(
    ("text", "route"),
    [
        (
            '{"dst":"default","gateway":"10.0.0.1","dev":"eth1","table":"20001","protocol":"112","flags":["onlink"]}',
            Route("default via 10.0.0.1 dev eth1", 20001, 112),
        ),
        ('{"type":"7","dst":"default","table":"20001","protocol":"112"}', Route("unreachable default", 20001, 112)),
        ('{"dst":"10.0.0.0/8","dev":"eth0","protocol":"2","scope":"253"}', Route("10.0.0.0/8 dev eth0", 254, 2)),
    ],
)
def test_routes(text: str, route: Route) -> None:
    """The table main is not named."""
    assert routes.parse([json.loads(text)]) == (route,)


def test_devices() -> None:
    """What is up, what it is, and whose port it is."""
    listed = """[
    {"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"]},
    {"ifname":"eth0","flags":["BROADCAST"],"master":"br0","linkinfo":{"info_kind":"veth","info_slave_kind":"bridge"}},
    {"ifname":"br0","flags":["UP"],"mtu":1400,"linkinfo":{"info_kind":"bridge"}}
    ]"""
    assert devices.parse(json.loads(listed)) == {
        "lo": Device("lo", up=True),
        "eth0": Device("eth0", up=False, kind="veth", master="br0", master_kind="bridge"),
        "br0": Device("br0", up=True, kind="bridge", mtu=1400),
    }

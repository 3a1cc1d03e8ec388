"""A flow on a sound gateway, and changes to what is expected, to how it arrives, and to what is seen."""

from dataclasses import replace
from ipaddress import IPv4Address, ip_address
from typing import Any

from linkbalancer.engine.crosscheck.expected import Expected
from linkbalancer.engine.crosscheck.iprule import IpRule
from linkbalancer.engine.crosscheck.line import Line, Result
from linkbalancer.engine.crosscheck.observed import Answer, Entrance, Flow, Neighbour, Seen
from linkbalancer.engine.crosscheck.verdict import judge
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.plan import routing_rules
from tests.engine.preflight.hosts import WANTED

CONFIG = WANTED.config
MARKS = CONFIG.marks
DIGEST = "0123456789abcdef"
MAC = b"\x02\0\0\0\0\x09"
LINK = {"kind": "link", "gateway": "10.1.0.2", "device": "eth1"}
MASTER = {"kind": "master", "gateway": "192.0.2.251", "device": "eth0", "mac": MAC.hex(":")}

KERNELS = tuple(
    IpRule(priority=priority, table=table, protocol=2) for priority, table in ((0, 255), (32766, 254), (32767, 253))
)
OURS = tuple(
    IpRule(
        priority=rule.priority,
        table=rule.table,
        protocol=112,
        mark=rule.mark,
        mask=rule.mask,
        suppress_prefixlength=rule.suppress_prefixlength,
        iif=rule.iif,
    )
    for rule in routing_rules((1, 2), MARKS)
)
RULES = tuple(sorted((*KERNELS, *OURS), key=lambda rule: rule.priority))

FLOW = Flow(
    Packet(ip_address("192.0.2.77"), ip_address("198.51.100.9"), 6, 40000, 443), "eth0", Entrance.LAN, guessed=True
)


def told(**group: Any) -> dict[str, Any]:
    """Return what the daemon says, with other facts of VID 1."""
    one = {"hop": LINK, "link": "l1", "master": "self", "why": "Master here", "since_ms": 7, "next_hop": "l1"} | group
    app = {"id": 2, "vid": 1, "since_ms": 5, "reason": "its first choice works"}
    return {"node": "b1", "health": "good", "groups": {"1": one}, "applications": {"all": app}}


def expected(**changes: Any) -> Expected:
    """Return what is expected, with other fields."""
    return replace(Expected(CONFIG, "apps.conf", DIGEST, "all", {"all": 2}, told()), **changes)


def seen(**changes: Any) -> Seen:
    """Return a kernel that does what is expected, with other fields."""
    good = Seen(
        digest=DIGEST[:12],
        steering={1: None, 2: 1},
        rules=RULES,
        answer=Answer(0, "unicast", 20001, IPv4Address("10.1.0.2"), "eth1", "0.0.0.0/0", 112),
        reply=Answer(0, "unicast", 254, None, "eth0", "192.0.2.0/24", 2),
        neighbour=Neighbour("reachable", MAC, ours=False, confirmed_ms=3000, updated_ms=9000),
        carriers={"eth1": True},
        addresses=frozenset({("eth1", ip_address("10.1.0.1")), ("eth0", ip_address("192.0.2.251"))}),
    )
    return replace(good, **changes)


def lines(of: Expected | None = None, flow: Flow = FLOW, **changes: Any) -> dict[str, Line]:
    """Return the lines by what they check."""
    return {line.check: line for line in judge(of or expected(), flow, seen(**changes)).lines}


def differing(of: Expected | None = None, flow: Flow = FLOW, **changes: Any) -> dict[str, Line]:
    """Return those that differ."""
    return {name: line for name, line in lines(of, flow, **changes).items() if line.result is Result.DIFFERS}

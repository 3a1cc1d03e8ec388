"""Routing rules of anybody: which packets they mean, how they are written, and in which order they are gone through."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from linkbalancer.engine.crosscheck.iprule import IpRule, lookups, table_name
from linkbalancer.routing.packet import Packet

PACKET = Packet(ip_address("192.0.2.77"), ip_address("198.51.100.9"), 6, 40000, 443, tos=0xB9)
MARK = 0x10042


@pytest.mark.parametrize(
    ("fields", "means", "words"),
    [
        ({"table": 254}, True, "5: from all lookup main"),
        ({"table": 254, "suppress_prefixlength": 0}, True, "5: from all lookup main suppress_prefixlength 0"),
        ({"source": ip_network("192.0.2.0/24"), "table": 7}, True, "5: from 192.0.2.0/24 lookup 7"),
        ({"source": ip_network("192.0.3.0/24"), "table": 7}, False, "5: from 192.0.3.0/24 lookup 7"),
        ({"source": ip_network("192.0.3.0/24"), "inverted": True}, True, "5: not from 192.0.3.0/24 lookup 0"),
        ({"destination": ip_network("198.51.100.9/32")}, True, "5: from all to 198.51.100.9/32 lookup 0"),
        ({"destination": ip_network("2001:db8::/32")}, False, "5: from all to 2001:db8::/32 lookup 0"),
        ({"tos": 0xB8}, True, "5: from all tos 0xb8 lookup 0"),
        ({"tos": 0x10}, False, "5: from all tos 0x10 lookup 0"),
        ({"mark": 0x10000, "mask": 0xFF0000}, True, "5: from all fwmark 0x10000/0xff0000 lookup 0"),
        ({"mark": 0x20000, "mask": 0xFF0000}, False, "5: from all fwmark 0x20000/0xff0000 lookup 0"),
        ({"iif": "eth0"}, True, "5: from all iif eth0 lookup 0"),
        ({"iif": "lo"}, False, "5: from all iif lo lookup 0"),
        ({"oif": "eth1"}, False, "5: from all oif eth1 lookup 0"),
        ({"uids": (0, 99)}, True, "5: from all uidrange 0-99 lookup 0"),
        ({"uids": (1000, 1000)}, False, "5: from all uidrange 1000 lookup 0"),
        ({"ip_protocol": 17}, False, "5: from all ipproto 17 lookup 0"),
        ({"ip_protocol": 6, "destination_ports": (400, 500)}, True, "5: from all ipproto 6 dport 400-500 lookup 0"),
        ({"source_ports": (1, 99)}, False, "5: from all sport 1-99 lookup 0"),
        ({"odd": True}, True, "5: from all (and more) lookup 0"),
        ({"action": 7}, True, "5: from all unreachable"),
        ({"action": 2, "goto": 100}, True, "5: from all goto 100"),
        ({"action": 3}, True, "5: from all nop"),
    ],
)
def test_a_rule(fields: dict[str, Any], words: str, *, means: bool) -> None:
    """Whether it means the packet, and what it looks like."""
    rule = IpRule(priority=5, **fields)
    assert (rule.means(PACKET, MARK, "eth0"), str(rule)) == (means, words)


def test_this_hosts_own_packets() -> None:
    """They enter by `lo`."""
    assert IpRule(priority=5, iif="lo").means(PACKET, 0, None)
    assert not IpRule(priority=5, iif="eth0").means(PACKET, 0, None)


def test_rules_are_gone_through_in_order() -> None:
    """Each that means it, until one ends the search; `goto` leaves some out."""
    rules = (
        IpRule(priority=1, table=255),
        IpRule(priority=2, iif="eth9", table=1),
        IpRule(priority=3, action=2, goto=6),
        IpRule(priority=4, table=4),
        IpRule(priority=6, action=3),
        IpRule(priority=7, table=7),
        IpRule(priority=8, action=8),
        IpRule(priority=9, table=254),
    )
    assert [rule.priority for rule in lookups(rules, PACKET, 0, "eth0")] == [1, 7, 8]
    everywhere = (IpRule(priority=1, action=2), IpRule(priority=2, table=254))
    assert [rule.priority for rule in lookups(everywhere, PACKET, 0, "eth0")] == [2]


def test_tables_are_named_as_ip_names_them() -> None:
    """Three have names."""
    assert [table_name(number) for number in (255, 254, 253, 20001)] == ["local", "main", "default", "20001"]


def test_whose_a_rule_is() -> None:
    """Ours bear our tag."""
    assert IpRule(priority=5, protocol=112).ours
    assert not IpRule(priority=5).ours

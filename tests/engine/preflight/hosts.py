"""Hosts as the preflight may find them: a good one, and changes to it."""

from dataclasses import replace
from ipaddress import ip_interface
from typing import Any

from linkbalancer.config.load import load
from linkbalancer.engine.preflight.observed import Address, Device, Observed, Process, Route, Rule, Ruleset, Wanted
from linkbalancer.routing.plan import routing_rules, routing_tables

CONFIG = """\
node: b1
role: controller
links:
  l1: {device: eth1, local: 10.1.0.1, peer: 10.1.0.2, insecure: true}
groups:
  1: {device: eth0, link: l1, virtual_ips: [192.0.2.251/24]}
  2: {mode: observe, device: eth0, virtual_ips: [192.0.2.252/24]}
applications: apps.conf
"""
FILES = {"linkbalancer.yaml": CONFIG, "apps.conf": "App=* * * * * * [1 2] name=all\n"}
SWITCHES = (("ipv4/ip_forward", "1"), ("ipv4/conf/all/rp_filter", "0"), ("ipv4/conf/eth0/rp_filter", "0"))

WANTED = Wanted(load("linkbalancer.yaml", FILES.__getitem__).config, SWITCHES)

KERNELS = (
    Rule(0, "from all lookup 255", 255, 2),
    Rule(32766, "from all lookup 254", 254, 2),
    Rule(32767, "from all lookup 253", 253, 2),
)
MARKS = WANTED.config.marks
OURS = tuple(
    Rule(rule.priority, "ours", rule.table, 112, rule.mark, rule.mask)
    for rule in routing_rules((1, 2), WANTED.config.marks)
)


def good() -> Observed:
    """Return a host beside whose running daemon there is nothing wrong."""
    return Observed(
        running=True,
        kernel="6.1.0-28-amd64",
        nft="/usr/sbin/nft",
        switches={
            **dict(SWITCHES),
            "netfilter/nf_conntrack_count": "17",
            "netfilter/nf_conntrack_max": "65536",
            "ipv4/conf/all/arp_ignore": "0",
            "ipv4/conf/eth0/arp_ignore": "1",
            "ipv4/conf/eth0/forwarding": "1",
        },
        devices={name: Device(name, up=True) for name in ("lo", "eth0", "eth1")},
        addresses={
            "eth0": (address("192.0.2.1/24"), address("192.0.2.251/32", ours=True)),
            "eth1": (address("10.1.0.1/24"),),
        },
        rules=(*KERNELS, *OURS),
        routes=(
            Route("192.0.2.0/24 dev eth0", 254, 2),
            *(Route("unreachable default", table, 112) for table in routing_tables((1, 2), MARKS)),
        ),
        ruleset=Ruleset(ours=True),
        processes=(),
    )


def address(text: str, *, ours: bool = False) -> Address:
    """Return an address."""
    return Address(ip_interface(text), ours)


def changed(**changes: Any) -> Observed:
    """Return the good host with other fields."""
    return replace(good(), **changes)


def serving(*changes: Any, **services: Any) -> Observed:
    """Return the good host with processes (names) and what files of others say."""
    host = good()
    processes = tuple(Process(100 + at, name, (name,)) for at, name in enumerate(changes))
    return replace(host, processes=processes, services=replace(host.services, **services))

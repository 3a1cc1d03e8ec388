"""Rules for the tests of the nftables driver, written as boxes."""

from ipaddress import IPv4Address, IPv4Network, IPv6Network

from linkbalancer.drivers.nftables.layout import Layout, Peer
from linkbalancer.links import Role
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import Interval, Selector

LAYOUT = Layout(
    marks=Marks(),
    role=Role.CONTROLLER,
    lan_devices=("lan0",),
    link_devices=("link0", "link1"),
    vids=(1, 2),
    peers=(Peer(IPv4Address("10.1.0.2"), 20112), Peer(IPv4Address("203.0.113.77"), 4711)),
)
IDS = {"web": 2, "voice": 3, "bulk": 4, "rest": 5}


def net(prefix: str) -> Interval:
    """Return a prefix as the interval of its addresses."""
    network = IPv6Network(prefix) if ":" in prefix else IPv4Network(prefix)
    return Interval(int(network[0]), int(network[-1]))


def classifier(*rules: tuple[str, Selector]) -> Classifier:
    """Return the classifier of rules in order."""
    return Classifier([Rule(line, name, selector) for line, (name, selector) in enumerate(rules, 1)])


SAMPLE = classifier(
    (
        "web",
        Selector(family=4, source=(net("192.0.2.0/24"),), destination_port=(Interval(443, 443),), protocols=(6, 17)),
    ),
    ("web", Selector(family=4, source=(net("192.0.2.7/32"),), destination=(net("198.51.100.0/24"),), protocols=(1,))),
    ("voice", Selector(dscp=(Interval(46, 46),))),
    ("bulk", Selector(source_port=(Interval(5000, 5999),), destination_port=(Interval(0, 65535),), protocols=(17,))),
    (
        "bulk",
        Selector(
            family=4,
            source=(net("198.18.0.0/25"), net("198.18.1.1/32")),
            destination_port=(Interval(53, 53), Interval(8000, 8099)),
            protocols=(6, 17),
        ),
    ),
    ("rest", Selector(dscp=(Interval(8, 9), Interval(26, 26)), protocols=(17, 47))),
    ("bulk", Selector(family=6, destination=(net("2001:db8::/32"),), dscp=(Interval(10, 10),))),
    ("rest", Selector(family=4, source=(net("0.0.0.0/0"),), protocols=(6,))),
)

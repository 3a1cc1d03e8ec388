"""Far ends over IPv6: which are asked, and how often."""

from ipaddress import IPv4Address, IPv6Address

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.config.farends import far_ends
from linkbalancer.config.model import Config
from linkbalancer.health.check import Schedule
from linkbalancer.routing.twins import Twin
from tests.config.texts import CONFIG, loaded

STATIC = "groups:\n  9: {mode: static, device: eth7, gateway: 203.0.113.1%s}"


def config(link: str = "", group: str = "") -> Config:
    """Return a gateway with a link and a static group, and more words for either."""
    text = CONFIG.replace("peer: 10.1.0.2", f"peer: 10.1.0.2{link}").replace("groups:", STATIC % group)
    return loaded(text).config


def test_each_way_with_a_far_end_is_asked() -> None:
    """A link's as often as LVrrp probes, and for as long; a gateway's by the keys of its own probes."""
    found = far_ends(config(", peer6: fe80::2", ", gateway6: fe80::9, interval: 2s, rise: 4, fall: 5"))
    assert {way: one.twin for way, one in found.items()} == {
        "link l1": Twin("eth1", None, IPv6Address("fe80::2")),
        "VID 9": Twin("eth7", IPv4Address("203.0.113.1"), IPv6Address("fe80::9")),
    }
    assert found["link l1"].kind == "echo fe80::2"
    mean = 150 * MILLISECOND
    assert found["link l1"].schedule == Schedule(interval=mean, timeout=mean, rise=4, fall=4)
    assert found["VID 9"].schedule == Schedule(interval=2 * SECOND, timeout=2 * SECOND, rise=4, fall=5)


def test_a_patient_link_is_given_as_much_time_over_ipv6() -> None:
    """No less than LVrrp's own silence, whatever that is made of."""
    (one,) = far_ends(config(", peer6: fe80::2, probe: {interval: 100ms, detect: 950ms}")).values()
    assert one.schedule.fall * one.schedule.interval >= 950 * MILLISECOND
    assert one.schedule.fall == 10


def test_who_is_not_asked() -> None:
    """By a switch, for want of an address, or where IPv6 is not steered at all."""
    assert far_ends(config()) == {}
    assert list(far_ends(config(", peer6: fe80::2, probe6: false", ", gateway6: fe80::9"))) == ["VID 9"]
    assert far_ends(config(", peer6: fe80::2, probe6: false", ", gateway6: fe80::9, probe6: false")) == {}
    steered = loaded(CONFIG.replace("peer: 10.1.0.2", "peer: 10.1.0.2, peer6: fe80::2") + "steer_ipv6: false\n").config
    assert far_ends(steered) == {}

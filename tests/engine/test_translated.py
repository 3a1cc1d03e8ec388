"""What a status tells of translation."""

from linkbalancer.engine.translated import describe
from tests.config.test_translationchecks import static
from tests.config.texts import CONFIG, loaded


def test_what_is_left_alone_is_not_told() -> None:
    """A link without NAT, clamp and MTU."""
    assert describe(loaded().config) == []


def test_every_kind_is_told() -> None:
    """By the link's name, or the gateway; what nobody said is null."""
    nothing = {"ipv4": "none", "address": None, "nptv6": None, "mss_clamp": None, "mtu": None}
    (gateway,) = describe(loaded(static("nat: masquerade, mss_clamp: auto")).config)
    assert gateway == nothing | {
        "way": "203.0.113.1",
        "device": "eth1",
        "vids": [1],
        "ipv4": "masquerade",
        "mss_clamp": "auto",
    }
    link = CONFIG.replace("device: eth1,", "device: eth1, nat: {snat: 198.51.100.9}, mtu: 1400, mss_clamp: 1200,", 1)
    (told,) = describe(loaded(link).config)
    assert told == nothing | {
        "way": "l1",
        "device": "eth1",
        "vids": [1],
        "ipv4": "snat",
        "address": "198.51.100.9",
        "mss_clamp": 1200,
        "mtu": 1400,
    }
    nptv6 = "nat: {nptv6: {inside: 'fd00:1::/48', outside: '2001:db8:1::/48'}}"
    (told,) = describe(loaded(CONFIG.replace("device: eth1,", f"device: eth1, {nptv6},", 1)).config)
    assert told["nptv6"] == {"inside": "fd00:1::/48", "outside": "2001:db8:1::/48"}

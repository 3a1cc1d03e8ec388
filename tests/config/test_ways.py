"""Where packets leave, as the drivers are told."""

from ipaddress import IPv4Address, IPv6Address

from linkbalancer.config.ways import own_hop, twins, vids_over_ipv6, ways
from linkbalancer.links import GroupId, ViaLink, ViaMain
from linkbalancer.routing.translation import Translation, Way
from linkbalancer.routing.twins import Twin
from tests.config.test_translationchecks import static
from tests.config.texts import CONFIG, loaded


def test_a_link_is_a_way_of_all_its_vids() -> None:
    """Alone, nothing tells it from others."""
    (way,) = ways(loaded().config)
    assert way == Way(device="eth1", vids=(1,))


def test_gateways_behind_one_device_share_it() -> None:
    """Only the VID's mark tells them apart; one on a LAN shares it with the hosts."""
    first, second = ways(loaded(static("nat: masquerade", device="eth1")).config)
    assert (first.shared, second.shared, first.others) == (True, True, True)
    assert first.translation == Translation(masquerade=True)
    first, second = ways(loaded(static("mtu: 1400", device="eth0")).config)
    assert first == Way(device="eth1", vids=(1,), gateway=IPv4Address("203.0.113.1"), mtu=1400, others=True)
    assert second.shared


def test_links_come_first() -> None:
    """Then plain gateways; VIDs of IPv6 have no way of their own."""
    config = CONFIG.replace(
        "groups:",
        "groups:\n  9: {mode: static, device: eth7, gateway: 203.0.113.1}\n"
        "  7/ipv6: {device: eth0, link: l1, virtual_ips: ['fe80::1/64']}",
    )
    found = ways(loaded(config).config)
    assert [(way.device, way.vids) for way in found] == [("eth1", (1,)), ("eth7", (9,))]


def test_far_ends_over_ipv6_make_it_steered() -> None:
    """Those of links and of plain gateways, unless it is said otherwise."""
    assert twins(loaded().config) is None
    assert twins(loaded(CONFIG + "steer_ipv6: true\n").config) == ()
    config = CONFIG.replace("peer: 10.1.0.2", "peer: 10.1.0.2, peer6: fe80::2").replace(
        "groups:", "groups:\n  9: {mode: static, device: eth7, gateway: 203.0.113.1, gateway6: 'fe80::9'}"
    )
    assert twins(loaded(config).config) == (
        Twin("eth1", None, IPv6Address("fe80::2")),
        Twin("eth7", IPv4Address("203.0.113.1"), IPv6Address("fe80::9")),
    )
    assert twins(loaded(config + "steer_ipv6: false\n").config) is None


def test_which_vids_refuse_ipv6_here() -> None:
    """Those whose own way has no far end over it; of those that others carry alone, nothing is known here."""
    more = (
        "groups:\n  8: {mode: static, device: eth6, gateway: 203.0.113.8}\n"
        "  9: {mode: static, device: eth7, gateway: 203.0.113.1, gateway6: 'fe80::9'}\n"
        "  7: {device: eth0, mode: observe, virtual_ips: [192.168.1.77/24]}\n"
        "  6/ipv6: {device: eth0, link: l1, virtual_ips: ['fe80::6/64']}"
    )
    config = loaded(CONFIG.replace("groups:", more)).config
    assert vids_over_ipv6(config) == {8: False, 9: True, 1: False}
    assert own_hop(config, config.groups[GroupId(1)]) == ViaLink("eth1", IPv4Address("10.1.0.2"))
    assert own_hop(config, config.groups[GroupId(9)]) == ViaLink("eth7", IPv4Address("203.0.113.1"))
    assert own_hop(config, config.groups[GroupId(7)]) == ViaMain()
    assert vids_over_ipv6(loaded().config) is None

"""What contradicts translation, and where that is said."""

import pytest

from tests.config.texts import CONFIG, changed, loaded, refusals

STATIC = """\
node: gw
role: standalone
lans: {eth0: {}}
groups:
  1: {mode: static, device: eth1, gateway: 203.0.113.1, FIRST}
  2: {mode: static, device: eth2, gateway: 192.0.2.1, SECOND}
applications: apps.conf
"""
INSIDE = 'inside: "fd00:1::/48"'
PAIR = f'nptv6: {{{INSIDE}, outside: "2001:db8:1::/48"}}'
OTHER = f'nptv6: {{{INSIDE}, outside: "2001:db8:2::/48"}}'


def static(first: str = "rise: 2", second: str = "rise: 2", device: str = "eth2") -> str:
    """Return a gateway with two ways out."""
    return STATIC.replace("FIRST", first).replace("SECOND", second).replace("eth2", device)


def warnings(config: str) -> list[str]:
    """Return what is doubtful, without its file."""
    return [str(one).removeprefix("etc/linkbalancer.yaml:") for one in loaded(config).warnings]


@pytest.mark.parametrize(
    ("config", "what"),
    [
        (
            static("nat: {masquerade: true, snat: 203.0.113.9}"),
            "5:87: masquerade, and SNAT to 203.0.113.9 too; keep one",
        ),
        (
            static(f'nat: {{nptv6: {{{INSIDE}, outside: "2001:db8::/56"}}}}'),
            "fd00:1::/48 has not as many addresses as 2001:db8::/56; write both as prefixes of one length, such as /56",
        ),
        (static(f'nat: {{nptv6: {{{INSIDE}, outside: "fd00:1::/48"}}}}'), "inside and outside are one prefix"),
        (static("nat: {snat: 203.0.113.1}"), "203.0.113.1 is the provider's router's own address"),
        (static(f"nat: {{{PAIR}}}", f"nat: {{{PAIR}}}"), "2001:db8:1::/48 is outside of eth1 already"),
        (
            static(f"nat: {{{PAIR}}}", f"nat: {{{OTHER}}}", "eth1"),
            "the device eth1 translates fd00:1::/48 as 2001:db8:1::/48 already; give a device one nptv6",
        ),
        (static("mss_clamp: 1300", "mss_clamp: auto", "eth1"), "the mss_clamp of eth1 is said otherwise by VID 1"),
        (static("mtu: 1300", device="eth1"), "the mtu of eth1 is said otherwise by VID 1"),
        (static(second=f"nat: {{{PAIR}}}", device="eth0"), "eth0 is a LAN of this gateway"),
        (
            changed(("priority: 150", "priority: 150, nat: masquerade")),
            "nat says nothing in a VRRP group; write it at its link, where its packets leave",
        ),
        (
            changed(("mode: observe", "mode: observe, mtu: 1400")),
            "mtu says nothing in a VRRP group; remove it",
        ),
        (
            changed(("key_file: keys/l1.key", "key_file: keys/l1.key, nat: {snat: 10.1.0.2}")),
            "10.1.0.2 is the far end's own address",
        ),
    ],
)
def test_what_cannot_be_is_refused(config: str, what: str) -> None:
    """Once, with what to do."""
    (found,) = refusals(config)
    assert what in found


@pytest.mark.parametrize(
    ("config", "what"),
    [
        (
            static("mtu: 1400, mss_clamp: 1370"),
            "segments of 1370 bytes do not fit into an MTU of 1400: 1360 will be told; write auto, or a smaller number",
        ),
        (
            changed(("key_file: keys/l1.key", "key_file: keys/l1.key, nat: masquerade")),
            "the far end sees what crosses this link come from this gateway (masquerade): its rules by source mean",
        ),
        (
            CONFIG.replace("groups:", "groups:\n  9: {mode: static, device: eth7, gateway: 203.0.113.1, NAT}").replace(
                "NAT", "nat: {snat: 192.168.1.251}"
            ),
            "192.168.1.251 is a virtual IP of VID 1: while another gateway is its Master, answers go there",
        ),
    ],
)
def test_what_is_doubtful_is_said(config: str, what: str) -> None:
    """The configuration is good all the same."""
    (found,) = warnings(config)
    assert what in found


@pytest.mark.parametrize(
    "config",
    [
        static("nat: masquerade, mss_clamp: auto, mtu: 1400", f"nat: {{snat: 192.0.2.9, {PAIR}}}"),
        static(f"nat: {{masquerade: true, {PAIR}}}", f"nat: {{snat: 203.0.113.9, {PAIR}}}", "eth1"),
        static(f"nat: {{masquerade: true, {PAIR}}}", f"nat: {{{OTHER}}}"),
        changed(("key_file: keys/l1.key", f"key_file: keys/l1.key, nat: {{{PAIR}}}, mss_clamp: auto, mtu: 1400")),
    ],
)
def test_what_goes_together_is_good(config: str) -> None:
    """Without a word."""
    assert refusals(config) == []
    assert warnings(config) == []


def test_parts_that_are_wrong_by_themselves_hide_nothing() -> None:
    """One error each."""
    config = static("nat: wrong, mtu: 1", "nat: {snat: 192.0.2.1}").replace("device: eth1", "device: 5")
    assert len(refusals(config)) == 4
    assert len(refusals(static("mss_clamp: 5", "mode: 5"))) >= 2
    assert len(refusals(changed(("key_file: keys/l1.key", "key_file: keys/l1.key, nat: wrong")))) == 1


def test_two_prefixes_behind_one_device_need_two_gateways_of_ipv6() -> None:
    """Then the VID's mark tells them apart; the provider's prefix is one way's in any case."""
    both = static(f"gateway6: 'fe80::1', nat: {{{PAIR}}}", f"gateway6: 'fe80::2', nat: {{{OTHER}}}", "eth1")
    assert refusals(both) == []
    assert len(refusals(both + "steer_ipv6: false\n")) == 1
    inside = OTHER.replace("fd00:1", "fd00:2").replace("2001:db8:2:", "2001:db8:1:")
    same = static(f"gateway6: 'fe80::1', nat: {{{PAIR}}}", f"gateway6: 'fe80::2', nat: {{{inside}}}", "eth1")
    (found,) = refusals(same)
    assert "2001:db8:1::/48 is outside of eth1 already" in found

"""What `firewall: iptables` cannot do is refused where it is asked for, and nothing of it with nftables."""

import pytest

from linkbalancer.config.firewallchecks import APPLICATIONS_MAX, LINES_MAX
from linkbalancer.links import Firewall
from tests.config.texts import CONFIG, RULES, changed, loaded, refusals

CHAINS = CONFIG + "firewall: iptables\n"
STATIC = "{mode: static, device: eth2, gateway: 203.0.113.1}"


def test_nftables_is_what_it_is_unless_said() -> None:
    """And iptables takes what a mark can do, service levels and waiting included."""
    assert loaded().config.firewall is Firewall.NFTABLES
    rules = f"{RULES}App=10.0.0.0/8 * ef * 53 udp [1 2] name=dns good-for=5s handover=move sla=loss<2%\n"
    assert loaded(CHAINS, rules).config.firewall is Firewall.IPTABLES


def test_a_third_firewall_is_none() -> None:
    """With its place."""
    assert refusals(CONFIG + "firewall: ipchains\n")[0].startswith("linkbalancer.yaml:11:11: ")


@pytest.mark.parametrize(
    ("old", "new", "place", "what"),
    [
        ("key_file: keys/l1.key", "key_file: keys/l1.key, nat: masquerade", "6:78", "translates no addresses"),
        ("key_file: keys/l1.key", "key_file: keys/l1.key, mss_clamp: auto", "6:78", "clamps no segments"),
        ("key_file: keys/l1.key", "key_file: keys/l1.key, peer6: fe80::2", "6:78", "steers no IPv6"),
        ("priority: 150", "priority: 150, accept: false", "8:87", "refuses nothing at a virtual IP"),
        (
            "{device: eth0, mode: observe, virtual_ips: [192.168.1.252/24]}",
            STATIC,
            "9:13",
            "which a static group needs",
        ),
    ],
)
def test_keys_that_need_more_than_marks(old: str, new: str, place: str, what: str) -> None:
    """Line and column of the key, and that nftables can do it."""
    config = changed((old, new))
    found = refusals(config + "firewall: iptables\n")
    assert len(found) == 1
    assert found[0].startswith(f"linkbalancer.yaml:{place}: ")
    assert what in found[0]
    assert "firewall: nftables" in found[0]
    assert refusals(config) == []


@pytest.mark.parametrize(
    ("line", "column", "what"),
    [
        ("App=* * * * * * [1+2] name=other", 18, "divides no flows"),
        ("App=* * * * * * [1 2] name=other handover=keep", 34, "every flow follows its application: handover=keep"),
        ("App=* * * * * * [1 2] name=other failback=drain:60s", 34, "failback=drain:60s"),
        ("App=* * * * * 0 [1 2] name=other", 1, "protocol 0 is every protocol"),
    ],
)
def test_rules_that_need_more_than_marks(line: str, column: int, what: str) -> None:
    """Line and column of the step or the option."""
    rules = f"App=* * * * 443 tcp [2 1] name=web handover=move\n{line}\n"
    found = refusals(CHAINS, rules)
    assert len(found) == 1
    assert found[0].startswith(f"apps.conf:2:{column}: ")
    assert what in found[0]
    assert refusals(rules=rules) == []


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("steer_ipv6: true", "steers no IPv6"),
        ("metrics: {count: all}", "counts no applications"),
        ("metrics: {count: [web]}", "counts no applications"),
    ],
)
def test_what_the_whole_gateway_would_need_more_for(key: str, what: str) -> None:
    """Named at its key; what is switched off asks for nothing."""
    found = refusals(f"{CHAINS}{key}\n")
    assert len(found) == 1
    assert what in found[0]
    assert refusals(f"{CONFIG}{key}\n") == []
    assert refusals(f"{CHAINS}steer_ipv6: false\nmetrics: {{count: off}}\n") == []


def test_names_of_hosts_need_sets() -> None:
    """Their addresses change, and lines do not."""
    rules = f"Set=@cloud www.example.com\nApp=* @cloud * * 80 tcp [1] name=cloud\n{RULES}"
    found = refusals(CHAINS, rules)
    assert len(found) == 1
    assert found[0].startswith("apps.conf:2:1: ")
    assert "names of hosts are for nftables" in found[0]
    assert refusals(rules=rules) == []


def test_an_option_of_a_later_line_of_its_application_is_told_once() -> None:
    """At the first of them: all lines of an application have the same options."""
    line = "App=* * * * {} tcp [1 2] name=other handover=keep\n"
    assert len(refusals(CHAINS, line.format(80) + line.format(81))) == 1


def test_more_lines_than_are_tried_in_time() -> None:
    """The first rule too many is named, whatever comes after it."""
    ports = ",".join(str(port) for port in range(1, 2 * 15 * 12, 2))
    rules = f"App=10.1.0.0/16,10.3.0.0/16,10.5.0.0/16,10.7.0.0/16 * * {ports} {ports} udp [1 2] name=many\n{RULES}"
    found = refusals(CHAINS, rules)
    assert [one.split(": ")[0] for one in found] == ["apps.conf:1:1"]
    assert f"more than {LINES_MAX} lines of iptables" in found[0]
    assert refusals(rules=rules) == []


def test_more_applications_than_are_tried_in_time() -> None:
    """The first one too many is named."""
    rules = "".join(f"App=* * * * {port} tcp [1 2] name=a{port}\n" for port in range(1, APPLICATIONS_MAX + 2))
    found = refusals(CHAINS, rules)
    assert [one.split(": ")[0] for one in found] == [f"apps.conf:{APPLICATIONS_MAX + 1}:1"]
    assert refusals(rules=rules) == []


def test_what_is_wrong_by_itself_is_said_alone() -> None:
    """A key that cannot be read is not judged a second time."""
    found = refusals(CHAINS.replace("key_file: keys/l1.key", "key_file: keys/l1.key, nat: 7, mss_clamp: x, mtu: 1"))
    assert not any("iptables" in one for one in found)
    found = refusals(CHAINS.replace("priority: 150", "mode: nobody, accept: 7"))
    assert not any("iptables" in one for one in found)

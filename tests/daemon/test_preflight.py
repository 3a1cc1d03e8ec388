"""The preflight on real namespaces: everything that can be made wrong there is found, and only that."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from linkbalancer.config.load import load
from linkbalancer.config.model import Config
from linkbalancer.daemon.listening import listen
from linkbalancer.daemon.preflight import answers, examine
from linkbalancer.drivers import repair, rules
from linkbalancer.drivers.netlink.transport import ROUTE, NetlinkSocket
from linkbalancer.engine.preflight.finding import RunCommand, Severity
from linkbalancer.links import Family
from linkbalancer.routing.plan import routing_rules
from tests.daemon import rulesets
from tests.daemon.waiting import until
from tests.engine.preflight.hosts import FILES
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

CONFIG = load("linkbalancer.yaml", FILES.__getitem__).config
WITH_PEER6 = FILES["linkbalancer.yaml"].replace("insecure: true", 'insecure: true, peer6: "fe80::2"')
STEERED = load("x.yaml", {**FILES, "x.yaml": WITH_PEER6}.__getitem__).config
OF_THE_HOST = {"switch-file", "nftables-flush", "networkd-removes", "ufw-forward", "legacy-iptables"}
"""What files of the machine that runs the tests say, whatever the namespace."""


@pytest.fixture
def host() -> Iterator[Namespace]:
    """Return a host that has what the configuration names."""
    with Namespace("host") as host, Namespace("away") as away:
        for device in ("eth0", "eth1"):
            host.connect(device, away, device)
        host("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 10.1.0.1/24 dev eth1")
        yield host


def found(host: Namespace, *, running: bool = False, config: Config = CONFIG) -> dict[str, str]:
    """Return the kinds that are found in a namespace with how each was seen, notes left out."""
    with host.entered():
        report = examine(config, running=running)
    assert report.unseen == ()
    return {
        one.kind.name: one.seen
        for one in report.findings
        if one.kind.name not in OF_THE_HOST and one.kind.severity is not Severity.NOTE
    }


def test_nothing_is_wrong_with_a_plain_host(host: Namespace) -> None:
    """Before the first start."""
    assert found(host) == {}


@pytest.mark.parametrize(
    ("command", "kind", "seen"),
    [
        ("ip link set eth0 down", "device-down", "ip link show dev eth0: not UP"),
        ("ip link del eth1", "device-missing", "ip link show dev eth1: there is none"),
        ("ip addr flush dev eth1", "link-address-missing", "ip address show dev eth1: no address"),
        ("ip addr replace 192.0.2.252/24 dev eth0", "virtual-ip-fixed", "192.0.2.252/24.*; it does not bear our tag"),
        ("ip rule add fwmark 0x80000/0xff0000 lookup main prio 5210", "rule-takes-marks", r"bits 0x00ff0000 \(Tailsc"),
        (
            "ip rule add from 10.9.0.0/16 lookup 100 prio 5",
            "rule-before-ours",
            "ip rule: 5: from 10.9.0.0/16 lookup 100",
        ),
        ("ip rule add from 10.9.0.0/16 lookup 100 prio 25", "rule-number", "ip rule: 25: from 10.9.0.0/16 lookup 100"),
        ("ip route add 10.9.0.0/16 via 10.1.0.2 table 20001", "table-taken", "table 20001: 10.9.0.0/16 via 10.1.0.2"),
        ("ip route add 10.9.0.0/16 via 10.1.0.2 table 99 proto 112", "protocol-taken", "table 99: 10.9.0.0/16"),
    ],
)
def test_what_ip_can_break(host: Namespace, command: str, kind: str, seen: str) -> None:
    """Devices, addresses, rules and routes."""
    host(command)
    kinds = found(host)

    assert list(kinds) == [kind]
    assert re.search(seen, kinds[kind])


@pytest.mark.parametrize(
    ("command", "kind", "seen"),
    [
        ("rule add fwmark 0x80000/0xff0000 lookup main prio 5210", "rule-takes-marks", r"bits 0x00ff0000 \(Tailsc"),
        ("rule add from fd09::/16 lookup 100 prio 5", "rule-before-ours", "ip -6 rule: 5: from fd09::/16 lookup 100"),
        ("rule add from fd09::/16 lookup 100 prio 25", "rule-number", "ip -6 rule: 25: from fd09::/16 lookup 100"),
        ("rule del priority 0", "local-rule-late", "ip -6 rule: no rule looks up local"),
        ("rule del priority 32766", "main-rule-missing", "ip -6 rule: no rule looks up main for everything"),
        ("route add fd09::/16 dev eth1 table 20001", "table-taken", "table 20001: fd09::/16 dev eth1"),
        ("route add fd09::/16 dev eth1 table 99 proto 112", "protocol-taken", "table 99: fd09::/16"),
    ],
)
def test_what_ip_can_break_of_ipv6(host: Namespace, command: str, kind: str, seen: str) -> None:
    """Rules and routes, where it is steered; the kernel's own rules can be put back."""
    host(f"ip -6 {command}")
    assert found(host) == {}
    kinds = found(host, config=STEERED)

    assert list(kinds) == [kind]
    assert re.search(seen, kinds[kind])
    with host.entered():
        for step in (step for one in examine(STEERED, running=False).findings for step in one.steps):
            if isinstance(step, RunCommand):
                repair.perform(step)
    assert (found(host, config=STEERED) == {}) == (kind in {"local-rule-late", "main-rule-missing"})


def test_the_drivers_rules_of_ipv6_are_those_that_are_missed(host: Namespace) -> None:
    """Beside a running daemon; without forwarding nothing of IPv6 goes on."""
    missing = found(host, running=True, config=STEERED)
    assert "ip -6 rule: no rule for mark" in missing["rule-missing"]
    with host.entered():
        with closing(NetlinkSocket(ROUTE)) as netlink:
            for family in Family:
                rules.apply(netlink, routing_rules(STEERED.vids, STEERED.marks), family=family)
        assert "rule-missing" not in found(host, running=True, config=STEERED)
        wrong = [one.subject for one in examine(STEERED, running=True).findings if one.kind.name == "switch-wrong"]
    assert "ipv6/conf/all/forwarding" in wrong


@pytest.mark.parametrize(
    ("hook", "rule", "kind", "seen"),
    [
        ("prerouting", "meta mark set 0x1", "mark-overwritten", "it writes our bits 0x01ff0000 of the packet mark"),
        ("prerouting", "meta mark set meta mark and 0xff00ffff or 0x10000", "mark-overwritten", "our bits 0x00ff0000"),
        ("prerouting", "ct mark set ct mark or 0x2", "mark-overwritten", "our bits 0x00000002 of the connection mark"),
        ("forward", "ct state established accept", "forward-dropped", "hook forward, policy drop"),
        ("input", "tcp dport 22 accept", "input-dropped", "no rule for UDP port 20112"),
    ],
)
def test_what_a_firewall_can_break(host: Namespace, hook: str, rule: str, kind: str, seen: str) -> None:
    """Marks that are written over, and policies that drop."""
    policy = "accept" if hook == "prerouting" else "drop"
    chain = f"chain x {{\ntype filter hook {hook} priority 0; policy {policy};\n{rule}\n}}"
    host("nft -f -", given=f"table inet foreign {{\n{chain}\n}}\n")
    kinds = found(host)

    assert list(kinds) == [kind]
    assert seen in kinds[kind]


def test_a_firewall_that_lets_us_live(host: Namespace) -> None:
    """One that writes its own bits, and accepts our port, is no finding."""
    text = """\
table inet foreign {
  chain entering { type filter hook input priority 0; policy drop;
    udp dport { 53, 20112 } accept
  }
  chain marking { type filter hook prerouting priority 0;
    meta mark set meta mark or 0x80000000
    meta mark 0x00010000 accept
  }
}
"""
    host("nft -f -", given=text)
    assert found(host) == {}


def test_switches_beside_a_running_daemon(host: Namespace) -> None:
    """A switch that is not as the daemon wants it, and what of the daemon's own is missing."""
    host("sysctl -qw net.ipv4.conf.eth0.rp_filter=1 net.ipv4.ip_forward=1 net.ipv4.conf.eth1.forwarding=0")
    host("sysctl -qw net.ipv4.conf.eth0.arp_ignore=8")
    kinds = found(host, running=True)

    assert {"rule-missing", "ruleset-missing", "switch-wrong", "forwarding-off", "arp-silent"} <= kinds.keys()
    with host.entered():
        wrong = [one.subject for one in examine(CONFIG, running=True).findings if one.kind.name == "switch-wrong"]
    assert "ipv4/conf/eth0/rp_filter" in wrong


def test_a_keepalived_of_our_vrid(host: Namespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Found by its process, here and not in another namespace, and by its file."""
    conf = tmp_path / "keepalived.conf"
    conf.write_text("vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 1\n}\n")
    monkeypatch.setattr("linkbalancer.host.preflight.files.text", lambda _path: conf.read_text())
    code = "import time; open('/proc/self/comm', 'w').write('keepalived'); time.sleep(60)"
    assert "keepalived-vrid" not in found(host)
    child = subprocess.Popen(["ip", "netns", "exec", host.name, sys.executable, "-c", code])
    try:
        kinds = until(lambda: {kind: seen for kind, seen in found(host).items() if kind == "keepalived-vrid"})
        assert kinds["keepalived-vrid"].endswith("vrrp_instance VI_1: virtual_router_id 1")
    finally:
        child.kill()
        child.wait()


def test_a_port_of_a_bridge(host: Namespace) -> None:
    """The device is dead as long as it is one."""
    host("ip link add br0 type bridge", "ip link set eth0 master br0")
    assert found(host)["device-enslaved"] == "ip link show dev eth0: master br0 (bridge)"


def test_whether_an_agent_is_there(tmp_path: Path) -> None:
    """By its socket, which a dead one leaves behind."""
    assert not answers(tmp_path)
    listener = listen(tmp_path / "agent.sock", socket.SOCK_STREAM)
    assert answers(tmp_path)
    listener.close()
    assert not answers(tmp_path)


def test_what_cannot_be_seen_is_said(host: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without programs, nothing is guessed."""
    monkeypatch.setattr("linkbalancer.host.preflight.program.find", lambda _name: None)
    with host.entered():
        report = examine(CONFIG, running=True)

    assert [one.what for one in report.unseen] == ["devices", "routing rules", "routes", "nftables rules"]
    assert report.unseen[0].why == "the program ip is missing"


@pytest.mark.parametrize(
    ("text", "rules", "kinds"),
    [
        (
            rulesets.FIREWALLD,
            (),
            {
                "forward-dropped": "hook forward, its last rule refuses the rest",
                "input-dropped": "hook input, its last rule refuses the rest, and no rule for UDP port 20112",
            },
        ),
        (rulesets.DOCKER, (), {"forward-dropped": "hook forward, policy drop"}),
        (
            rulesets.TAILSCALE,
            rulesets.TAILSCALE_RULES,
            {"mark-overwritten": "writes our bits 0x00ff0000", "rule-takes-marks": "(Tailscale's)"},
        ),
        (
            rulesets.WG_QUICK,
            rulesets.WG_QUICK_RULES,
            {"mark-overwritten": "writes our bits", "rule-takes-marks": "(wg-quick's)"},
        ),
    ],
    ids=["firewalld", "docker", "tailscale", "wg-quick"],
)
def test_what_other_programs_load(host: Namespace, text: str, rules: tuple[str, ...], kinds: dict[str, str]) -> None:
    """Each found by what it does to us, and by nothing else."""
    host("nft -f -", given=text)
    if rules:
        host(*rules)
    seen = found(host)
    assert seen.keys() == kinds.keys()
    assert {kind: words for kind, words in kinds.items() if words not in seen[kind]} == {}


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("fib saddr . iif oif missing drop", "reverse-path-rule"),
        ("fib saddr . mark . iif oif 0 counter drop", "reverse-path-rule"),
        ("udp dport 53 notrack", "untracked"),
    ],
)
def test_rules_that_hide_or_refuse_flows(host: Namespace, rule: str, kind: str) -> None:
    """A firewall's own reverse path filter, and flows kept out of connection tracking."""
    chain = f"chain x {{\ntype filter hook prerouting priority raw; policy accept;\n{rule}\n}}"
    host("nft -f -", given=f"table inet foreign {{\n{chain}\n}}\n")
    assert list(found(host)) == [kind]


def test_the_kernels_own_rules_are_put_back(host: Namespace) -> None:
    """Moved behind ours, or removed: found, and mended by what `--fix` does, after which nothing is found."""
    host("ip rule add priority 500 lookup local", "ip rule del priority 0", "ip rule del priority 32766")
    with host.entered():
        report = examine(CONFIG, running=False)
        wrong = {
            one.kind.name: one for one in report.findings if one.kind.name.endswith(("-late", "main-rule-missing"))
        }
        assert wrong.keys() == {"local-rule-late", "main-rule-missing"}
        assert wrong["local-rule-late"].seen == "ip rule: lookup local at priority 500, ours from 10 on"
        for one in wrong.values():
            for step in one.steps:
                repair.perform(step)
    assert {"local-rule-late", "main-rule-missing"} & found(host).keys() == set()


def test_a_link_that_is_narrower_than_its_lan(host: Namespace) -> None:
    """A note, with both figures."""
    host("ip link set eth1 mtu 1400")
    with host.entered():
        notes = {one.kind.name: one.seen for one in examine(CONFIG, running=False).findings}
    assert notes["mtu-narrow"] == "ip link show: eth1 mtu 1400, eth0 mtu 1500"

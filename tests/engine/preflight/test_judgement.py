"""Every kind of finding: what it is found by, and what it is not."""

import re
from dataclasses import replace
from typing import Any

import pytest

from linkbalancer.engine.preflight.catalogue import CATALOGUE
from linkbalancer.engine.preflight.finding import Finding, RunCommand, SetSwitch, Severity, WriteFile, worst_first
from linkbalancer.engine.preflight.judgement import judge
from linkbalancer.engine.preflight.observed import (
    Chain,
    Device,
    Instance,
    MarkWrite,
    Observed,
    Process,
    Route,
    Rule,
    Ruleset,
    SwitchLine,
)
from linkbalancer.engine.preflight.switches import setting
from linkbalancer.links import Firewall
from tests.daemon.gateway import ROOT
from tests.engine.preflight.hosts import KERNELS, OURS, WANTED, address, changed, good, serving


def kinds(observed: Observed) -> list[str]:
    """Return the kinds of what is found."""
    return [one.kind.name for one in judge(WANTED, observed)]


def switched(**switches: str | None) -> dict[str, str | None]:
    """Return the good host's switches with others; __ stands for a slash."""
    return {**good().switches, **{path.replace("__", "/"): value for path, value in switches.items()}}


def ruled(*rules: Rule) -> tuple[Rule, ...]:
    """Return the good host's rules, and others."""
    return (*KERNELS, *OURS, *rules)


def device(**facts: Any) -> dict[str, Device]:
    """Return the good host's devices with another eth0."""
    return {**dict(good().devices or {}), "eth0": replace(Device("eth0", up=True), **facts)}


def addressed(*eth0: Any) -> dict[str, Any]:
    """Return the good host's addresses with others on eth0."""
    return {**dict(good().addresses or {}), "eth0": eth0}


def firewall(*chains: Chain, **rest: Any) -> Ruleset:
    """Return a rule set with our table, and something of others."""
    return Ruleset(ours=True, chains=chains, **rest)


FOUND: dict[str, Observed] = {
    "kernel-old": changed(kernel="5.10.0-30-amd64"),
    "nft-missing": changed(nft=None),
    "conntrack-missing": changed(switches=switched(netfilter__nf_conntrack_max=None)),
    "conntrack-full": changed(switches=switched(netfilter__nf_conntrack_count="52429")),
    "device-missing": changed(devices={"eth1": Device("eth1", up=True)}),
    "device-down": changed(devices=device(up=False)),
    "device-enslaved": changed(devices=device(master="br0", master_kind="bridge")),
    "mtu-narrow": changed(
        devices={"eth0": Device("eth0", up=True, mtu=1500), "eth1": Device("eth1", up=True, mtu=1400)}
    ),
    "bridge-filter": changed(
        devices=device(kind="bridge"), switches=switched(**{"bridge__bridge-nf-call-iptables": "1"})
    ),
    "link-address-missing": changed(addresses={**dict(good().addresses or {}), "eth1": ()}),
    "lan-address-missing": changed(addresses=addressed(address("198.51.100.1/24"))),
    "virtual-ip-fixed": changed(addresses=addressed(address("192.0.2.1/24"), address("192.0.2.252/24"))),
    "switch-wrong": changed(switches=switched(ipv4__conf__eth0__rp_filter="1")),
    "switch-before-start": changed(running=False, switches=switched(ipv4__conf__eth0__rp_filter="2")),
    "switch-file": changed(switch_lines=(SwitchLine("/etc/sysctl.d/50-x.conf", "net/ipv4/conf/*/rp_filter", "2"),)),
    "forwarding-off": changed(switches=switched(ipv4__conf__eth0__forwarding="0")),
    "arp-silent": changed(switches=switched(ipv4__conf__all__arp_ignore="8")),
    "rule-takes-marks": changed(
        rules=ruled(Rule(5210, "from all fwmark 0x80000/0xff0000 lookup 254", 254, 0, 0x80000, 0xFF0000))
    ),
    "rule-before-ours": changed(rules=ruled(Rule(5, "from 10.9.0.0/16 lookup 100", 100, 3))),
    "rule-number": changed(rules=ruled(Rule(100, "from 10.9.0.0/16 lookup 100", 100, 3))),
    "table-taken": changed(routes=(Route("default via 10.0.0.1 dev eth7", 20001, 3),)),
    "protocol-taken": changed(routes=(Route("default via 10.0.0.1 dev eth7", 100, 112),)),
    "local-rule-late": changed(rules=(replace(KERNELS[0], priority=700), *KERNELS[1:], *OURS)),
    "main-rule-missing": changed(rules=(KERNELS[0], KERNELS[2], *OURS)),
    "rule-missing": changed(rules=(*KERNELS, *OURS[1:])),
    "ruleset-missing": changed(ruleset=Ruleset(ours=False)),
    "mark-overwritten": changed(
        ruleset=firewall(writes=(MarkWrite("inet filter prerouting", "meta mark set 0x1", 0xFFFFFFFF),))
    ),
    "forward-dropped": changed(ruleset=firewall(Chain("ip filter FORWARD", "forward", drops=True))),
    "input-dropped": changed(ruleset=firewall(Chain("inet filter input", "input", drops=True, ports=frozenset({22})))),
    "reverse-path-rule": changed(ruleset=firewall(reverse=(("ip x y", "fib saddr . iif oif missing drop"),))),
    "untracked": changed(ruleset=firewall(untracked=(("ip raw y", "notrack"),))),
    "flow-offload": changed(ruleset=firewall(flowtables=(("inet filter f", ("eth0", "wlan0")),))),
    "legacy-iptables": changed(legacy=("mangle", "filter")),
    "networkd-removes": serving("systemd-network", networkd={"ManageForeignRoutes": ("no", "/etc/x.conf")}),
    "networkmanager-manages": serving("NetworkManager", managed={"eth0": "connected", "eth1": "unmanaged"}),
    "dhcp-client": serving("dhcpcd", dhcpcd_denied=frozenset({"eth1"})),
    "keepalived-vrid": serving("keepalived", keepalived=(Instance("VI_1", "eth0", 1),)),
    "keepalived-runs": serving("keepalived", keepalived=(Instance("VI_2", "eth0", 2), Instance("V", "eth7", 1))),
    "firewalld-runs": serving("firewalld"),
    "ufw-forward": serving(ufw={"ENABLED": "yes", "DEFAULT_FORWARD_POLICY": "DROP"}),
    "nftables-flush": serving(nftables_file="/etc/nftables.conf"),
}
"""A host for each kind, on which it is the only finding."""


OF_IPTABLES: dict[str, Observed] = {
    "iptables-missing": changed(python_iptables="ImportError: No module named 'iptc'"),
    "chains-missing": changed(chains=False, nft=None, legacy=("mangle",), ruleset=Ruleset(ours=False)),
}
"""The same with `firewall: iptables`, where neither nft nor our table of nftables is missed."""


@pytest.mark.parametrize("name", OF_IPTABLES)
def test_one_thing_wrong_with_iptables_is_one_finding(name: str) -> None:
    """And with nftables it says nothing."""
    config = WANTED.config.model_copy(update={"firewall": Firewall.IPTABLES})
    wanted = replace(WANTED, config=config)
    assert [one.kind.name for one in judge(wanted, OF_IPTABLES[name])] == [name]
    assert name not in kinds(OF_IPTABLES[name])
    assert judge(wanted, changed(running=False, chains=False)) == ()


def test_a_good_host_has_no_findings() -> None:
    """Neither beside a running daemon nor before its first start."""
    assert judge(WANTED, good()) == ()
    assert judge(WANTED, changed(running=False, rules=KERNELS, routes=(), ruleset=Ruleset(ours=False))) == ()


def test_every_kind_has_its_host() -> None:
    """And every kind is named once."""
    assert sorted({*FOUND, *OF_IPTABLES}) == sorted(kind.name for kind in CATALOGUE)


@pytest.mark.parametrize("name", FOUND)
def test_one_thing_wrong_is_one_finding(name: str) -> None:
    """It says how it was seen, and offers a fix exactly where the catalogue says so."""
    (found,) = judge(WANTED, FOUND[name])

    assert found.kind.name == name
    assert found.subject
    assert found.seen
    assert bool(found.steps) == (found.kind.fix is not None)
    assert found.to_json()["severity"] == found.kind.severity


@pytest.mark.parametrize(
    "observed",
    [
        changed(kernel="rolling"),
        changed(running=False, switches=switched(netfilter__nf_conntrack_max=None)),
        changed(switches=switched(netfilter__nf_conntrack_max="0")),
        changed(devices=None, addresses=None, rules=None, routes=None, ruleset=None, processes=None),
        changed(devices=device(kind="bridge")),
        changed(devices=device(mtu=1500)),
        changed(devices={**device(mtu=1400), "eth1": Device("eth1", up=True, mtu=1500)}),
        changed(devices=device(master="vrf1", master_kind="vrf")),
        changed(devices=None),
        changed(switches=switched(ipv4__conf__eth0__rp_filter=None, ipv4__conf__eth0__arp_ignore=None)),
        changed(rules=ruled(Rule(5270, "from all lookup 52", 52, 0))),
        changed(rules=ruled(Rule(30000, "from all fwmark 0x200/0xff00 lookup 7", 7, 0, 0x200, 0xFF00))),
        changed(
            ruleset=firewall(writes=(MarkWrite("x", "y", 0xFFFF), MarkWrite("x", "y", 0x60000000, connection=True)))
        ),
        changed(ruleset=firewall(Chain("x", "input", drops=True, ports=frozenset({20112})))),
        changed(ruleset=firewall(Chain("x", "output", drops=True))),
        changed(ruleset=firewall(Chain("x", "input", drops=False), Chain("x", "forward", drops=False))),
        changed(ruleset=firewall(flowtables=(("inet x f", ("wlan0",)),))),
        serving(
            "systemd-networkd",
            networkd=dict.fromkeys(("ManageForeignRoutingPolicyRules", "ManageForeignRoutes"), ("no", "x")),
        ),
        serving(networkd={"ManageForeignRoutes": ("yes", "x")}),
        serving("dhcpcd", dhcpcd_allowed=frozenset({"wlan0"})),
        serving("dhclient"),
        serving(ufw={"ENABLED": "no"}),
        serving(ufw={"ENABLED": "yes", "DEFAULT_FORWARD_POLICY": "ACCEPT"}),
    ],
)
def test_what_is_no_finding(observed: Observed) -> None:
    """What cannot be seen is not judged, and what is somebody else's business is left alone."""
    assert kinds(observed) == []


def test_the_kernels_own_rules() -> None:
    """One that is not there at all is said so, one of ours is no rule of the kernel's, and none goes unseen."""
    gone = [one for one in judge(WANTED, changed(rules=(*KERNELS[1:], *OURS))) if one.kind.name == "local-rule-late"]
    assert [one.seen for one in gone] == ["ip rule: no rule looks up local"]
    assert kinds(changed(rules=(*KERNELS, *OURS, Rule(5, "from all lookup 255", 255, 112)))) == []
    assert [str(step) for step in gone[0].steps] == ["ip rule add priority 0 lookup local"]


def test_which_link_is_narrow() -> None:
    """Of devices that are there; a LAN that is not there is no measure."""
    narrow = changed(devices={"eth1": Device("eth1", up=True, mtu=1400)})
    assert kinds(narrow) == ["device-missing"]
    gone = changed(devices={"eth0": Device("eth0", up=True, mtu=1500)})
    assert kinds(gone) == ["device-missing"]


def test_who_clients_and_rivals_belong_to() -> None:
    """A dhclient of one of our devices, and a Keepalived whose instance names no device."""
    host = replace(good(), processes=(Process(7, "dhclient", ("dhclient", "-4", "eth1")),))
    (found,) = judge(WANTED, host)
    assert (found.subject, found.seen) == ("eth1", "process 7: dhclient -4 eth1")
    assert kinds(serving("keepalived", keepalived=(Instance("V", None, 1), Instance("W", "eth0", None)))) == [
        "keepalived-vrid"
    ]


def test_a_foreign_rule_can_be_wrong_in_more_than_one_way() -> None:
    """It may look at our bits, stand among our rules, and lead into our table."""
    rule = Rule(32768, "from all fwmark 0xca6c lookup 20001", 20001, 0, 0xCA6C, 0xFFFFFFFF)
    found = judge(WANTED, changed(rules=ruled(rule)))
    assert [one.kind.name for one in found] == ["rule-takes-marks", "table-taken", "rule-number"]
    assert found[0].seen.endswith("it looks at our bits 0x01ff0000 (wg-quick's)")
    assert "(Tailscale's)" in judge(WANTED, FOUND["rule-takes-marks"])[0].seen
    unknown = Rule(5000, "x", 100, 0, 0x10000, 0xFF0000)
    assert judge(WANTED, changed(rules=ruled(unknown)))[0].seen.endswith("0x00ff0000")


def test_what_a_wrong_switch_breaks_is_said_by_its_name() -> None:
    """Beside a running daemon; before its start all of them are one note."""
    (found,) = judge(WANTED, FOUND["switch-wrong"])
    assert "dropped without a word" in found.breaks
    assert found.steps == (SetSwitch("ipv4/conf/eth0/rp_filter", "0"),)
    both = switched(ipv4__ip_forward="0", ipv4__conf__all__rp_filter="1")
    (note,) = judge(WANTED, changed(running=False, switches=both))
    assert (note.subject, note.seen) == ("2 switches", "net/ipv4/ip_forward: 0, net/ipv4/conf/all/rp_filter: 1")


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        ((("net/ipv4/conf/*/rp_filter", "2"),), "2"),
        ((("net/ipv4/conf/*/rp_filter", "2"), ("-", "1"), ("net/ipv4/conf/*/rp_filter", "1")), "1"),
        ((("net/ipv4/conf/eth0/rp_filter", "0"), ("net/ipv4/conf/*/rp_filter", "1")), "0"),
        ((("net/ipv4/conf/eth0/rp_filter", None), ("net/ipv4/conf/*/rp_filter", "1")), None),
        ((("net/ipv4/conf/all/rp_filter", "1"),), None),
    ],
)
def test_which_line_of_sysctl_files_counts(lines: tuple[tuple[str, str | None], ...], value: str | None) -> None:
    """One that names the switch before one that matches it, the last of each; `-key` takes it out of the patterns."""
    found = setting("net/ipv4/conf/eth0/rp_filter", tuple(SwitchLine("f", *line) for line in lines))

    assert (None if found is None else found.value) == value


def test_the_files_that_a_fix_writes() -> None:
    """A drop-in for networkd, and the gateway's switches in a file that is applied last."""
    (networkd,) = judge(WANTED, FOUND["networkd-removes"])
    write, restart = networkd.steps
    assert isinstance(write, WriteFile)
    assert write.text == "[Network]\nManageForeignRoutingPolicyRules=no\nManageForeignRoutes=no\n"
    assert restart == RunCommand(("systemctl", "restart", "systemd-networkd.service"))
    assert str(restart) == "systemctl restart systemd-networkd.service"
    assert networkd.seen == ("process 100 is systemd-network; ManageForeignRoutingPolicyRules=yes (the default)")
    (file,) = judge(WANTED, FOUND["switch-file"])
    (write,) = file.steps
    assert isinstance(write, WriteFile)
    assert write.text.splitlines()[1:] == [f"net/{path} = {value}" for path, value in WANTED.switches]
    assert str(write).startswith("write /etc/sysctl.d/zz-linkbalancer.conf:\n      # What")
    assert str(SetSwitch("a/b", "1")) == "echo 1 > /proc/sys/net/a/b"


def test_networkd_reads_its_files_at_its_start() -> None:
    """So a file that was mended since mends nothing yet."""
    mended = dict.fromkeys(("ManageForeignRoutingPolicyRules", "ManageForeignRoutes"), ("no", "/etc/x.conf"))
    (found,) = judge(WANTED, serving("systemd-network", networkd=mended, networkd_changed=True))
    assert found.seen.startswith("process 100 is systemd-network; its configuration was changed after it was started")
    assert kinds(serving(networkd_changed=True)) == []


def test_the_worst_comes_first_and_nothing_twice() -> None:
    """Errors, warnings, notes."""
    by_name = {kind.name: kind for kind in CATALOGUE}
    some = [
        Finding(by_name[name], "x", "y") for name in ("switch-file", "firewalld-runs", "kernel-old", "firewalld-runs")
    ]
    assert [one.kind.severity for one in worst_first(some)] == [Severity.ERROR, Severity.WARNING, Severity.NOTE]
    assert (some[0].breaks, some[0].mend) == (by_name["switch-file"].breaks, by_name["switch-file"].mend)


def test_the_document_lists_every_kind() -> None:
    """docs/doctor.md has the catalogue in its words, and no other kind."""
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (\w+) \| (.+?) \| (.+?) \| (.*?) ?\|$",
        (ROOT / "docs" / "doctor.md").read_text(),
        re.MULTILINE,
    )

    assert rows == [(kind.name, str(kind.severity), kind.breaks, kind.mend, kind.fix or "") for kind in CATALOGUE]

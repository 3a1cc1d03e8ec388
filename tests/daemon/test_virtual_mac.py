"""A daemon with virtual MACs, on a LAN with a host and with a Keepalived that has the same ones, or none."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.daemon.gateway import Gateway
from tests.daemon.waiting import until
from tests.drivers.lan import Lan, Tap, lan, mac_of, ping
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

MACS = {"192.0.2.251": "00:00:5e:00:01:33", "2001:db8::251": "00:00:5e:00:02:33", "fe80::251": "00:00:5e:00:02:33"}
CONFIG = """\
node: here
role: standalone
groups:
  51: {{device: eth0, virtual_ips: [192.0.2.251/24], priority: 150, {more}}}
  51/ipv6: {{device: eth0, virtual_ips: ["fe80::251/64", "2001:db8::251/64"], priority: 150, {more}}}
applications: apps.conf
"""
EVERY = "advert_interval: 200ms, checksum: rfc5798"
KEEPALIVED = """\
global_defs {{
    router_id rival
    vrrp_version 3
}}
vrrp_instance V4 {{
    interface eth0
    virtual_router_id 51
    priority 100
    advert_int 0.2
    {vmac4}
    virtual_ipaddress {{
        192.0.2.251/24
    }}
}}
vrrp_instance V6 {{
    interface eth0
    virtual_router_id 51
    priority 100
    advert_int 0.2
    {vmac6}
    virtual_ipaddress {{
        fe80::251/64
        2001:db8::251/64
    }}
}}
"""
GROUPS = ("51", "51/ipv6")


@dataclass(frozen=True)
class Site:
    """Our gateway, a place for a rival, a host, and what the switch hears of ours."""

    net: Lan
    ours: Gateway
    rival: Namespace
    host: Namespace
    tap: Tap

    def states(self) -> list[str]:
        """Return the states of our groups."""
        groups = self.ours.status().get("groups", {})
        return [groups[name]["state"] for name in GROUPS if name in groups]

    def lead(self) -> None:
        """Wait until our gateway is Master of both."""
        until(lambda: self.states() == ["master", "master"], 60)

    def answering(self) -> list[str]:
        """Return the virtual IPs that answer the host."""
        return [address for address in MACS if ping(self.host, address, 0.5)]

    def known(self) -> dict[str, str]:
        """Return the MACs by which the host knows the virtual IPs."""
        shown = json.loads(self.host("ip -j neigh show dev eth0"))
        return {one["dst"]: one["lladdr"] for one in shown if one["dst"] in MACS and "lladdr" in one}

    def devices(self) -> set[tuple[str, int, str]]:
        """Return our virtual devices: name, index and MAC; their operational state lags behind their making."""
        shown = json.loads(self.ours.namespace("ip -j link show type macvlan"))
        return {(one["ifname"], one["ifindex"], one["address"]) for one in shown}

    def virtual(self) -> list[bytes]:
        """Return the frames from a virtual MAC that our gateway has sent since the last look."""
        return [frame for frame in self.tap.frames() if frame[6:11].hex() in {"00005e0001", "00005e0002"}]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Yield the site, our gateway configured with virtual MACs and not yet started."""
    with lan() as net:
        here = net.join("here", "192.0.2.2/24", "2001:db8::2/64", "fe80::2/64")
        rival = net.join("rival", "192.0.2.3/24", "2001:db8::3/64", "fe80::3/64")
        host = net.join("host", "192.0.2.100/24", "2001:db8::100/64", "fe80::100/64")
        ours = Gateway(here, tmp_path / "here", node="here", role="controller", local="", peer="", lan="")
        _configure(ours, "virtual_mac: true")
        with net.tap(here) as tap:
            try:
                yield Site(net, ours, rival, host, tap)
            finally:
                if ours.process is not None:
                    ours.kill_all()


def _configure(gateway: Gateway, more: str) -> None:
    gateway.config.write_text(CONFIG.format(more=f"{EVERY}, {more}"))
    (gateway.directory / "apps.conf").write_text("# nobody is steered\n")


class Rival:
    """A Keepalived, by its log."""

    def __init__(self, log: Path) -> None:
        """Read this log."""
        self.log = log

    def are(self, state: str) -> bool:
        """Return whether both instances are in a state, and were told so last."""
        told = [re.findall(rf"\({name}\) Entering (\w+) STATE", self.log.read_text())[-1:] for name in ("V4", "V6")]
        return told == [[state], [state]]

    def entered(self, state: str) -> int:
        """Return how often an instance entered a state."""
        return self.log.read_text().count(f"Entering {state} STATE")


@contextmanager
def _keepalived(site: Site, directory: Path, *, virtual: bool) -> Iterator[Rival]:
    """Run a Keepalived as the rival."""
    directory.mkdir()
    vmac = {"vmac4": "use_vmac rv4", "vmac6": "use_vmac rv6"} if virtual else {"vmac4": "", "vmac6": ""}
    (directory / "keepalived.conf").write_text(KEEPALIVED.format(**vmac))
    words = ["ip", "netns", "exec", site.rival.name, "keepalived", "--dont-fork", "--vrrp", "--log-console"]
    words += ["--log-detail", "--no-syslog", f"--use-file={directory / 'keepalived.conf'}"]
    words += [f"--{kind}={directory / kind}" for kind in ("pid", "vrrp_pid", "checkers_pid", "bfd_pid")]
    log = directory / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    try:
        yield Rival(log)
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("virtual", [True, False])
def test_it_hands_over_to_a_keepalived_and_takes_back(site: Site, tmp_path: Path, *, virtual: bool) -> None:
    """The host reaches the virtual IPs all the time; with the rival's virtual MAC it never learns another one."""
    site.ours.start()
    with _keepalived(site, tmp_path / "rival", virtual=virtual) as rival:
        until(lambda: rival.are("BACKUP"))
        site.lead()
        assert set(site.answering()) == set(MACS)
        assert site.known() == MACS
        assert site.ours.stop() == 0
        until(lambda: rival.are("MASTER"))
        until(lambda: set(site.answering()) == set(MACS), 20)
        # A Keepalived with virtual MACs asks hosts as the virtual IP with its own MAC, too; ours must be in no entry.
        theirs = mac_of(site.rival).hex(":")
        assert set(site.known().values()) <= ({*MACS.values(), theirs} if virtual else {theirs})
        site.virtual()
        assert ping(site.host, "192.0.2.251")
        assert site.virtual() == []
        site.ours.start()
        site.lead()
        until(lambda: rival.are("BACKUP"))
        until(lambda: set(site.answering()) == set(MACS), 20)
        assert site.known() == MACS


def test_as_a_backup_it_is_silent_and_deaf(site: Site, tmp_path: Path) -> None:
    """Not one frame leaves with a virtual MAC while a better rival is Master; when he is gone it leads."""
    with _keepalived(site, tmp_path / "rival", virtual=True) as rival:
        until(lambda: rival.are("MASTER"))
        site.ours.config.write_text(site.ours.config.read_text().replace("priority: 150", "priority: 50"))
        site.ours.start()
        until(lambda: site.states() == ["backup", "backup"], 20)
        assert set(site.answering()) == set(MACS)
        assert site.virtual() == []
        assert rival.entered("MASTER") == 2
    site.lead()
    until(lambda: set(site.answering()) == set(MACS), 20)
    assert site.known() == MACS
    assert site.virtual() != []


@pytest.mark.parametrize(
    "deed",
    [
        "ip addr del 192.0.2.251/32 dev vr4-51",
        "ip -6 addr del 2001:db8::251/128 dev vr6-51",
        "ip -6 addr flush dev vr6-51",
        "ip link set vr4-51 down",
        "ip link set vr6-51 down",
        "ip link del vr6-51",
        "ip link set vr4-51 address 02:00:00:00:00:99",
    ],
)
def test_what_others_take_away_comes_back_and_nobody_notices(site: Site, deed: str) -> None:
    """Within far less than an advert's patience, mastership untouched."""
    site.ours.start()
    site.lead()
    until(lambda: set(site.answering()) == set(MACS), 20)
    before = [site.ours.status()["groups"][name]["transitions"] for name in GROUPS]
    site.ours.namespace(deed)
    until(lambda: "put back" in site.ours.lines(), 20)
    until(lambda: set(site.answering()) == set(MACS), 20)
    assert site.known() == MACS
    assert [site.ours.status()["groups"][name]["transitions"] for name in GROUPS] == before


def test_a_killed_agent_finds_its_devices_and_goes_on(site: Site) -> None:
    """Same devices, no address lost for a moment, no frame of a good-bye; what is removed later comes back."""
    site.ours.start()
    site.lead()
    until(lambda: set(site.answering()) == set(MACS), 20)
    devices = site.devices()
    pid = site.ours.pids()["agent"]
    site.ours.kill("agent")
    until(lambda: site.ours.pids().get("agent", pid) != pid and site.states() == ["master", "master"], 20)
    assert site.devices() == devices
    assert set(site.answering()) == set(MACS)
    site.ours.namespace("ip link set vr6-51 down")
    until(lambda: set(site.answering()) == set(MACS), 20)


def test_a_reload_takes_virtual_macs_away_and_gives_them_again(site: Site) -> None:
    """The switches that stood before come back; addresses move to the group's device and answer there."""
    shown = "sysctl -n net.ipv4.conf.eth0.arp_ignore net.ipv4.conf.eth0.arp_announce"
    before = site.ours.namespace(shown)
    site.ours.start()
    site.lead()
    until(lambda: set(site.answering()) == set(MACS), 20)
    _configure(site.ours, "virtual_mac: false")
    site.ours.reload()
    own = mac_of(site.ours.namespace).hex(":")
    until(lambda: set(site.answering()) == set(MACS) and site.known() == dict.fromkeys(MACS, own), 20)
    until(lambda: site.ours.namespace("ip -br link show type macvlan") == "", 20)
    until(lambda: site.ours.namespace(shown) == before, 20)
    _configure(site.ours, "virtual_mac: true")
    site.ours.reload()
    until(lambda: set(site.answering()) == set(MACS) and site.known() == MACS, 20)
    assert "192.0.2.251" not in site.ours.namespace("ip addr show dev eth0")


def test_accept_is_switched_by_a_reload(site: Site) -> None:
    """Off: the virtual IPs do not answer, yet are found; on again: they do."""
    _configure(site.ours, "virtual_mac: true, accept: false")
    site.ours.start()
    site.lead()
    assert site.answering() == []
    assert site.known() == MACS
    _configure(site.ours, "virtual_mac: true")
    site.ours.reload()
    until(lambda: set(site.answering()) == set(MACS), 20)
    assert "refuse" not in site.ours.namespace("nft list table inet linkbalancer")

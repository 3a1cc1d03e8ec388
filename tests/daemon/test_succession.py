"""One agent succeeds another on a real gateway: every kind of edit, every death, and orphans."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.routing.marks import Marks
from tests.daemon.gateway import ROOT
from tests.daemon.office import Adverts, Deletions, Flow, Office
from tests.daemon.waiting import alive, until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

TABLE = "nft list table inet linkbalancer"
REAL_NFT = f'PATH={os.environ["PATH"]} nft "$@"; sleep 60'
"""A shell's line: it loads, and is not done for a long time."""


class Site:
    """Two gateways that have settled, and a host behind each."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        """Lay it out, and start everybody."""
        names = ("near", "far", "host", "server")
        near, far, host, server = (stack.enter_context(Namespace(name)) for name in names)
        near.connect("eth1", far, "eth1")
        near.connect("eth2", far, "eth2")
        near.connect("eth0", host, "eth0")
        far.connect("eth0", server, "eth0")
        near(
            "ip addr add 192.0.2.1/24 dev eth0", "ip addr add 10.1.0.1/24 dev eth1", "ip addr add 10.2.0.1/24 dev eth2"
        )
        far("ip addr add 198.51.100.1/24 dev eth0", "ip addr add 10.1.0.2/24 dev eth1")
        host("ip addr add 192.0.2.9/24 dev eth0", "ip route add default via 192.0.2.251")
        server("ip addr add 198.51.100.9/24 dev eth0", "ip addr add 203.0.113.1/32 dev lo")
        far("ip route add 203.0.113.0/24 via 198.51.100.9")
        self.host, self.server, self.directory = host, server, directory
        texts = {"local": "10.1.0.1", "peer": "10.1.0.2", "lan": "192.0.2"}
        self.near = Office(near, directory / "near", node="b1", role="controller", **texts)
        texts = {"local": "10.1.0.2", "peer": "10.1.0.1", "lan": "198.51.100"}
        self.far = Office(far, directory / "far", node="f1", role="controlled", **texts)
        for office in (self.near, self.far):
            stack.callback(office.close)
            office.begin()
        until(self.settled, 20)

    def settled(self) -> bool:
        """Return whether both ends work."""
        return self.near.settled() and self.far.settled()


@pytest.fixture(scope="module")
def whole_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site for all tests."""
    with ExitStack() as stack:
        yield Site(stack, tmp_path_factory.mktemp("site"))


@pytest.fixture
def site(whole_site: Site) -> Iterator[Site]:
    """Return the site, settled, and put it right afterwards."""
    until(whole_site.settled, 20)
    for office in (whole_site.near, whole_site.far):
        until(office.trimmed)
        office.log.write_text("")
    yield whole_site
    for office in (whole_site.near, whole_site.far):
        office.reset()


def shown(status: dict[str, Any]) -> dict[str, Any]:
    """Return what of a status must not change by a succession."""
    groups = {
        vid: (group["state"], group["reason"], group["transitions"], group["master"], group["next_hop"])
        for vid, group in status["groups"].items()
    }
    return {
        "groups": groups,
        "links": {name: (link["open"], link["reason"]) for name, link in status["links"].items()},
        "applications": {name: (one["id"], one["vid"]) for name, one in status["applications"].items()},
    }


def ages(status: dict[str, Any]) -> list[int]:
    """Return how long everything has been as it is."""
    parts = ("groups", "links", "applications")
    return [one["since_ms"] for part in parts for _name, one in sorted(status[part].items())]


def test_nobody_notices_a_successor(site: Site) -> None:
    """Same configuration, at either end: nothing is deleted, lost, moved or told anew, and every age goes on."""
    offices = (site.near, site.far)
    before = [office.status() for office in offices]
    kernels = [office.kernel() for office in offices]
    adverts, flow = Adverts(site.host, "eth0", site.directory / "adverts"), Flow(site.host, site.server)
    watches = [Deletions(office) for office in offices]
    for office in offices:
        office.succeed()
        assert office.status()["processes"]["agent"] == office.agent.pid
    until(site.settled)
    after = [office.status() for office in offices]
    assert [shown(status) for status in after] == [shown(status) for status in before]
    assert all(
        new > old for one, two in zip(before, after, strict=True) for old, new in zip(ages(one), ages(two), strict=True)
    )
    assert flow.lost() == set()
    assert [watch.deleted() for watch in watches] == [[], []]
    assert [office.kernel() for office in offices] == kernels
    assert set(adverts.gaps()) == {1, 2}
    assert all(
        one["counters"]["vrrp:sent"] < two["counters"]["vrrp:sent"] for one, two in zip(before, after, strict=True)
    )
    assert "nobody spoke for" in site.near.lines()


VID3 = "  3: {device: eth0, link: l1, virtual_ips: [192.0.2.250/24], priority: 100, advert_interval: 200ms}\n"
LINK2 = "  l2: {device: eth2, local: 10.2.0.1, peer: 10.2.0.2, key_file: l1.key}\n"
DNS = "App=* * * * 53 udp [1] name=dns\n"


@pytest.mark.parametrize(
    ("old", "new", "gone"),
    [
        ("priority: 150", "priority: 120", ""),
        ("priority: 150, advert_interval: 200ms", "priority: 150, advert_interval: 300ms", ""),
        ("[50ms, 100ms]", "[60ms, 120ms]", ""),
        ("[192.0.2.252/24]", "[192.0.2.252/24, 192.0.2.253/24]", "192.0.2.253"),
        ("192.0.2.252/24", "192.0.2.253/24", "192.0.2.25"),
        ("applications:", f"{VID3}applications:", "192.0.2.250|(lookup|table) 20(003|259)"),
        ("groups:", f"{LINK2}groups:", ""),
    ],
)
def test_an_edit_is_made_and_taken_back(site: Site, old: str, new: str, gone: str) -> None:
    """Packets flow, what stays is not deleted, what goes is, and no mastership of what stays moves."""
    before = site.near.status()
    flow, watch = Flow(site.host, site.server), Deletions(site.near)
    for one, other in ((old, new), (new, old)):
        site.near.edit(one, other)
        site.near.succeed()
        until(site.settled)
        status = site.near.status()
        for vid in before["groups"]:
            assert status["groups"][vid]["transitions"] == before["groups"][vid]["transitions"]
        assert status["links"]["l1"]["since_ms"] > before["links"]["l1"]["since_ms"]
        assert site.far.status()["links"]["l1"]["since_ms"] > before["links"]["l1"]["since_ms"]
        until(lambda: "  3:" in site.near.config.read_text() or "lookup 20003" not in site.near.namespace("ip rule"))
    until(lambda: site.near.addresses() == {"192.0.2.1", "192.0.2.251", "192.0.2.252"})
    assert flow.lost() == set()
    assert all(watch.names(line, gone) for line in watch.deleted())


def test_rules_come_move_and_go(site: Site) -> None:
    """An application is added, its line moved, its VIDs changed, itself removed: ids stay, packets flow."""
    rules = site.near.rules.read_text()
    ids = {name: one["id"] for name, one in site.near.status()["applications"].items()}
    flow, watch = Flow(site.host, site.server), Deletions(site.near)
    for text in (DNS + rules, rules.replace("[1 2]", "[1]") + DNS, rules + DNS.replace("[1]", "[2]")):
        site.near.rules.write_text(text)
        site.near.succeed()
        site.near.renew("rest", "dns")
        vid = 2 if "[2] name=dns" in text else 1
        until(lambda vid=vid: site.near.status()["applications"]["dns"]["vid"] == vid)  # type: ignore[misc]
        assert {name: site.near.status()["applications"][name]["id"] for name in ids} == ids
    web = "App=* * * * 443 tcp [2 1] name=web\n"
    site.near.rules.write_text(rules.replace(web, ""))
    site.near.succeed()
    until(lambda: f"app_{ids['web']}" not in site.near.namespace("nft list table inet linkbalancer"))
    assert flow.lost() == set()
    assert watch.deleted() == []


def test_flows_of_an_application_that_is_removed_are_classified_anew(site: Site) -> None:
    """Its packets go on by the next rule that means them, none is lost, and its process steers nothing any more."""
    site.near.rules.write_text("App=* * * * 443 udp [2 1] name=web\nApp=* * * * * * [1 2] name=rest\n")
    site.near.succeed()
    site.near.renew("web")
    until(site.settled)
    flow = Flow(site.host, site.server)
    ids = {name: one["id"] for name, one in site.near.status()["applications"].items()}
    until(lambda: ids["web"] in _classified(site))
    site.near.rules.write_text("App=* * * * * * [1 2] name=rest\n")
    site.near.succeed()
    until(lambda: ids["rest"] in _classified(site))
    assert flow.lost() == set()
    assert site.near.status()["applications"].keys() == {"rest"}


def _classified(site: Site) -> set[int]:
    """Return the applications that connections of the near gateway are of."""
    found = re.findall(r"mark=(\d+)", site.near.namespace("cat /proc/net/nf_conntrack"))
    return {Marks().application_of(int(mark)) for mark in found}


def test_a_rotated_key_closes_nothing(site: Site) -> None:
    """A new key before the old one, first at one end, then at the other: the link stays open at both."""
    for office in (site.near, site.far):
        (office.directory / "l1.key").write_text(
            "2 ff0102030405060708090a0b0c0d0e0f\n1 000102030405060708090a0b0c0d0e0f\n"
        )
        before = [one.status()["links"]["l1"]["since_ms"] for one in (site.near, site.far)]
        office.succeed()
        until(site.settled)
        after = [one.status()["links"]["l1"]["since_ms"] for one in (site.near, site.far)]
        assert all(new > old for old, new in zip(before, after, strict=True))


def test_a_removed_link_takes_leave_and_its_vids_first(site: Site) -> None:
    """The peer hears of a stop, not of a silence, and nothing of the VID is left here."""
    text = site.near.config.read_text().replace("on_probe_loss: demote", "on_probe_loss: stop")
    site.near.config.write_text(text)
    site.near.succeed()
    until(site.settled)
    config = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("  2:"))
    config = config.replace(
        "l1: {device: eth1, local: 10.1.0.1, peer: 10.1.0.2", "l9: {device: eth2, local: 10.2.0.1, peer: 10.2.0.2"
    )
    site.near.config.write_text(config.replace("link: l1", "link: l9"))
    site.near.rules.write_text("App=* * * * * * [1] name=rest\n")
    site.near.succeed()
    until(lambda: site.far.status()["links"]["l1"]["reason"] == "peer stopped")
    assert 'VID 2" text="stopped: removed from the configuration' in site.near.lines()
    until(lambda: "lookup 20002" not in site.near.namespace("ip rule"))
    assert site.near.addresses() == {"192.0.2.1"}


def test_a_successor_whose_rules_are_refused_changes_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what nft said and ends with status 75; the agent in office mends what it left and goes on."""
    kernel, agent = site.near.kernel(), site.near.agent
    nft = site.directory / "nft"
    nft.write_text("#!/bin/sh\necho 'Error: out of luck' >&2\nexit 1\n")
    nft.chmod(0o755)
    site.near.rules.write_text(DNS + site.near.rules.read_text())
    site.near.edit("applications:", f"{VID3}applications:")
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{site.directory}:{os.environ['PATH']}")
        failing = site.near.start()
    assert failing.status() == 75
    assert "out of luck" in site.near.lines()
    until(lambda: site.near.kernel() == kernel)
    assert site.near.status()["processes"]["agent"] == agent.pid
    site.near.succeed()
    until(lambda: site.near.status()["groups"]["3"]["state"] == "master")


@pytest.mark.parametrize("goes", [False, True], ids=["refused", "killed when they are in use"])
def test_a_successor_of_other_rules_alone_that_fails(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, goes: bool
) -> None:
    """Its rules are put to use before it takes over: refused by nft, or with it killed, those of the agent are."""
    before, agent = site.near.namespace(TABLE), site.near.agent
    nft = site.directory / "nft"
    nft.write_text(f'#!/bin/sh\n{REAL_NFT if goes else ""}\necho "Error: out of luck" >&2\nexit 1\n')
    nft.chmod(0o755)
    site.near.edit("443", "8443", site.near.rules)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{site.directory}:{os.environ['PATH']}")
        failing = site.near.start()
    if goes:
        until(lambda: "dport 8443" in site.near.namespace(TABLE))
        assert site.near.status()["processes"]["agent"] == agent.pid
        failing.end()
    else:
        assert failing.status() == 75
        assert "out of luck" in site.near.lines()
    until(lambda: site.near.namespace(TABLE) == before)
    assert site.near.status()["processes"]["agent"] == agent.pid


def test_other_rules_alone_are_put_to_use_once(site: Site) -> None:
    """The successor says so, and nothing is put back after it."""
    site.near.edit("443", "8443", site.near.rules)
    site.near.succeed()
    assert "dport 8443" in site.near.namespace(TABLE)
    assert "dport 443 " not in site.near.namespace(TABLE)
    assert site.near.lines().count("loaded the classifier") == 1
    assert "put back" not in site.near.lines()


HEIR = """
import json, socket, sys, time
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
for line in sys.argv[2:]:
    sock.sendall(line.encode() + b"\\n")
    if "hold" in line:
        print(json.loads(sock.recv(65536).partition(b"\\n")[0])["ok"], flush=True)
    if "succeed" in line:
        while b"bequest" not in sock.recvmsg(65536, 4096)[0]:
            pass
        print("bequest", flush=True)
time.sleep(60)
"""

HOLD = json.dumps({"verb": "hold", "succession": 1})
SUCCEED = json.dumps({"verb": "succeed", "vids": [1], "links": ["l1"]})


def impostor(office: Office, *lines: str) -> "subprocess.Popen[str]":
    """Start a successor that says these words, and then nothing."""
    command = [sys.executable, "-c", HEIR, str(office.run_dir / "agent.sock"), *lines]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def first_line(process: "subprocess.Popen[str]") -> str:
    """Return the next line that a process writes."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("words", [(HOLD,), (HOLD, "garbage"), (HOLD, SUCCEED), (HOLD, '{"verb": "succeed"}')])
def test_a_successor_that_fails_half_way_leaves_the_agent_in_office(site: Site, words: tuple[str, ...]) -> None:
    """Killed after any of its words, or silent with the bequest in its hands: masterships, link and kernel stay."""
    kernel, before = site.near.kernel(), site.near.status()
    flow = Flow(site.host, site.server)
    heir = impostor(site.near, *words)
    try:
        assert first_line(heir) == "True"
        if words[-1] == SUCCEED:
            assert first_line(heir) == "bequest"
            until(lambda: heir.poll() == -signal.SIGKILL)
    finally:
        heir.kill()
        heir.communicate()
    until(lambda: "the successor has failed" in site.near.lines())
    until(lambda: site.settled() and site.near.kernel() == kernel)
    assert site.near.status()["groups"]["1"]["transitions"] == before["groups"]["1"]["transitions"]
    assert flow.lost() == set()
    site.near.succeed()


def test_the_kernel_is_left_to_a_successor_while_it_prepares(site: Site) -> None:
    """What it makes is not taken away; when it is gone, it is."""
    heir = impostor(site.near, HOLD)
    try:
        assert first_line(heir) == "True"
        site.near.namespace("ip rule add fwmark 0x30000/0x1ff0000 table 20003 priority 23 protocol 112")
        time.sleep(1.5)
        assert "lookup 20003" in site.near.namespace("ip rule")
        refused = impostor(site.near, HOLD)
        assert first_line(refused) == "False"
        refused.kill()
        refused.communicate()
    finally:
        heir.kill()
        heir.communicate()
    until(lambda: "lookup 20003" not in site.near.namespace("ip rule"))


def test_an_agent_that_was_stopped_never_speaks_again(site: Site) -> None:
    """SIGSTOP: its successor ends it and goes on from the snapshot, as Master."""
    old = site.near.agent
    os.kill(old.pid, signal.SIGSTOP)
    site.near.agent = site.near.start().ready()
    assert old.status() == -signal.SIGKILL
    until(site.settled)
    assert site.near.status()["groups"]["1"]["state"] == "master"


def test_an_agent_that_dies_while_its_successor_prepares(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The successor takes over at once from the snapshot; what it was loading is loaded beside its work."""
    nft = site.directory / "nft"
    nft.write_text(f'#!/bin/sh\ntouch {site.directory}/called\nsleep 2\nPATH={os.environ["PATH"]} exec nft "$@"\n')
    nft.chmod(0o755)
    site.near.rules.write_text(DNS + site.near.rules.read_text())
    old, watch = site.near.agent, Deletions(site.near)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{site.directory}:{os.environ['PATH']}")
        site.near.agent = site.near.start()
    until((site.directory / "called").exists)
    old.end()
    until(lambda: site.near.status().get("processes", {}).get("agent") == site.near.agent.pid, 5)
    assert site.near.status()["groups"]["1"]["state"] == "master"
    site.near.agent.ready()
    until(lambda: "dport 53" in site.near.namespace("nft list table inet linkbalancer"))
    assert watch.deleted() == []


def test_orphans_go_on_and_are_succeeded(site: Site) -> None:
    """Without a supervisor all go on; when another agent comes, the old ones end, and nothing is lost."""
    old = [site.near.agent, *site.near.applications.values()]
    flow, watch = Flow(site.host, site.server), Deletions(site.near)
    for worker in old:
        worker.line.close()
    until(lambda: site.near.lines().count("event=orphaned") == len(old))
    time.sleep(1)
    assert all(alive(worker.pid) for worker in old)
    assert "supervisor" not in site.near.status()["processes"]
    site.near.succeed()
    assert [worker.status() for worker in old] == [0, 0, 0]
    site.near.applications = {name: site.near.start(name).ready() for name in ("web", "rest")}
    until(site.settled)
    assert flow.lost() == set()
    assert watch.deleted() == []


def test_an_orphan_that_nobody_succeeds_leaves_in_order(site: Site) -> None:
    """After its time: priority 0, the virtual IPs go, and it ends, and its applications with it."""
    (site.near.run_dir / "orphan").write_text("500")
    site.near.succeed()
    workers = [site.near.agent, *site.near.applications.values()]
    until(site.settled)
    for worker in workers:
        worker.line.close()
    assert [worker.status() for worker in workers] == [0, 0, 0]
    assert site.near.addresses() == {"192.0.2.1"}


def test_garbage_and_strangers_on_the_agents_socket(site: Site) -> None:
    """Whatever is said there, the agent goes on."""
    for words in (b"\0" * 70_000, b'{"verb": "hold"}\n', b'{"verb": "hold", "succession": 99}\n', b"[" * 5000 + b"\n"):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(5)
            sock.connect(str(site.near.run_dir / "agent.sock"))
            sock.sendall(words)
            assert b'"ok":true' not in sock.recv(1000)
    assert site.settled()

"""Host names in sets, on a real gateway with a real name server: expiry, rotation, failures, starts without DNS."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.drivers.nftables import namesets
from tests.daemon.gateway import ROOT, Gateway
from tests.daemon.nameserver import NameServer
from tests.daemon.waiting import until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

SERVER = "192.0.2.100"
RULES = """\
Set=@saas teams.example.com cdn.example.com 198.51.100.0/28
App=* @saas * * 443 tcp [2 1] name=web
App=* * * * * * [1 2] name=rest
"""
NAMES = ("cdn.example.com", "teams.example.com")
SETTINGS = f"names: {{resolvers: [{SERVER}], ttl: [1s, 2s], grace: 1s}}\n"


@pytest.fixture
def lan() -> Iterator[Namespace]:
    """Yield what is at the other end of the gateway's devices, the name server among it."""
    with Namespace("lan") as lan:
        yield lan


@pytest.fixture
def addressed(lan: Namespace, gateway: Gateway) -> Namespace:
    """Return the same with the name server's address, beside the gateway's devices."""
    assert gateway.process is None
    return lan


@pytest.fixture
def gateway(tmp_path: Path, lan: Namespace) -> Iterator[Gateway]:
    """Yield a gateway whose far end is never there: it classifies all the same."""
    with Namespace("near") as near:
        for device in ("eth0", "eth1"):
            near.connect(device, lan, device)
        near("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 10.1.0.1/24 dev eth1")
        lan(f"ip addr add {SERVER}/24 dev eth0")
        texts = {"node": "b1", "role": "controller", "local": "10.1.0.1", "peer": "10.1.0.2", "lan": "192.0.2"}
        found = Gateway(near, tmp_path / "near", **texts)
        write(found, RULES)
        yield found
        if found.process is not None and found.process.poll() is None:
            found.stop()


@pytest.fixture
def server(addressed: Namespace) -> Iterator[NameServer]:
    """Yield a name server that knows both names, and the gateway running."""
    with addressed.entered():
        made = NameServer(SERVER)
    made.zone = {"teams.example.com": ["203.0.113.1", "2001:db8::1"], "cdn.example.com": ["203.0.113.7"]}
    with made:
        yield made


def write(gateway: Gateway, rules: str, settings: str = SETTINGS) -> None:
    """Write the gateway's files."""
    (gateway.directory / "apps.conf").write_text(rules)
    config = gateway.config.read_text().partition("names:")[0]
    gateway.config.write_text(config + settings)


def elements(gateway: Gateway, family: int = 4, names: tuple[str, ...] = NAMES) -> set[str] | None:
    """Return the addresses in the kernel's set of some names, None where there is no such set."""
    name = namesets.name(names, family)
    command = ["ip", "netns", "exec", gateway.namespace.name, "nft", "-j", "list", "set", "inet", "linkbalancer", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode else set(json.loads(done.stdout)["nftables"][-1]["set"].get("elem", []))


def holds(gateway: Gateway, *addresses: str) -> None:
    """Wait until the kernel's set has these addresses and no other."""
    until(lambda: elements(gateway) == set(addresses), 15, f"{addresses}: {elements(gateway)}")


def hosts(gateway: Gateway) -> dict[str, Any]:
    """Return what the status says of the names."""
    return dict(gateway.status().get("names", {}).get("hosts", {}))


def said(gateway: Gateway, *words: str) -> str:
    """Return what a command says."""
    directories = ["--run-dir", str(gateway.run_dir)]
    command = [sys.executable, "-m", "linkbalancer", *words, *directories]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_names_are_resolved_and_follow_their_answers(gateway: Gateway, server: NameServer) -> None:
    """Rotation keeps what was answered for its grace; nothing but elements changes; all of it is told."""
    gateway.start()
    holds(gateway, "203.0.113.1", "203.0.113.7")
    assert elements(gateway, 6) == {"2001:db8::1"}
    until(lambda: hosts(gateway).get("teams.example.com", {}).get("state") == "resolved", 10)
    chains = gateway.namespace("nft list chains inet")
    digest = gateway.status()["rules"]["digest"]
    server.zone["cdn.example.com"] = ["203.0.113.8"]
    holds(gateway, "203.0.113.1", "203.0.113.7", "203.0.113.8")
    holds(gateway, "203.0.113.1", "203.0.113.8")
    assert gateway.namespace("nft list chains inet") == chains
    assert gateway.status()["rules"]["digest"] == digest
    config = str(gateway.config)
    flow = ["--src", "192.0.2.9", "--proto", "tcp", "--dport", "443"]
    explained = said(gateway, "explain", config, *flow, "--dst", "203.0.113.8", "--state-dir", "/nonexistent")
    assert "app      web" in explained
    assert "by name  cdn.example.com: 203.0.113.8 was answered" in explained
    assert "app      rest" in said(gateway, "explain", config, *flow, "--dst", "203.0.113.7")
    assert "app      web" in said(gateway, "explain", config, *flow, "--dst", "198.51.100.3")
    listed = said(gateway, "rules", "list", "--file", str(gateway.directory / "apps.conf"))
    assert "@saas  teams.example.com  resolved" in listed
    assert "203.0.113.8" in said(gateway, "status", "--all")
    history = said(gateway, "history", "--kind", "names", "--json")
    assert "cdn.example.com (IPv4): with 203.0.113.8" in history


@pytest.mark.parametrize("mode", ["fail", "silent", "nonsense"])
def test_a_resolver_that_fails_takes_nothing_away(gateway: Gateway, server: NameServer, mode: str) -> None:
    """Fail static, and said; a new start begins with what was known; and it mends by itself."""
    gateway.start()
    holds(gateway, "203.0.113.1", "203.0.113.7")
    server.mode = mode
    until(lambda: hosts(gateway).get("cdn.example.com", {}).get("state") == "failing", 20)
    findings = until(lambda: [one for one in gateway.status().get("findings", []) if "is not answered for" in one], 10)
    assert "the last addresses stay" in findings[0]
    gateway.stop()
    gateway.start()
    holds(gateway, "203.0.113.1", "203.0.113.7")
    server.zone["cdn.example.com"], server.mode = ["203.0.113.9"], "answer"
    until(lambda: "203.0.113.9" in (elements(gateway) or ()), 80)
    until(lambda: not any("is not answered for" in one for one in gateway.status()["findings"]), 80)


def test_a_start_without_any_answer_is_said_aloud(gateway: Gateway) -> None:
    """Nothing listens at the resolver's address: empty sets, which match nothing, and a finding."""
    gateway.start()
    holds(gateway)
    finding = until(lambda: [one for one in gateway.status().get("findings", []) if "never resolved" in one], 20)
    assert finding[0].startswith("cdn.example.com, teams.example.com never resolved: no packet matches by it")


def test_answers_that_are_cut_off_come_by_tcp(gateway: Gateway, server: NameServer) -> None:
    """Sixty-four addresses do not fit; they come all the same, and a hundred names beside them."""
    many = [f"203.0.113.{one}" for one in range(1, 65)]
    names = tuple(sorted(f"h{one}.example" for one in range(100)))
    server.zone = {"teams.example.com": many, "cdn.example.com": many[:1]}
    server.zone |= {name: [f"198.18.0.{place}"] for place, name in enumerate(names)}
    server.mode = "truncate"
    rules = RULES.replace("App=", f"Set=@many {' '.join(names)}\nApp=@many * * * * * [1 2] name=rest\nApp=", 1)
    write(gateway, rules)
    gateway.start()
    holds(gateway, *many)
    until(lambda: len(elements(gateway, names=names) or ()) == 100, 15)
    assert server.streams >= 204
    assert set(server.asked) == {*names, *NAMES}


def test_what_somebody_took_away_is_back(gateway: Gateway, server: NameServer) -> None:
    """Elements, and the whole table; and a killed resolver is replaced without a change in the kernel."""
    gateway.start()
    holds(gateway, "203.0.113.1", "203.0.113.7")
    name = namesets.name(NAMES, 4)
    gateway.namespace(f"nft flush set inet linkbalancer {name}")
    holds(gateway, "203.0.113.1", "203.0.113.7")
    server.zone["cdn.example.com"] = ["203.0.113.8"]
    holds(gateway, "203.0.113.1", "203.0.113.8")
    gateway.namespace("nft flush ruleset")
    holds(gateway, "203.0.113.1", "203.0.113.8")
    before = gateway.pids()["resolver"]
    gateway.kill("resolver")
    until(lambda: gateway.pids().get("resolver") not in {None, before})
    holds(gateway, "203.0.113.1", "203.0.113.8")


def test_an_edit_changes_what_is_asked_for(gateway: Gateway, server: NameServer) -> None:
    """Other names are other sets, and only agent and resolver are new; without names there is none."""
    gateway.start()
    holds(gateway, "203.0.113.1", "203.0.113.7")
    write(gateway, RULES.replace("cdn.example.com ", ""))
    gateway.reload()
    until(lambda: elements(gateway, names=("teams.example.com",)) == {"203.0.113.1"}, 15)
    until(lambda: elements(gateway) is None, 15)
    write(gateway, RULES.replace("teams.example.com cdn.example.com ", ""))
    gateway.reload()
    until(lambda: "names_" not in gateway.namespace("nft list sets inet"), 15)
    until(lambda: "resolver" not in gateway.pids(), 15)
    assert gateway.status()["names"] == {}
    assert server.asked

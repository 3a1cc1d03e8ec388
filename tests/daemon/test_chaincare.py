"""Gateways with `firewall: iptables`: they steer without nft, and put back what others take away."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.gateway import ROOT, Gateway, joined
from tests.daemon.waiting import until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

PROGRAMS = os.environ["PATH"]
LIMIT_S = 5
"""The kernel tells nothing of what others do to these tables: they are compared every second."""


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Gateway]]:
    """Return a near and a far gateway that have settled; neither has a program nft in its PATH."""
    directory = tmp_path_factory.mktemp("chains")
    with pytest.MonkeyPatch.context() as patch, Namespace("lan") as lan:
        patch.setenv("PATH", without_nft(directory / "programs"))
        with joined(directory, lan, "firewall: iptables\n") as pair:
            yield pair


@pytest.fixture
def near(gateways: tuple[Gateway, Gateway]) -> Gateway:
    """Return the near gateway, settled."""
    until(lambda: all(gateway.settled() for gateway in gateways), 20)
    return gateways[0]


def without_nft(directory: Path) -> str:
    """Return a PATH by which everything is found but nft."""
    directory.mkdir()
    for folder in map(Path, reversed(os.environ["PATH"].split(":"))):
        for program in folder.iterdir() if folder.is_dir() else ():
            (directory / program.name).unlink(missing_ok=True)
            (directory / program.name).symlink_to(program)
    (directory / "nft").unlink(missing_ok=True)
    assert shutil.which("nft", path=str(directory)) is None
    return str(directory)


def chains(gateway: Gateway) -> str:
    """Return all rules of both families, without what they have counted."""
    saved = gateway.namespace("iptables-legacy-save -t mangle") + gateway.namespace("ip6tables-legacy-save -t mangle")
    return "\n".join(re.sub(r" \[.*", "", line) for line in saved.splitlines() if not line.startswith("#"))


def targets(gateway: Gateway) -> dict[str, int]:
    """Return the VID that each application's chain sets, by its name."""
    numbers = {name: one["id"] for name, one in gateway.status()["applications"].items()}
    found = dict(re.findall(r"-A LB-A(\d+) -j MARK --set-xmark 0x([0-9a-f]+)/0xff0000", chains(gateway)))
    return {name: int(found[str(number)], 16) >> 16 for name, number in numbers.items()}


def test_applications_are_steered_by_chains(near: Gateway) -> None:
    """And the status says by which firewall."""
    assert near.status()["daemon"]["firewall"] == "iptables"
    assert targets(near) == {"web": 2, "rest": 1}
    saved = chains(near)
    assert saved.count("-A PREROUTING -j LB-PREROUTING") == saved.count("-A OUTPUT -j LB-OUTPUT") == 2


@pytest.mark.parametrize(
    "deed",
    [
        "iptables-legacy -t mangle -F",
        "ip6tables-legacy -t mangle -F LB-NEW",
        "iptables-legacy -t mangle -D PREROUTING -j LB-PREROUTING",
        "iptables-legacy -t mangle -I LB-LAN -j RETURN",
        "ip6tables-legacy -t mangle -I OUTPUT -j LB-OUTPUT",
        "iptables-legacy -t mangle -N LB-THEIRS",
        "iptables-legacy -t mangle -R LB-A1 1 -j CONNMARK --set-xmark 0x7/0xffff",
    ],
)
def test_what_a_stranger_does_is_undone(near: Gateway, deed: str) -> None:
    """Within five seconds, said by its kind; what is not ours stays."""
    before, told = chains(near), near.status()["daemon"]["put_back_by_kind"].get("iptables", 0)
    near.namespace("iptables-legacy -t mangle -A FORWARD -p 99 -j RETURN", deed)
    until(lambda: chains(near).replace("-A FORWARD -p 99 -j RETURN\n", "") == before, LIMIT_S)
    if " -F" not in deed or "LB-" in deed:
        assert "-A FORWARD -p 99 -j RETURN" in chains(near)
        near.namespace("iptables-legacy -t mangle -D FORWARD -p 99 -j RETURN")
    until(lambda: near.status()["daemon"]["put_back_by_kind"].get("iptables", 0) > told, LIMIT_S)


def test_an_application_that_a_stranger_moved_is_put_back(near: Gateway) -> None:
    """To where its process steers it, in both families, and the rest is left alone."""
    number = near.status()["applications"]["web"]["id"]
    before = chains(near)
    move = f"-t mangle -R LB-A{number} 2 -j MARK --set-xmark 0x10000/0xff0000"
    near.namespace(f"iptables-legacy {move}")
    until(lambda: chains(near) == before, LIMIT_S)
    near.namespace(f"ip6tables-legacy {move}")
    until(lambda: chains(near) == before, LIMIT_S)
    until(lambda: "steering" in near.status()["daemon"]["put_back_by_kind"], LIMIT_S)


def test_a_killed_agent_leaves_the_chains_as_they_are(near: Gateway) -> None:
    """Its successor finds them; no flow is classified anew for that."""
    before = chains(near)
    near.kill("agent")
    until(lambda: near.pids().get("agent") is not None)
    until(near.settled, 20)
    assert chains(near) == before


def test_reload_with_a_new_application(near: Gateway) -> None:
    """Its chain and its place are there, a new era begins, and its end takes them away."""
    rules = near.directory / "apps.conf"
    old, before = rules.read_text(), chains(near)
    rules.write_text("App=* * * * 53 udp [1] name=dns\n" + old)
    near.reload()
    until(lambda: targets(near).get("dns") == 1)
    assert before.count(":LB-E-") == chains(near).count(":LB-E-") == 2
    rules.write_text(old)
    near.reload()
    until(lambda: near.settled() and set(targets(near)) == {"web", "rest"})
    assert ":LB-A4" not in chains(near)


def asked(gateway: Gateway, *words: str) -> dict[str, Any]:
    """Return the JSON that a command answers with on a gateway."""
    command = [sys.executable, "-m", "linkbalancer", *words, "--json", "--run-dir", str(gateway.run_dir)]
    done = subprocess.run(
        ["ip", "netns", "exec", gateway.namespace.name, *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    answer = json.loads(done.stdout)
    return dict(answer) if isinstance(answer, dict) else {"answer": answer}


def test_who_is_asked_knows_the_chains(near: Gateway) -> None:
    """`doctor` misses neither nft nor its table, `explain --live` finds the application, its VID and the mark."""
    found = {one["kind"] for one in asked(near, "doctor", str(near.config))["findings"]}
    assert not found & {"nft-missing", "ruleset-missing", "legacy-iptables", "chains-missing", "iptables-missing"}
    flow = "--src 192.0.2.77 --dst 198.51.100.77 --proto tcp --sport 4711 --dport 443 --iif eth0 --live"
    told = json.dumps(asked(near, "explain", str(near.config), *flow.split()))
    for check, kernel in (("rules", ""), ("VID", "VID 2"), ("mark", "0x00020000")):
        assert re.search(rf'"check": "{check}", "result": "(same|unseen)", [^}}]*{kernel}', told), (check, told)


def test_the_firewall_can_be_changed_while_running(gateways: tuple[Gateway, Gateway], near: Gateway) -> None:
    """To nftables and back at the far end, which has the program: what the other driver had is gone each time."""
    far = gateways[1]
    config = far.config.read_text()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", PROGRAMS)
        far.stop()
        far.config.write_text(config.replace("firewall: iptables\n", ""))
        far.start()
        until(lambda: far.settled() and near.settled(), 20)
        assert "app2vid" in far.namespace("nft list table inet linkbalancer")
        assert "LB-" not in chains(far)
        assert far.status()["daemon"]["firewall"] == "nftables"
    far.config.write_text(config)
    far.reload()
    until(lambda: far.settled() and near.settled() and targets(far) == {"web": 2, "rest": 1}, 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", PROGRAMS)
        until(lambda: "linkbalancer" not in far.namespace("nft list tables"))

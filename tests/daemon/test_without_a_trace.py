"""Reload, upgrade, restart and every kill under traffic: nothing lost, no mastership moved, nothing deleted."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from linkbalancer import __version__
from linkbalancer.cli.outcome import carry_out
from linkbalancer.clock import SECOND
from linkbalancer.daemon import agent
from tests.daemon.gateway import ROOT, Gateway, Watch
from tests.daemon.waiting import alive, until
from tests.daemon.witness import Witness
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

MASTER_DOWN_MS = 300
"""What every other member of a LAN would take for a dead Master, at an advert interval of 100 ms (and skew)."""


@dataclass(frozen=True)
class Site:
    """Two gateways with a link between them, and a host behind each."""

    near: Gateway
    far: Gateway
    near_host: Namespace
    far_host: Namespace

    def settled(self) -> bool:
        """Return whether both gateways have settled."""
        return self.near.settled() and self.far.settled()

    def witness(self) -> Witness:
        """Return a stream between the hosts, through VID 1."""
        return Witness(self.near_host, self.far_host, "198.51.100.100", "192.0.2.251")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site that has settled, at an advert interval of 100 ms."""
    directory = tmp_path_factory.mktemp("site")
    names = ("near", "far", "near-host", "far-host")
    with Namespace(names[0]) as near, Namespace(names[1]) as far, Namespace(names[2]) as h1, Namespace(names[3]) as h2:
        near.connect("eth1", far, "eth1")
        texts = {"node": "b1", "role": "controller", "local": "10.1.0.1", "peer": "10.1.0.2", "lan": "192.0.2"}
        others = {"node": "f1", "role": "controlled", "local": "10.1.0.2", "peer": "10.1.0.1", "lan": "198.51.100"}
        for namespace, host, some in ((near, h1, texts), (far, h2, others)):
            namespace.connect("eth0", host, "eth0")
            namespace(f"ip addr add {some['lan']}.1/24 dev eth0", f"ip addr add {some['local']}/24 dev eth1")
            host(f"ip addr add {some['lan']}.100/24 dev eth0", f"ip route add default via {some['lan']}.251")
        made = Site(Gateway(near, directory / "near", **texts), Gateway(far, directory / "far", **others), h1, h2)
        for gateway in (made.near, made.far):
            gateway.config.write_text(gateway.config.read_text().replace("interval: 200ms", "interval: 100ms"))
            gateway.start()
        yield made
        for gateway in (made.near, made.far):
            gateway.stop()


@pytest.fixture
def busy(request: pytest.FixtureRequest) -> Iterator[None]:
    """Load both cores while a test lasts, if it says so."""
    command = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(command) for _ in range(2 if getattr(request, "param", False) else 0)]
    yield
    for process in processes:
        process.kill()
        process.wait()


def reload_priority(gateway: Gateway) -> None:
    """Change a priority and reload; back again with the next call."""
    text = gateway.config.read_text()
    other = ("priority: 150", "priority: 151")
    gateway.config.write_text(text.replace(*(other if other[0] in text else other[::-1])))
    assert gateway.reload()["lines"] == ["replaced: agent"]


def reload_rule(gateway: Gateway) -> None:
    """Add a rule, or take it away again, and reload."""
    rules = gateway.directory / "apps.conf"
    text, added = rules.read_text(), "App=* * * * 53 udp [1] name=dns\n"
    rules.write_text(text.removeprefix(added) if text.startswith(added) else added + text)
    assert gateway.reload()["lines"][0] == "replaced: agent"


def upgrade(gateway: Gateway) -> None:
    """Replace the program in place."""
    before = gateway.pids()
    gateway.upgrade()
    after = gateway.pids()
    assert after["supervisor"] == before["supervisor"]
    assert not any(after[name] == before[name] for name in before if name != "supervisor")


def restart(gateway: Gateway) -> None:
    """Restart, as systemd does."""
    before = gateway.pids()
    gateway.restart()
    until(lambda: gateway.pids().get("rest") not in {None, before["rest"]}, 20)


def kill(*names: str) -> Callable[[Gateway], None]:
    """Return what kills processes; a dead supervisor is started again, as systemd does."""

    def do(gateway: Gateway) -> None:
        before = gateway.pids()
        gateway.kill(*names)
        if "supervisor" in names:
            gateway.start()
        until(lambda: gateway.pids().get("agent") is not None, 20)
        until(lambda: all(gateway.pids().get(name) not in {None, before[name]} for name in names), 20)

    return do


def kill_during_reload(gateway: Gateway) -> None:
    """Kill the supervisor while a successor of the agent comes up; what it leaves is taken over, or ends."""
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace("priority: 100", "priority: 101"))
    before = agents(gateway)
    assert gateway.process is not None
    gateway.process.send_signal(signal.SIGHUP)
    until(lambda: agents(gateway) != before, 20)
    gateway.kill("supervisor")
    gateway.config.write_text(text)
    gateway.start()
    until(lambda: gateway.pids().get("agent") is not None, 20)


def kill_during_upgrade(gateway: Gateway) -> None:
    """Kill the supervisor just as it has become the new program, as if that had failed in spite of its trial."""
    before = gateway.lines().count("the new program takes over")
    command = [sys.executable, "-m", "linkbalancer", "upgrade", "--run-dir", str(gateway.run_dir)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as upgrading:
        until(lambda: gateway.lines().count("the new program takes over") > before, 20)
        gateway.kill("supervisor")
        gateway.start()
        until(lambda: gateway.pids().get("rest") is not None, 20)
        upgrading.kill()


def restart_twice(gateway: Gateway) -> None:
    """Restart again before the first restart has come far."""
    gateway.restart()
    assert gateway.process is not None
    until(lambda: len(gateway.pids()) > 1)
    gateway.process.send_signal(signal.SIGUSR2)
    gateway.process.wait(10)
    gateway.start()
    until(lambda: gateway.pids().get("rest") is not None, 20)


def agents(gateway: Gateway) -> set[int]:
    """Return every agent of a gateway, whoever its parent is."""
    found = set()
    for pid in gateway.namespace.pids():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text() == "lb:agent\n":
                found.add(pid)
    return found


CHANGES: dict[str, Callable[[Gateway], None]] = {
    "reload_priority": reload_priority,
    "reload_rule": reload_rule,
    "upgrade": upgrade,
    "restart": restart,
    "kill_supervisor": kill("supervisor"),
    "kill_agent": kill("agent"),
    "kill_application": kill("rest"),
    "kill_zygote": kill("zygote"),
    "kill_api": kill("api"),
    "kill_during_reload": kill_during_reload,
    "kill_during_upgrade": kill_during_upgrade,
    "restart_twice": restart_twice,
}


def combinations() -> Iterator[ParameterSet]:
    """Yield every change at either end, idle and busy; all that no pair needs is slow (`make trace`).

    Half of them hold every pair of change and end, of change and load, and of end and load.
    """
    for (number, change), end, busy in product(enumerate(CHANGES), ("near", "far"), (False, True)):
        paired = (number % 2 == 0) == ((end == "near") != busy)
        marks = () if paired else (pytest.mark.slow,)
        yield pytest.param(change, end, busy, id=f"{change}-{end}-{'busy' if busy else 'idle'}", marks=marks)


@pytest.mark.parametrize(("change", "end", "busy"), list(combinations()), indirect=["busy"])
@pytest.mark.usefixtures("busy")
def test_nobody_notices(site: Site, change: str, end: str) -> None:
    """No datagram and no ping of the virtual IP is lost, no VIP, rule or route deleted, no mastership moved."""
    until(site.settled, 30)
    gateways = (site.near, site.far)
    since = [{vid: one["master"] for vid, one in gateway.status()["groups"].items()} for gateway in gateways]
    watches = [Watch(gateway) for gateway in gateways]
    witness = site.witness()
    with witness:
        CHANGES[change](site.near if end == "near" else site.far)
        until(site.settled, 30)
    assert [len(agents(gateway)) for gateway in gateways] == [1, 1]
    deleted = [line for watch in watches for line in watch.deleted()]
    told = json.dumps(witness.seen)
    assert deleted == []
    assert witness.seen["lost"] == witness.seen["unanswered"] == [], told
    assert since == [{vid: one["master"] for vid, one in gateway.status()["groups"].items()} for gateway in gateways]
    for vid in ("1", "2"):
        assert witness.seen["adverts"][vid]["sources"] == ["192.0.2.1"]
        assert 0 not in witness.seen["adverts"][vid]["priorities"]
        assert witness.seen["adverts"][vid]["gap_ms"] < MASTER_DOWN_MS, told


def test_a_frozen_orphan_is_no_rival(site: Site) -> None:
    """An agent that was merely stopped when its supervisor went is killed by its successor, and there is one agent."""
    until(site.settled, 30)
    frozen = site.near.pids()["agent"]
    os.kill(frozen, signal.SIGSTOP)
    site.near.restart()
    until(lambda: not alive(frozen), 20)
    until(site.settled, 30)
    assert agents(site.near) == {site.near.pids()["agent"]}


def changed_program(site: Site, directory: Path, file: str, old: str, new: str) -> None:
    """Let the near gateway run a copy of the program in which a file says something else."""
    shutil.copytree(ROOT / "linkbalancer", directory / "linkbalancer")
    path = directory / "linkbalancer" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    until(site.settled, 30)
    site.near.root = directory
    restart(site.near)
    until(lambda: site.settled() and agents(site.near) == {site.near.pids().get("agent")}, 30)


def test_orphans_that_nobody_succeeds_leave(site: Site, tmp_path: Path) -> None:
    """Some time after the supervisor's end they have handed over and are gone; what routes packets stays."""
    assert agent.ORPHAN == 30 * SECOND
    other_patience = "ORPHAN: Duration = 30 * SECOND", "ORPHAN: Duration = 3 * SECOND"
    changed_program(site, tmp_path, "daemon/agent.py", *other_patience)
    site.near.kill("supervisor")
    site.near.root = ROOT
    assert len(agents(site.near)) == 1
    until(lambda: not site.near.namespace.pids(), 20, "everybody has left")
    assert site.near.addresses() == {"192.0.2.1"}
    assert "lookup 20001" in site.near.namespace("ip rule")
    site.near.start()
    until(site.settled, 30)


def test_upgrade_to_another_program(site: Site, tmp_path: Path) -> None:
    """One that cannot be imported is refused in one line; one that can takes over, and says which version it is."""
    shutil.copytree(ROOT / "linkbalancer", tmp_path / "linkbalancer")
    router, version = (tmp_path / "linkbalancer" / path for path in ("vrrp/router.py", "__init__.py"))
    good = router.read_text()
    until(site.settled, 30)
    site.near.stop()
    site.near.root = tmp_path
    site.near.start()
    until(site.settled, 30)
    with site.witness() as witness:
        router.write_text("import nothing_of_this_name\n" + good)
        refused = carry_out(site.near.run_dir, "upgrade")
        router.write_text(good)
        version.write_text(version.read_text().replace(__version__, "99.1"))
        upgraded = carry_out(site.near.run_dir, "upgrade")
        until(site.settled, 30)
    site.near.root = ROOT
    assert refused["result"] == "refused"
    assert refused["lines"][0].endswith("No module named 'nothing_of_this_name'")
    assert upgraded["lines"] == [f"version {__version__} -> 99.1"]
    assert witness.seen["lost"] == witness.seen["unanswered"] == []


def test_an_emptied_run_directory_moves_nothing(site: Site) -> None:
    """Somebody removes all of it: commands work again within seconds, and a restart succeeds the agent as ever."""
    until(site.settled, 30)
    near = site.near
    with site.witness() as witness:
        for path in near.run_dir.iterdir():
            path.unlink()
        until(lambda: near.status() != {}, 5)
        names = {"agent.lock", "agent.snapshot", "agent.sock", "feed.sock", "query.sock", "control.sock"}
        until(lambda: names | {"recorder.sock", "metrics.sock"} <= {path.name for path in near.run_dir.iterdir()}, 5)
        old = agents(near)
        near.restart()
        until(lambda: agents(near).isdisjoint(old), 10)
        until(near.settled, 20)
    assert len(agents(near)) == 1
    assert witness.seen["lost"] == witness.seen["unanswered"] == []


def test_two_agents_without_a_common_run_directory_do_not_both_speak(site: Site) -> None:
    """Removed and restarted in the same moment: the agent that finds another one in its place ends at once."""
    until(site.settled, 30)
    near = site.near
    old = agents(near)
    assert near.process is not None
    near.process.send_signal(signal.SIGSTOP)
    for pid in old:
        os.kill(pid, signal.SIGSTOP)
    for path in near.run_dir.iterdir():
        path.unlink()
    near.process.kill()
    near.process.wait()
    near.start()
    until(lambda: agents(near) > old, 20)
    until((near.run_dir / "agent.sock").exists, 20)
    for pid in old:
        os.kill(pid, signal.SIGCONT)
    until(lambda: agents(near).isdisjoint(old), 2)
    assert "deposed" in near.lines()
    until(site.settled, 30)

"""The whole daemon on two real gateways with one link between them: every kill, and what the kernel keeps."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from linkbalancer.engine.company import Herald, decode, encode
from linkbalancer.host.heralds import HeraldSocket
from tests.daemon.gateway import ROOT, Gateway, Watch, joined
from tests.daemon.waiting import alive, until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lan() -> Iterator[Namespace]:
    """Return what is at the other end of both gateways' LAN devices, `near` and `far`."""
    with Namespace("lan") as lan:
        yield lan


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory, lan: Namespace) -> Iterator[tuple[Gateway, Gateway]]:
    """Return a near and a far gateway that have settled."""
    with joined(tmp_path_factory.mktemp("gateways"), lan) as pair:
        yield pair


@pytest.fixture
def near(gateways: tuple[Gateway, Gateway]) -> Gateway:
    """Return the near gateway, settled."""
    until(lambda: all(gateway.settled() for gateway in gateways), 20)
    return gateways[0]


def test_every_process_has_one_thread(near: Gateway) -> None:
    """Nobody forks from a process with threads; the recorder's other two write, and it forks nobody."""
    pids = near.pids()
    assert set(pids) == {"supervisor", "zygote", "agent", "api", "recorder", "web", "rest"}
    threads = {name: len(list(Path(f"/proc/{pid}/task").iterdir())) for name, pid in pids.items()}
    assert threads == {**dict.fromkeys(pids, 1), "recorder": 3}


def test_status_names_the_processes(near: Gateway) -> None:
    """The status has the process ids of supervisor, agent and applications, and the timers' lateness."""
    status, pids = near.status(), near.pids()
    assert status["processes"] == {
        "supervisor": pids["supervisor"],
        "agent": pids["agent"],
        "app:web": pids["web"],
        "app:rest": pids["rest"],
    }
    assert "worst_us" in status["daemon"]["timer_lateness"]


@pytest.mark.parametrize("name", ["agent", "api", "recorder", "zygote", "web"])
def test_a_killed_process_is_replaced_and_the_kernel_not_touched(near: Gateway, name: str) -> None:
    """After kill -9 another process takes over, no address, rule or route is deleted, and no mastership moves."""
    before, kernel, others = near.status(), near.kernel(), near.pids()
    watch = Watch(near)
    near.kill(name)
    until(lambda: near.pids().get(name) not in {None, others[name]})
    until(near.settled)
    assert watch.deleted() == []
    assert near.kernel() == kernel
    assert near.status()["groups"]["1"]["master"] == before["groups"]["1"]["master"] == "self"
    assert {**near.pids(), name: 0} == {**others, name: 0}


def test_a_killed_agent_goes_on_as_master(near: Gateway) -> None:
    """Its successor resumes from the snapshot: the far end hears no other Master, and since when and why are kept."""
    before = near.status()["groups"]["1"]
    near.kill("agent")
    until(lambda: near.lines().count("master: resumed") >= 2)
    until(near.settled)
    after = near.status()["groups"]["1"]
    assert [after[key] for key in ("reason", "transitions")] == [before[key] for key in ("reason", "transitions")]
    assert after["since_ms"] >= before["since_ms"]


def test_a_stopped_application_never_speaks_again(near: Gateway) -> None:
    """SIGSTOP: found by silence, killed, replaced; the kernel keeps what it had steered."""
    pids, kernel = near.pids(), near.kernel()
    os.kill(pids["rest"], signal.SIGSTOP)
    until(lambda: near.pids().get("rest") not in {None, pids["rest"]})
    assert not alive(pids["rest"])
    assert near.kernel() == kernel


def test_without_the_daemon_the_kernel_stays(near: Gateway) -> None:
    """After kill -9 of everybody no process is left and nothing is gone; a new start adopts it."""
    pids, kernel = near.pids(), near.kernel()
    watch = Watch(near)
    near.kill(*pids)
    assert near.kernel() == kernel
    near.start()
    until(near.settled, 20)
    assert watch.deleted() == []
    assert near.kernel() == kernel


def test_reload_with_a_new_application(near: Gateway) -> None:
    """SIGHUP: the new rule's application gets its process and its place; numbers of the others stay."""
    rules = near.directory / "apps.conf"
    old, numbers = rules.read_text(), {name: one["id"] for name, one in near.status()["applications"].items()}
    rules.write_text("App=* * * * 53 udp [1] name=dns\n" + old)
    near.reload()
    until(lambda: near.status()["applications"]["dns"]["vid"] == 1)
    until(near.settled)
    assert {name: near.status()["applications"][name]["id"] for name in numbers} == numbers
    rules.write_text(old)
    near.reload()
    assert set(near.status()["applications"]) == {"web", "rest"}
    until(near.settled)


def test_what_a_stranger_removes_comes_back(near: Gateway) -> None:
    """A deleted rule, virtual IP and nftables table are back soon, said, and no mastership moves."""
    kernel = near.kernel()
    near.namespace("ip rule del priority 21", "ip addr del 192.0.2.251/32 dev eth0", "nft flush ruleset")
    until(lambda: "192.0.2.251" in near.addresses() and "app2vid" in near.namespace("nft list ruleset"))
    until(lambda: near.kernel() == kernel)
    kinds = {"rule", "address", "nftables"}  # the status is told a moment after the deed
    until(lambda: kinds <= set(near.status()["daemon"]["put_back_by_kind"]))
    assert near.status()["groups"]["1"]["master"] == "self"


def test_a_device_that_goes_and_comes_back_as_another(gateways: tuple[Gateway, Gateway], near: Gateway) -> None:
    """A link's device is deleted and made anew: the link closes, sockets are opened on the new device, it opens."""
    far = gateways[1]
    near.namespace("ip link del eth1")
    until(lambda: not near.status()["links"]["l1"]["open"])
    near.namespace.connect("eth1", far.namespace, "eth1")
    near.namespace("ip addr add 10.1.0.1/24 dev eth1")
    far.namespace("ip addr add 10.1.0.2/24 dev eth1")
    until(lambda: near.settled() and far.settled(), 20)


def test_a_gateway_beside_that_steers_otherwise_is_found(near: Gateway, lan: Namespace) -> None:
    """Within five seconds, in the status; and what the daemon tells of itself is heard on its LAN."""
    lan("ip addr add 192.0.2.9/24 dev near")
    with lan.entered():
        neighbour = HeraldSocket("near")
    with closing(neighbour):
        until(lambda: heard(neighbour) == {"b1"}, 5)
        neighbour.send(encode(Herald("b9", b"other")))
        until(lambda: "b9 (192.0.2.9 on eth0) steers by other rules" in " ".join(near.status()["findings"]), 5)


def heard(neighbour: HeraldSocket) -> set[str]:
    """Return who has told something since the last time."""
    return {one.node for one in map(decode, (event.data for event in neighbour.receive())) if one is not None}


def test_a_second_daemon_is_refused(near: Gateway) -> None:
    """Two daemons never share a run directory: the second ends with one sentence and status 2."""
    done = subprocess.run(near.command(), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (
        done.stderr
        == f"linkbalancer: another linkbalancer runs with {near.run_dir}; give this one a --run-dir of its own\n"
    )


def test_stop_hands_over_and_leaves_the_rest(near: Gateway) -> None:
    """SIGTERM: virtual IPs are gone, rules and tables stay, no process is left, and status 0."""
    pids = near.pids()
    assert near.stop() == 0
    assert near.addresses() == {"192.0.2.1"}
    assert "lookup 20001" in near.namespace("ip rule")
    assert not any(alive(pid) for pid in pids.values())
    near.start()
    until(near.settled, 20)


@pytest.mark.parametrize("wrong", ["missing", "readable", "nonsense"])
def test_a_key_that_is_no_secret_is_refused(tmp_path: Path, wrong: str) -> None:
    """Without a good key, or with one that everybody can read, the daemon says why and ends with status 1."""
    with Namespace("lone") as lone:
        texts = {"node": "b1", "role": "controller", "local": "10.1.0.1", "peer": "10.1.0.2", "lan": "192.0.2"}
        gateway = Gateway(lone, tmp_path / "lone", **texts)
        key = gateway.directory / "l1.key"
        if wrong == "missing":
            key.unlink()
        elif wrong == "readable":
            key.chmod(0o644)
        else:
            key.write_text("1 secretsecret\n")
        done = subprocess.run(gateway.command(), cwd=ROOT, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 1
    assert f"{key}: " in done.stderr
    assert "secretsecret" not in done.stderr
    assert "000102" not in done.stderr

"""Changing a configuration on two real gateways: plan, apply, confirm, rollback, and what can go wrong with each."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.cli.client import ask
from tests.daemon.gateway import ROOT, RULES, Gateway, Watch
from tests.daemon.waiting import until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab


def dns(port: int) -> str:
    """Return a rule for another application; each test has a port of its own, so that its files are its own."""
    return f"App=* * * * {port} udp [1] name=dns\n"


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Gateway]]:
    """Return a near and a far gateway that have settled."""
    directory = tmp_path_factory.mktemp("changing")
    with Namespace("near") as near, Namespace("far") as far, Namespace("lan") as lan:
        near.connect("eth1", far, "eth1")
        near.connect("eth0", lan, "near")
        far.connect("eth0", lan, "far")
        near("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 10.1.0.1/24 dev eth1")
        far("ip addr add 198.51.100.1/24 dev eth0", "ip addr add 10.1.0.2/24 dev eth1")
        one = {"node": "b1", "role": "controller", "local": "10.1.0.1", "peer": "10.1.0.2", "lan": "192.0.2"}
        other = {"node": "f1", "role": "controlled", "local": "10.1.0.2", "peer": "10.1.0.1", "lan": "198.51.100"}
        pair = Gateway(near, directory / "near", **one), Gateway(far, directory / "far", **other)
        for gateway in pair:
            gateway.start()
        until(lambda: all(gateway.settled() for gateway in pair), 20)
        yield pair
        for gateway in pair:
            gateway.stop()


@pytest.fixture
def near(gateways: tuple[Gateway, Gateway]) -> Iterator[Gateway]:
    """Return the near gateway, settled; the rules are as at first afterwards."""
    gateway = gateways[0]
    until(lambda: all(one.settled() for one in gateways), 30)
    yield gateway
    if until(lambda: configuration(gateway).get("state")) == "pending":
        ask(gateway.run_dir, "confirm", change=True)
    (gateway.directory / "apps.conf").write_text(RULES)
    ask(gateway.run_dir, "apply", change=True, patience_s=30, again=True)


def command(gateway: Gateway, *words: str, check: bool = True, **environment: str) -> str:
    """Run a command as an operator does; return what it wrote, errors included."""
    done = subprocess.run(
        [sys.executable, "-m", "linkbalancer", *words, "--run-dir", str(gateway.run_dir)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )
    assert not check or done.returncode == 0, done.stdout
    return done.stdout


def write(gateway: Gateway, rules: str) -> None:
    """Edit the rule file."""
    (gateway.directory / "apps.conf").write_text(rules)


def configuration(gateway: Gateway) -> dict[str, Any]:
    """Return what is in force, as status has it; empty while nobody answers."""
    return dict(gateway.status().get("configuration", {}))


def history(gateway: Gateway) -> list[dict[str, Any]]:
    """Return the configurations kept, newest first."""
    return list(ask(gateway.run_dir, "configurations")["entries"])


def test_plan_and_apply(near: Gateway) -> None:
    """A rule's change is shown with what it does to flows, then done; the processes of others and masterships stay."""
    before = near.pids()
    write(near, dns(53) + RULES.replace("[2 1]", "[1 2]"))
    plan = command(near, "plan", "-v")
    assert "+ application dns new: VIDs 1; its flows go to VID 1" in plan
    assert "VIDs 2 1 -> 1 2; its flows move from VID 2 to VID 1 at once (it is on VID 2 now)" in plan
    assert "+ rule apps.conf:1 new: App=* * * * 53 udp [1] name=dns" in plan
    assert "+ nft chains inet linkbalancer forward_" in plan

    watch = Watch(near)
    said = command(near, "apply", "--yes", SUDO_USER="anna")

    assert "is in force (in" in said
    status = near.status()
    assert (status["applications"]["dns"]["vid"], configuration(near)["state"]) == (1, "good")
    until(lambda: near.status()["applications"]["web"]["vid"] == 1)
    assert history(near)[0]["who"] == "root (sudo by anna)"
    assert near.pids()["rest"] == before["rest"]
    assert watch.deleted() == []
    assert command(near, "plan") == "nothing changes\n"
    assert "nothing had to change" in command(near, "apply", "--yes")


def test_bad_files_change_nothing(near: Gateway) -> None:
    """Plan, apply and a signal tell every error and leave everything as it is; status says that the files differ."""
    number = configuration(near)["entry"]
    write(near, "nonsense\nApp=* * * * 53 udp [9]\n" + RULES)
    for word in (["plan"], ["apply", "--yes"]):
        said = command(near, *word, check=False)
        assert "apps.conf:1:1: the line is no rule" in said
        assert "there is no group for VID 9" in said
    near.process.send_signal(signal.SIGHUP)  # type: ignore[union-attr]
    until(lambda: "apps.conf:1:1: the line is no rule" in near.lines())
    until(lambda: any("apps.conf" in line for line in configuration(near)["lines"]))
    assert configuration(near)["entry"] == number
    assert near.settled()


def test_a_trial_that_is_confirmed(near: Gateway) -> None:
    """It says until when; meanwhile nothing else is applied; afterwards it stays."""
    write(near, dns(5302) + RULES)
    assert "unless `linkbalancer confirm` comes before" in command(near, "apply", "--yes", "--confirm", "5m")
    assert configuration(near)["state"] == "pending"
    write(near, RULES)
    assert "awaits its confirmation" in command(near, "apply", "--yes", check=False)
    assert "stays in force" in command(near, "confirm")
    assert configuration(near)["state"] == "good"
    assert "no configuration awaits" in command(near, "confirm", check=False)


def test_a_trial_that_is_not_confirmed(near: Gateway) -> None:
    """After its time the old configuration is in force again, though the api's process was killed meanwhile."""
    number = configuration(near)["entry"]
    write(near, dns(5303) + RULES)
    command(near, "apply", "--yes", "--confirm", "10s")
    near.kill("api")
    until(lambda: configuration(near).get("state") == "pending")
    until(lambda: configuration(near).get("entry") == number, 30)
    until(lambda: "dns" not in near.status().get("applications", {"dns": 1}))
    entry = history(near)[0]
    assert (entry["state"], entry["reason"]) == ("reverted", "it was not confirmed within 10 s")
    until(lambda: "the files differ" in str(configuration(near)["lines"]))
    assert "was taken back" in command(near, "apply", "--yes", check=False)
    assert "put back:" in command(near, "rollback", "--files")
    assert (near.directory / "apps.conf").read_text() == RULES
    assert (near.directory / "apps.conf.before-rollback").read_text() == dns(5303) + RULES
    until(near.settled)


def test_a_trial_that_costs_a_link(near: Gateway) -> None:
    """A wrong port closes the link: what was in force is back long before the time is over."""
    text = near.config.read_text()
    near.config.write_text(text.replace("key_file: l1.key,", "key_file: l1.key, port: 20999,"))
    command(near, "apply", "--yes", "--confirm", "1h")
    until(lambda: history(near)[0]["state"] == "reverted", 40)
    assert "the link l1 was open before and is closed" in history(near)[0]["reason"]
    until(near.settled, 30)
    near.config.write_text(text)
    until(lambda: not any("differ" in line for line in configuration(near)["lines"]))


@pytest.mark.parametrize("how", ["killed", "upgraded"])
def test_a_trial_goes_on_after_a_restart(near: Gateway, how: str) -> None:
    """Everybody is killed and started again, or upgraded: it is still on trial, and a rollback ends it."""
    write(near, dns(5304 if how == "killed" else 5398) + RULES)
    command(near, "apply", "--yes", "--confirm", "1h")
    if how == "killed":
        near.kill_all()
        near.start()
    else:
        command(near, "upgrade")
    until(lambda: configuration(near).get("state") == "pending", 30)
    assert "dns" in near.status()["applications"]
    until(lambda: near.status()["applications"]["dns"]["vid"] == 1, 20)
    said = command(near, "rollback", "--yes")
    assert "- application dns gone" in said
    assert "put back:" in said
    assert "dns" not in near.status()["applications"]
    assert (near.directory / "apps.conf").read_text() == RULES
    assert history(near)[0]["reason"] == "rolled back by root"


def test_everybody_dies_while_a_trial_begins(near: Gateway) -> None:
    """The edited files are on trial after the restart too, though nobody had come to note them as a configuration."""
    write(near, dns(5399) + RULES)
    words = [sys.executable, "-m", "linkbalancer", "apply", "--yes", "--confirm", "1h", "--run-dir", str(near.run_dir)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as apply:
        until((near.directory / "state" / "configurations" / "intent").exists, 20)
        near.kill_all()
        near.start()
        until(lambda: configuration(near).get("state") == "pending", 30)
        apply.wait(60)
    command(near, "rollback", "--yes")
    until(near.settled, 20)


def test_rollback_to_a_number(near: Gateway) -> None:
    """Any configuration kept; one that is not there is refused; rolling back twice is where one was."""
    number = configuration(near)["entry"]
    write(near, dns(5305) + RULES)
    command(near, "apply", "--yes")
    command(near, "rollback", "--yes", str(number))
    assert "dns" not in near.status()["applications"]
    command(near, "rollback", "--yes")
    assert "dns" in near.status()["applications"]
    assert (near.directory / "apps.conf").read_text() == dns(5305) + RULES
    assert "there is no configuration 999" in command(near, "rollback", "--yes", "999", check=False)
    listing = command(near, "history", "config")
    assert f"rollback to {number}" in listing
    assert listing.count("\n*") == 1
    assert json.loads(command(near, "history", "config", "--json"))["in_force"] == configuration(near)["entry"]


def test_a_storm_of_signals_during_an_apply(near: Gateway) -> None:
    """All of them end, the newest files are in force, and nothing is left half-way."""
    write(near, dns(5306) + RULES)
    apply = subprocess.Popen(
        [sys.executable, "-m", "linkbalancer", "apply", "--yes", "--run-dir", str(near.run_dir)], cwd=ROOT
    )
    assert near.process is not None
    while apply.poll() is None:
        near.process.send_signal(signal.SIGHUP)
        until(lambda: True)
    assert apply.returncode == 0
    until(near.settled, 20)
    assert "dns" in near.status()["applications"]
    until(lambda: {entry["state"] for entry in history(near)} <= {"good", "reverted", "failed"})
    assert configuration(near)["state"] == "good"


def test_an_apply_survives_the_death_of_the_api(near: Gateway) -> None:
    """The command finds out what became of it."""
    write(near, dns(5307) + RULES)
    words = [sys.executable, "-m", "linkbalancer", "apply", "--yes", "--run-dir", str(near.run_dir)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as apply:
        until(lambda: history(near)[0]["state"] == "applying", 20)
        near.kill("api")
        assert "is in force" in apply.communicate(timeout=60)[0]
    until(lambda: configuration(near).get("state") == "good")


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[Gateway]:
    """Return a gateway by itself that is not started."""
    with Namespace("lone") as namespace, Namespace("lan") as lan:
        namespace.connect("eth0", lan, "lone")
        namespace.connect("eth1", lan, "away")
        namespace("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 10.1.0.1/24 dev eth1")
        texts = {"node": "b1", "role": "controller", "local": "10.1.0.1", "peer": "10.1.0.2", "lan": "192.0.2"}
        gateway = Gateway(namespace, tmp_path / "lone", **texts)
        yield gateway
        if gateway.process is not None and gateway.process.poll() is None:
            gateway.stop()


def test_a_start_with_bad_files(lone: Gateway) -> None:
    """The last good configuration is in force, and status says why; the mended file is used at the next start."""
    lone.start()
    until(lambda: configuration(lone).get("state") == "good", 20)
    lone.stop()
    lone.config.write_text("nonsense")
    (lone.directory / "l1.key").unlink()
    lone.start()
    until(lambda: configuration(lone), 20)
    lines = configuration(lone)["lines"]
    assert "the files are refused" in lines[0]
    assert "configuration 1, start by start, is in force" in str(lines)
    assert set(lone.status()["applications"]) == {"web", "rest"}
    assert "the files are refused" in lone.lines()


def test_a_start_with_faulty_rules_and_nothing_kept(lone: Gateway) -> None:
    """They alone are left out; a reload with the mended file ends it."""
    write(lone, "App=* * * * 53 udp [9] name=dns\n" + RULES)
    lone.start()
    until(lambda: configuration(lone).get("source") == "quarantine", 20)
    assert set(lone.status()["applications"]) == {"web", "rest"}
    assert "there is no group for VID 9" in str(configuration(lone)["lines"])
    write(lone, RULES)
    command(lone, "apply", "--yes")
    assert configuration(lone)["lines"] == []


def test_a_full_disk(lone: Gateway) -> None:
    """An apply is refused in a sentence while everything goes on."""
    state = lone.directory / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(state)], check=True)
    try:
        lone.start()
        until(lambda: configuration(lone).get("state") == "good", 20)
        subprocess.run(["dd", "if=/dev/zero", f"of={state}/filler"], check=False, capture_output=True)
        write(lone, RULES + "# " + "x" * 8000)
        said = command(lone, "apply", "--yes", check=False)
        assert "No space left on device; make room, then apply it again" in said
        assert configuration(lone)["entry"] == 1
        (state / "filler").unlink()
        command(lone, "apply", "--yes")
        lone.stop()
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)

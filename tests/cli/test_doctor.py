"""`linkbalancer doctor`."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.cli import doctor
from linkbalancer.cli.main import main
from linkbalancer.daemon.preflight import Report
from linkbalancer.drivers import repair
from linkbalancer.drivers.errors import DriverError
from linkbalancer.engine.preflight import catalogue
from linkbalancer.engine.preflight.finding import Finding, Step, WriteFile
from linkbalancer.engine.preflight.observed import Unseen
from tests.engine.preflight.hosts import FILES
from tests.namespaces import Namespace

NETWORKD = Finding(catalogue.NETWORKD_REMOVES, "systemd-networkd", "process 7", (WriteFile("/etc/x.conf", "a\nb\n"),))
FIREWALLD = Finding(catalogue.FIREWALLD_RUNS, "firewalld", "process 8 is firewalld")
NOTE = Finding(catalogue.KEEPALIVED_RUNS, "keepalived", "process 9 is keepalived")


class Host:
    """A host that is as the test says until something is done to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *findings: Finding) -> None:
        """Put it in place of this computer."""
        self.findings = findings
        self.done: list[Step] = []
        self.unseen: tuple[Unseen, ...] = ()
        monkeypatch.setattr(doctor, "examine", self._examine)
        monkeypatch.setattr(repair, "perform", self._perform)

    def _examine(self, _config: object, *, running: bool) -> Report:
        assert not running
        left = tuple(one for one in self.findings if not one.steps or not set(one.steps) <= set(self.done))
        return Report(left, self.unseen)

    def _perform(self, step: Step) -> None:
        self.done.append(step)


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Return a configuration."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return str(tmp_path / "linkbalancer.yaml")


def run(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run the command; return its status and what it wrote."""
    status = main(["doctor", "--run-dir", "/nowhere", *words])
    out, err = capsys.readouterr()
    return status, out, err


def test_nothing_found(monkeypatch: pytest.MonkeyPatch, config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, also with notes."""
    Host(monkeypatch)
    assert run(config, capsys=capsys) == (0, "nothing found\n", "")
    Host(monkeypatch, NOTE)
    status, out, _err = run(config, capsys=capsys)
    assert (status, out.splitlines()[-1]) == (0, "1 note")


def test_findings(monkeypatch: pytest.MonkeyPatch, config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with what it breaks, how it was seen, how to mend it; and what was not seen."""
    host = Host(monkeypatch, NETWORKD, FIREWALLD, NOTE)
    host.unseen = (Unseen("nftables rules", "Operation not permitted"),)
    status, out, _err = run(config, capsys=capsys)
    assert status == 1
    assert out.startswith("error: networkd-removes: systemd-networkd\n    breaks  systemd-networkd removes rules")
    assert "    seen    process 7\n" in out
    assert "    fix     --fix writes /etc/systemd/networkd.conf.d/linkbalancer.conf and restarts" in out
    assert "Not seen, and so not judged:\n    nftables rules: Operation not permitted\n" in out
    assert out.endswith("\n1 error, 1 warning, 1 note\n")

    status, out, _err = run("--json", config, capsys=capsys)
    answer: dict[str, Any] = json.loads(out)
    assert (status, answer["schema"], answer["clean"]) == (1, 1, False)
    assert [one["kind"] for one in answer["findings"]] == ["networkd-removes", "firewalld-runs", "keepalived-runs"]
    assert answer["findings"][0]["fix"] == ["write /etc/x.conf:\n      a\n      b"]
    assert answer["unseen"] == [{"what": "nftables rules", "why": "Operation not permitted"}]


def test_fix_shows_asks_and_does(
    monkeypatch: pytest.MonkeyPatch, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is done without a yes; afterwards it looks again."""
    host = Host(monkeypatch, NETWORKD)
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    status, out, err = run("--fix", config, capsys=capsys)
    assert (status, host.done) == (1, [])
    assert out.startswith("This can be mended here:\n  write /etc/x.conf:\n      a\n      b\nNothing was changed.\n")
    assert err == "linkbalancer: nobody there to ask: give --yes\n"

    for answer, done in (("\n", 0), ("n\n", 0), ("y\n", 1)):
        terminal = io.StringIO(answer)
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr("sys.stdin", terminal)
        status, out, _err = run("--fix", config, capsys=capsys)
        assert (status, len(host.done)) == (1 - done, done)
    assert out.endswith("Do it? [y/N] Done; looking again.\n\nnothing found\n")


def test_fix_for_programs(monkeypatch: pytest.MonkeyPatch, config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--json --yes does it and answers with what is found afterwards; a step that fails is said."""
    host = Host(monkeypatch, NETWORKD, FIREWALLD)
    status, out, _err = run("--fix", "--yes", "--json", config, capsys=capsys)
    assert (status, len(host.done)) == (1, 1)
    assert [one["kind"] for one in json.loads(out)["findings"]] == ["firewalld-runs"]

    host = Host(monkeypatch, NETWORKD)
    error = DriverError("write /etc/x.conf", 13)
    monkeypatch.setattr(repair, "perform", lambda _step: (_ for _ in ()).throw(error))
    status, _out, err = run("--fix", "--yes", config, capsys=capsys)
    assert (status, err) == (1, "linkbalancer: not done: write /etc/x.conf: Permission denied\n")

    Host(monkeypatch, FIREWALLD)
    status, out, _err = run("--fix", config, capsys=capsys)
    assert (status, out.splitlines()[-1]) == (1, "1 warning")


def test_usage(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A configuration that cannot be read, or is wrong, and options that contradict each other."""
    for words in (("--yes", config), ("--fix", "--json", config), (str(tmp_path / "none.yaml"),)):
        status, out, err = run(*words, capsys=capsys)
        assert (status, out) == (2, "")
        assert err.startswith("linkbalancer: ")
    Path(config).write_text("node: b1\n")
    status, _out, err = run(config, capsys=capsys)
    assert status == 2
    assert f"doctor must know what to look for: mend {config} first" in err


@pytest.mark.lab
def test_fix_on_a_real_host(config: str) -> None:
    """A device that forwards nothing, and answers no ARP: found, mended, clean; a foreign rule is left alone."""
    with Namespace("host") as host, Namespace("away") as away:
        for device in ("eth0", "eth1"):
            host.connect(device, away, device)
        host("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 10.1.0.1/24 dev eth1")
        command = f"{sys.executable} -m linkbalancer doctor --run-dir /nowhere {config}"
        host(command, "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.eth0.forwarding=0")
        host("sysctl -qw net.ipv4.conf.eth0.arp_ignore=8")
        with pytest.raises(AssertionError):
            host(command)
        said = host(f"{command} --fix --yes")
        assert "  echo 1 > /proc/sys/net/ipv4/conf/eth0/forwarding\n" in said
        assert "Done; looking again.\n" in said
        assert host("cat /proc/sys/net/ipv4/conf/eth0/forwarding") == "1\n"
        host("ip rule add fwmark 0x80000/0xff0000 lookup main prio 5210")
        with pytest.raises(AssertionError):
            host(f"{command} --fix --yes")
        assert "0x80000/0xff0000" in host("ip rule")


@pytest.mark.lab
def test_a_real_host_is_looked_at(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """This computer, which has no such gateway."""
    status, out, _err = run("--json", config, capsys=capsys)
    answer = json.loads(out)
    assert status == 1
    assert {"kind", "severity", "subject", "breaks", "seen", "mend", "fix"} == answer["findings"][0].keys()

"""`linkbalancer scan` on a LAN, beside real Keepalived: version 2 with a password, version 3, IPv6, and two Masters."""

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.cli.main import main
from tests.daemon.waiting import until
from tests.namespaces import Namespace

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20

KEEPALIVED = """
global_defs {
    router_id scanned
}
vrrp_instance OLD {
    state BACKUP
    interface eth0
    version 2
    virtual_router_id 10
    priority 100
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass hidden77
    }
    virtual_ipaddress {
        192.0.2.210/24
    }
}
vrrp_instance NEW {
    state BACKUP
    interface eth0
    version 3
    virtual_router_id 20
    priority 200
    advert_int 0.1
    virtual_ipaddress {
        192.0.2.220/24
        192.0.2.221/24
    }
}
vrrp_instance SIX {
    state BACKUP
    interface eth0
    version 3
    native_ipv6
    use_vmac
    virtual_router_id 20
    priority 120
    advert_int 0.1
    virtual_ipaddress {
        fe80::220/64
        2001:db8::220/64
    }
}
"""
RIVAL = """
vrrp_instance NEW {
    state BACKUP
    interface eth0
    version 3
    virtual_router_id 20
    priority 90
    advert_int 0.25
    virtual_ipaddress {
        192.0.2.220/24
    }
}
"""
# A quicker rival would keep Keepalived from advertising at all: each packet of the group puts its timer off.

CONFIGURATION = """
node: b1
role: controlled
links:
  l1: {device: eth1, local: 10.1.0.2, peer: 10.1.0.1, insecure: true}
groups:
  20: {device: eth0, link: l1, virtual_ips: [192.0.2.220/24], advert_interval: 200ms}
  30: {device: eth0, link: l1, virtual_ips: [192.0.2.230/24]}
  40: {device: eth2, link: l1, virtual_ips: [192.0.3.240/24]}
applications: apps.conf
"""


class Keepalived:
    """A Keepalived in a namespace."""

    def __init__(self, host: Namespace, files: Path, text: str) -> None:
        program = shutil.which("keepalived")
        assert program, "keepalived is missing (Debian package keepalived)"
        files.mkdir()
        (files / "keepalived.conf").write_text(text)
        words = ["ip", "netns", "exec", host.name, program, "--dont-fork", "--vrrp", "--log-console", "--no-syslog"]
        words += [f"--use-file={files / 'keepalived.conf'}"]
        words += [f"--{kind}={files / kind}" for kind in ("pid", "vrrp_pid", "checkers_pid", "bfd_pid")]
        self.log = files / "log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def masters(self) -> int:
        """Return how many of its instances have become Master."""
        return self.log.read_text().count("Entering MASTER STATE")

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture
def lan() -> Iterator[tuple[Namespace, Namespace, Namespace]]:
    """Yield a listener and two routers on one switch."""
    with Namespace("ear") as ear, Namespace("one") as one, Namespace("two") as two:
        ear("ip link add br0 type bridge mcast_snooping 0", "ip link set br0 up")
        for number, host in enumerate((ear, one, two), start=1):
            port = f"p{number}"
            ear.connect(port, host, "eth0")
            ear(f"ip link set {port} master br0")
            host(f"ip addr add 192.0.2.{number}/24 dev eth0", f"ip addr add fe80::{number}/64 dev eth0 nodad")
        yield ear, one, two


def scan(host: Namespace, *words: str, status: int = 0) -> str:
    """Run the command in a namespace; return what it wrote."""
    program = [sys.executable, "-m", "linkbalancer", "scan", *words]
    done = subprocess.run(
        ["ip", "netns", "exec", host.name, *program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def scanned(host: Namespace, *words: str, status: int = 0) -> dict[str, Any]:
    """Return the same as a document."""
    found: dict[str, Any] = json.loads(scan(host, "eth0", "--json", *words, status=status))
    return found


@pytest.fixture
def routers(lan: tuple[Namespace, Namespace, Namespace], tmp_path: Path) -> Iterator[Path]:
    """Let the second host be Master of three groups; yield a configuration of ours that knows one of them."""
    (tmp_path / "linkbalancer.yaml").write_text(CONFIGURATION)
    (tmp_path / "apps.conf").write_text("App=* * * * * * [20] name=all\n")
    with closing(Keepalived(lan[1], tmp_path / "one", KEEPALIVED)) as keepalived:
        until(lambda: keepalived.masters() == 3, PATIENCE_S, "three masterships")
        yield tmp_path


@pytest.mark.lab
def test_everybody_is_found(lan: tuple[Namespace, Namespace, Namespace], routers: Path) -> None:
    """Version, priority, interval, addresses, authentication, checksum and MAC of each; our own groups marked."""
    ear, one, _two = lan
    found = scanned(ear, "--for", "1500ms", "--config", str(routers))
    assert found["unreadable"] == []
    by_vrid = {(one["vrid"], one["family"]): one for one in found["vrids"]}
    assert list(by_vrid) == [(10, "ipv4"), (20, "ipv4"), (20, "ipv6"), (30, "ipv4")]
    (old,), (new,), (six,) = (by_vrid[key]["routers"] for key in ((10, "ipv4"), (20, "ipv4"), (20, "ipv6")))
    mac = json.loads(one("ip -json link show dev eth0"))[0]["address"]
    assert (old["version"], old["auth_type"], old["checksum"], old["interval_ms"]) == (2, 1, None, 1000)
    assert (old["addresses"], old["mac"], old["virtual_mac"]) == (["192.0.2.210"], mac, False)
    assert (new["version"], new["auth_type"], new["checksum"], new["interval_ms"]) == (3, 0, "rfc5798", 100)
    assert (new["priority"], new["addresses"]) == (200, ["192.0.2.220", "192.0.2.221"])
    assert (six["mac"], six["virtual_mac"], six["checksum"]) == ("00:00:5e:00:02:14", True, None)
    assert (six["priority"], six["addresses"]) == (120, ["fe80::220", "2001:db8::220"])
    assert [by_vrid[key]["configured_here"] for key in by_vrid] == [False, True, False, True]
    assert new["differs"] == ["its interval is 100 ms, ours 200 ms", "it has 192.0.2.221 more"]
    assert not any(one["several_masters"] for one in found["vrids"])

    text = scan(ear, "eth0", "--for", "1200ms", "--config", str(routers))
    assert "eth0: 3 VRIDs in use, heard in 1.2 s" in text
    assert "VID 30 is configured here, and nobody advertises it" in text
    assert "VID 20: of 192.0.2.2, its interval is 100 ms, ours 200 ms" in text
    assert "hidden77" not in text + json.dumps(found)


@pytest.mark.lab
@pytest.mark.usefixtures("routers")
def test_several_masters_are_told(lan: tuple[Namespace, Namespace, Namespace], tmp_path: Path) -> None:
    """A router that a filter keeps from hearing the Master is one as well; who scans there sees itself."""
    ear, _one, two = lan
    two("nft add table inet deaf", "nft add chain inet deaf in { type filter hook input priority 0 ; }")
    two("nft add rule inet deaf in ip protocol 112 drop")
    with closing(Keepalived(two, tmp_path / "two", RIVAL)) as rival:
        until(lambda: rival.masters() == 1, PATIENCE_S, "a second Master")
        found = scanned(ear, "--for", "1500ms", status=1)
        assert [one["vrid"] for one in found["vrids"] if one["several_masters"]] == [20]
        (contested,) = (one for one in found["vrids"] if one["several_masters"])
        assert [one["source"] for one in contested["routers"]] == ["192.0.2.2", "192.0.2.3"]
        text = scan(ear, "eth0", "--for", "1500ms", status=1)
        assert "VID 20: 192.0.2.2 and 192.0.2.3 are Master at once" in text
        assert "Master, one of several" in text

        at_home = scanned(two, "--for", "1500ms", status=1)
        here = {one["source"]: one["this_computer"] for vid in at_home["vrids"] for one in vid["routers"]}
        assert here["192.0.2.3"]
        assert not here["192.0.2.2"]


@pytest.mark.lab
def test_silence_and_its_remedies(lan: tuple[Namespace, Namespace, Namespace]) -> None:
    """Nobody is heard; the device is not there, or down; each says what to do."""
    ear, one, _two = lan
    text = scan(ear, "eth0", "--for", "100ms")
    assert text == (
        "eth0: no VRID in use, heard in 100 ms\n\n"
        "a Master of a longer interval may have been missed: `linkbalancer scan eth0 --for 45s`\n"
    )
    assert scanned(one, "--for", "100ms")["vrids"] == []
    assert "there is no device eth7 here; there are eth0\n" in scan(one, "eth7", status=2)
    one("ip link set eth0 down")
    assert "eth0 is down: `ip link set eth0 up`" in scan(one, "eth0", status=2)


@pytest.mark.lab
def test_progress_is_shown_on_a_terminal_alone(lan: tuple[Namespace, Namespace, Namespace]) -> None:
    """One line that is wiped at the end; the answer is on standard output as ever."""
    ear, _one, _two = lan
    leader, follower = pty.openpty()
    try:
        program = [sys.executable, "-m", "linkbalancer", "scan", "eth0", "--for", "300ms"]
        done = subprocess.run(
            ["ip", "netns", "exec", ear.name, *program], cwd=ROOT, stdout=subprocess.PIPE, stderr=follower, check=True
        )
        shown = os.read(leader, 4096).decode()
    finally:
        os.close(leader)
        os.close(follower)
    assert "listening on eth0, 1 s left: 0 VRIDs so far" in shown
    assert shown.endswith("\r\x1b[K")
    assert b"listening" not in done.stdout


def test_without_rights_it_says_what_it_needs(tmp_path: Path) -> None:
    """In a sentence, and not as a traceback."""
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
    program = [sys.executable, "-c", "from linkbalancer.cli.main import main; raise SystemExit(main(['scan', 'lo']))"]
    if os.geteuid() == 0:
        done = subprocess.run([*words, *program], cwd="/", capture_output=True, text=True, check=False)
        if "No module named" in done.stderr:
            pytest.skip("this checkout is readable to root alone")
    else:
        done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "listening on lo needs root (CAP_NET_RAW): run it with sudo" in done.stderr
    assert done.returncode == 2


@pytest.mark.parametrize(("period", "words"), [("5", "no duration"), ("1ms", "not between"), ("2h", "no duration")])
def test_a_wrong_time_is_refused(period: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With what is wrong, and what to write."""
    with pytest.raises(SystemExit):
        main(["scan", "eth0", "--for", period])
    assert words in capsys.readouterr().err

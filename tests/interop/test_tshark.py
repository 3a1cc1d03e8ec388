"""Our adverts and announcements as tshark reads them: every field as RFC 9568 has it, and nothing to complain of."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.daemon.waiting import until
from tests.interop.site import CHECKSUMS, INTERVAL_MS, OURS, PATIENCE_S, Site, built, virtual_ip

pytestmark = pytest.mark.lab

_EVERYBODY = "ff:ff:ff:ff:ff:ff"
_STOP_LIMIT_S = 10


@contextmanager
def _captured(site: Site, file: Path) -> Iterator[None]:
    """Write down what a host on the near LAN sees of VRRP and ARP; each packet is in the file as soon as it came."""
    program = shutil.which("tcpdump")
    assert program, "tcpdump is missing (Debian package tcpdump)"
    words = ["ip", "netns", "exec", site.near_host.name, program, "-Z", "root", "-i", "eth0", "-w", str(file)]
    words += ["-U", "--immediate-mode", "ip proto 112 or arp"]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert "listening on eth0" in process.stderr.readline()
            yield
        finally:
            process.terminate()
            process.communicate(timeout=_STOP_LIMIT_S)


def _tshark(file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("tshark")
    assert program, "tshark is missing (Debian package tshark)"
    command = [program, "-n", "-o", "ip.check_checksum:TRUE", "-r", str(file), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_STOP_LIMIT_S)


def _table(file: Path, packets: str, fields: Sequence[str]) -> list[tuple[str, ...]]:
    """Return these fields of the packets that a display filter chooses, a row a packet."""
    done = _tshark(file, "-Y", packets, "-T", "fields", *(word for field in fields for word in ("-e", field)))
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a capture of b1's life: it starts, becomes Master of both VIDs, advertises for a while, and leaves."""
    path = tmp_path_factory.mktemp("capture")
    file = path / "near.pcap"
    leaving = [(str(vid),) for vid in CHECKSUMS]
    with built(path / "site") as site, site.listening() as ear, _captured(site, file):
        site.start()
        until(lambda: all(len(ear.adverts(vid)) >= 8 for vid in CHECKSUMS), PATIENCE_S, "b1 advertises for a while")
        site.ours.stop()
        farewell = ("vrrp.prio == 0", ["vrrp.virt_rtr_id"])
        until(lambda: sorted(set(_table(file, *farewell))) == leaving, PATIENCE_S, "the farewells are in the file")
    assert _tshark(file).returncode == 0
    return file


@pytest.mark.parametrize("vid", CHECKSUMS)
def test_every_field(capture: Path, vid: int) -> None:
    """Each advert, the farewell too, has version, VRID, interval, address, TTL, DSCP, addresses and length in order."""
    expected = {
        "eth.dst": "01:00:5e:00:00:12",
        "ip.src": OURS,
        "ip.dst": "224.0.0.18",
        "ip.ttl": "255",
        "ip.dsfield.dscp": "48",  # CS6
        "ip.dsfield.ecn": "0",
        "ip.len": "32",
        "ip.checksum.status": "1",  # good
        "vrrp.version": "3",
        "vrrp.type": "1",
        "vrrp.virt_rtr_id": str(vid),
        "vrrp.addr_count": "1",
        "vrrp.reserved_mbz": "0",
        "vrrp.short_adver_int": str(INTERVAL_MS // 10),  # centiseconds
        "vrrp.ip_addr": virtual_ip(vid),
    }
    rows = _table(capture, f"vrrp.virt_rtr_id == {vid}", list(expected))
    assert len(rows) >= 8
    assert set(rows) == {tuple(expected.values())}


@pytest.mark.parametrize("vid", CHECKSUMS)
def test_priorities(capture: Path, vid: int) -> None:
    """The good gateway's priority (150 among 170 to 254) is advertised to the end, and the last word is a 0."""
    *_, before, last = _table(capture, f"vrrp.virt_rtr_id == {vid}", ["vrrp.prio"])
    assert (before, last) == (("219",), ("0",))


def test_older_checksum_leaves_nothing_to_complain_of(capture: Path) -> None:
    """With `checksum: rfc5798` tshark finds neither anything malformed nor anything to remark on."""
    text = _tshark(capture, "-V", "-Y", "vrrp.virt_rtr_id == 1").stdout
    assert text.count("Virtual Router Redundancy Protocol") >= 8
    assert "Expert Info" not in text
    assert "Malformed" not in text
    assert {("1", "1")} == set(_table(capture, "vrrp.virt_rtr_id == 1", ["vrrp.virt_rtr_id", "vrrp.checksum.status"]))


def test_todays_checksum_is_all_there_is_to_complain_of(capture: Path) -> None:
    """With `checksum: rfc9568` tshark knows the older form alone, and says so; it has no other remark."""
    text = _tshark(capture, "-V", "-Y", "vrrp.virt_rtr_id == 2").stdout
    remarks = [line.strip() for line in text.splitlines() if "Expert Info" in line]
    assert text.count("Virtual Router Redundancy Protocol") >= 8
    assert [remark for remark in remarks if "Bad checksum" not in remark] == []
    assert "Malformed" not in text


@pytest.mark.parametrize("vid", CHECKSUMS)
def test_announcements(capture: Path, vid: int) -> None:
    """A new Master announces its address, and again a little later, by ARP requests that tshark calls gratuitous."""
    ours = _table(capture, "vrrp", ["eth.src"])[0]
    fields = ["eth.src", "eth.dst", "arp.opcode", "arp.src.hw_mac", "arp.src.proto_ipv4", "arp.dst.proto_ipv4"]
    address = virtual_ip(vid)
    rows = _table(capture, f"arp.isgratuitous == 1 && arp.src.proto_ipv4 == {address}", fields)
    assert len(rows) >= 2
    assert set(rows) == {(*ours, _EVERYBODY, "1", *ours, address, address)}
    assert "Expert Info" not in _tshark(capture, "-V", "-Y", "arp.isgratuitous == 1").stdout

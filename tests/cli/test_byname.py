"""Tests of host names in explanations."""

import json
import time
from argparse import Namespace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from linkbalancer.cli import byname
from linkbalancer.cli.main import main
from linkbalancer.daemon import namefile
from linkbalancer.routing.packet import Packet


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """Return a directory of what a daemon knows, and a rule file in it."""
    wall = time.clock_gettime(time.CLOCK_REALTIME)
    seen = {"192.0.2.7": {"seen": wall - 90, "ttl_s": 60.0}}
    document = {"schema": 1, "names": {"a.example": {"4": {"addresses": seen}, "6": {"addresses": {}}}}}
    (tmp_path / namefile.NAME).write_text(json.dumps(document))
    rules = "Set=@saas a.example 198.51.100.1\nApp=* @saas * * 443 tcp [1] name=saas\nApp=* * * * * * [2] name=rest\n"
    (tmp_path / "apps.conf").write_text(rules)
    return tmp_path


def explained(capsys: pytest.CaptureFixture[str], directory: Path, destination: str, *more: str) -> str:
    """Return what `explain` says of a packet to an address."""
    packet = ["--src", "10.0.0.1", "--dst", destination, "--proto", "tcp", "--dport", "443"]
    places = ["--run-dir", "/nonexistent", "--state-dir", str(directory)]
    assert main(["explain", "--rules", str(directory / "apps.conf"), *packet, *places, *more]) == 0
    return capsys.readouterr().out


def test_explain_says_by_which_name(capsys: pytest.CaptureFixture[str], known: Path) -> None:
    """And how old the answer is; by an address of the set, by another line, or without any answers there is no name."""
    by_name = explained(capsys, known, "192.0.2.7")
    assert "app      saas" in by_name
    assert "by name  a.example: 192.0.2.7 was answered 1 min 30 s ago (TTL 1 min 00 s)" in by_name
    for destination, application in (("198.51.100.1", "saas"), ("192.0.2.8", "rest")):
        said = explained(capsys, known, destination)
        assert f"app      {application}" in said
        assert "by name" not in said
    (known / namefile.NAME).unlink()
    assert "app      rest" in explained(capsys, known, "192.0.2.7")


def test_programs_are_told_as_well(capsys: pytest.CaptureFixture[str], known: Path) -> None:
    """The name, the address, its age and TTL; null where no name has to do with it."""
    found = json.loads(explained(capsys, known, "192.0.2.7", "--json"))["by_name"]
    assert (found["name"], found["address"], found["ttl_s"]) == ("a.example", "192.0.2.7", 60.0)
    assert 90 <= found["age_s"] < 200
    assert json.loads(explained(capsys, known, "192.0.2.8", "--json"))["by_name"] is None


def test_no_rule_no_name(known: Path) -> None:
    """A packet that nothing means."""
    args = Namespace(run_dir=known, state_dir=known)
    assert byname.matched(args, None, Packet(IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2"), 6)) is None

"""`linkbalancer notify`: who is told, how that goes, and a test of one, by the daemon or without."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.cli.main import main
from tests.cli.fakeapi import FakeApi
from tests.drivers.notices.servers import Web, web_server

QUIET: dict[str, Any] = {
    "way": "email",
    "waiting": 0,
    "delivered": 3,
    "failed": 0,
    "given_up": 0,
    "merged": 0,
    "dropped": 0,
    "last": {"at": "2026-11-22T04:00:00.000+00:00", "good": True, "text": "told of VID 1 master: 250 OK"},
}
BUSY = {**QUIET, "way": "fifo", "waiting": 2, "given_up": 1, "merged": 5, "dropped": 4, "last": None}
LISTING = """\
mail (email): 3 delivered; last: told of VID 1 master: 250 OK
pipe (fifo): 3 delivered, 5 merged, 4 dropped, 1 given up, 2 waiting
"""
CONFIG = """\
node: b1
role: controller
links: {l1: {device: eth1, local: 10.1.0.1, peer: 10.1.0.2, insecure: true}}
groups: {1: {device: eth0, link: l1, virtual_ips: [192.0.2.251/24]}}
applications: apps.conf
"""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FakeApi]:
    """Return an api that answers."""
    found = FakeApi(tmp_path, {"status": {"notifications": {"mail": QUIET, "pipe": BUSY}}})
    yield found
    found.close()


def said(capsys: pytest.CaptureFixture[str], directory: Path, *words: str) -> tuple[int, str, str]:
    """Run the command."""
    status = main(["notify", *words, "--run-dir", str(directory)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_how_each_goes(api: FakeApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line each; figures that are nothing are not shown."""
    assert said(capsys, tmp_path) == (
        0,
        LISTING,
        "",
    )
    assert json.loads(said(capsys, tmp_path, "--json")[1]) == api.answers["status"]
    api.answers["status"] = {}
    assert said(capsys, tmp_path)[1] == "nobody is told: there is no notification in the configuration\n"


def test_a_test_by_the_daemon(api: FakeApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which is asked for it as for every change; the exit status says how it ended."""
    api.answers["notify-test"] = {"good": True, "text": "250 OK", "took_ms": 12.3}
    assert said(capsys, tmp_path, "test", "mail") == (0, "mail was told: 250 OK (12 ms)\n", "")
    assert api.asked[-1] == ("control", {"api": 1, "verb": "notify-test", "name": "mail"})
    api.answers["notify-test"] = {"good": False, "text": "451 later", "took_ms": 12.3}
    assert said(capsys, tmp_path, "test", "mail")[:2] == (1, "mail was not told: 451 later (12 ms)\n")
    del api.answers["notify-test"]
    assert said(capsys, tmp_path, "test", "mail")[0] == 2


def test_a_test_without_a_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the file, before it is applied."""
    config = tmp_path / "linkbalancer.yaml"
    (tmp_path / "apps.conf").write_text("App=* * * * * * [1] name=all\n")
    with web_server(web := Web(statuses=[200, 500])) as port:
        config.write_text(CONFIG + f"notifications: {{w: {{webhook: 'http://127.0.0.1:{port}/'}}}}\n")
        assert said(capsys, tmp_path, "test", "w", "--direct", str(tmp_path))[0] == 0
        status, out, _err = said(capsys, tmp_path, "test", "w", "--direct", str(config))

    assert web.got[0]["text"] == "b1 tests this notification: nothing has happened"
    assert status == 1
    assert out.startswith("w was not told: 500 Internal Server Error: so it is (")
    status, _out, err = said(capsys, tmp_path, "test", "x", "--direct", str(config))
    assert (status, err) == (2, f"linkbalancer: {config}: there is no notification 'x'; there are: w\n")
    config.write_text(CONFIG)
    assert "there is none" in said(capsys, tmp_path, "test", "x", "--direct", str(config))[2]
    config.write_text("node: 3\n")
    assert "the key role is missing" in said(capsys, tmp_path, "test", "x", "--direct", str(config))[2]

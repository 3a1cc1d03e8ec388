"""The lines of our pipe beside those that a real Keepalived writes into its own."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from linkbalancer.config.topics import Topic
from linkbalancer.drivers.notices.fifo import keepalived_line
from linkbalancer.engine.news import News
from tests.daemon.waiting import until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

CONFIG = """\
global_defs {{
    router_id r
    vrrp_version 3
    vrrp_notify_fifo {0}/fifo
    script_user root
}}
vrrp_sync_group VG {{
    group {{
        VI_1
    }}
}}
vrrp_instance VI_1 {{
    state BACKUP
    interface eth0
    virtual_router_id 7
    priority 100
    advert_int 0.1
    virtual_ipaddress {{
        192.0.2.251/24
    }}
}}
"""


@contextmanager
def keepalived(directory: Path) -> Iterator[int]:
    """Have a Keepalived alone on a LAN; yields its pipe."""
    (directory / "keepalived.conf").write_text(CONFIG.format(directory))
    os.mkfifo(directory / "fifo")
    reading = os.open(directory / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    with Namespace("fifo") as node, Namespace("fifolan") as lan:
        node.connect("eth0", lan, "eth0")
        node("ip addr add 192.0.2.1/24 dev eth0")
        words = [
            "ip",
            "netns",
            "exec",
            node.name,
            "keepalived",
            "--dont-fork",
            "--vrrp",
            "--log-console",
            "--no-syslog",
        ]
        words += [f"--use-file={directory}/keepalived.conf"]
        words += [f"--{kind}={directory / kind}" for kind in ("pid", "vrrp_pid", "checkers_pid", "bfd_pid")]
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield reading
        finally:
            process.terminate()
            process.wait(20)
    os.close(reading)


def ours(subject: str, state: str, priority: int) -> str:
    """Return our line."""
    kind, topic = ("vid", Topic.GROUP) if subject.startswith("VID") else ("sync-group", Topic.SYNC_GROUP)
    fields: dict[str, str | int] = {"state": state, "priority": priority}
    return keepalived_line(
        News("agent", 1, 1, 1, kind, topic, subject, f"{state}: x", fields), "VI_1" if kind == "vid" else None
    )


def test_our_lines_are_keepalived_s(tmp_path: Path) -> None:
    """To the byte: the group, its sync group, and the end."""
    heard = bytearray()

    def has(line: str) -> bool:
        with suppress(BlockingIOError):
            heard.extend(os.read(reading, 65536))
        return line.encode() in heard

    with keepalived(tmp_path) as reading:
        until(lambda: has(ours("VID 7", "master", 100)), 20, f"{heard!r}")
        until(lambda: has(ours("VG", "master", 0)), 5)
        assert has(ours("VID 7", "backup", 100))
        assert has(ours("VG", "backup", 0))

"""The system log and the journal, with sockets that listen as theirs do."""

import re
import socket
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from linkbalancer.config.notifications import Syslog
from linkbalancer.drivers.notices import journal, syslog
from linkbalancer.drivers.notices.outcome import Outcome

STAMP = "2026-11-22T04:00:00.000+00:00"


def told(to: Syslog, here: str = "/nowhere", *, grave: bool = False) -> Outcome:
    """Tell a line."""
    return syslog.tell(to, "link l1 closed", grave=grave, stamp=STAMP, node="b1", topic="link", here=here)


def test_this_hosts_log(tmp_path: Path) -> None:
    """As programs write to it."""
    path = str(tmp_path / "log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        assert told(Syslog(), path).good
        line = sock.recv(4096).decode()

    assert re.fullmatch(r"<29>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} linkbalancer: link l1 closed", line)
    assert told(Syslog(), path + "x").text == f"{path}x: No such file or directory"


def test_another_hosts_log() -> None:
    """RFC 5424 by UDP; what is grave has the severity of a warning."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        to = Syslog(server=IPv4Address("127.0.0.1"), port=sock.getsockname()[1], facility="local3")
        assert told(to, grave=True).good
        line = sock.recv(4096)

    assert line == f"<156>1 {STAMP} b1 linkbalancer - link - \ufefflink l1 closed".encode()


def test_the_journal(tmp_path: Path) -> None:
    """Field by field; a value of several lines with its length."""
    document: dict[str, Any] = {"text": "a\nb", "grave": True, "topic": "link", "group": None, "fields": {"link": "l1"}}
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        assert journal.tell(document, path).good
        entry = sock.recv(4096)

    assert entry == (
        b"MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\nPRIORITY=4\nSYSLOG_IDENTIFIER=linkbalancer\nLINKBALANCER_GRAVE=yes\n"
        b'LINKBALANCER_TOPIC=link\nLINKBALANCER_GROUP=\nLINKBALANCER_FIELDS={"link": "l1"}\n'
    )
    assert journal.tell(document, path + "x").text == f"{path}x: No such file or directory"

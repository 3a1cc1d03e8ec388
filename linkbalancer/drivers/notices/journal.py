"""The journal of systemd, field by field (its native protocol): `journalctl LINKBALANCER_TOPIC=group` finds them."""

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

from linkbalancer.drivers.notices.outcome import Outcome

SOCKET = "/run/systemd/journal/socket"
"""Where it listens."""

_WARNING, _NOTICE = "4", "5"


def tell(document: Mapping[str, Any], path: str = SOCKET) -> Outcome:
    """Send one entry: what it says, and everything that is known of it."""
    entry = {
        "MESSAGE": document["text"],
        "PRIORITY": _WARNING if document["grave"] else _NOTICE,
        "SYSLOG_IDENTIFIER": "linkbalancer",
        **{f"LINKBALANCER_{key.upper()}": as_text(value) for key, value in document.items() if key != "text"},
    }
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0)
            sock.sendto(b"".join(_field(key, value) for key, value in entry.items()), path)
    except OSError as error:
        return Outcome(good=False, text=f"{path}: {error.strerror or error}")
    return Outcome(good=True, text="sent")


def as_text(value: object) -> str:
    """Return a value of a document as one line, empty where there is none."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str() | int():
            return str(value)
        case _:
            return json.dumps(value)


def _field(key: str, value: str) -> bytes:
    """Write a field; with its length before it where it has several lines."""
    data = value.encode(errors="replace")
    if b"\n" in data:
        return key.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"
    return key.encode() + b"=" + data + b"\n"

"""What the recorder is told by the other processes."""

import json

from linkbalancer.daemon.recording import understood

RECORD = {"number": 7, "at": 1, "kind": "vid", "subject": "VID 1", "text": "master: claimed", "cause": 6}
HEAD = {"teller": "agent", "session": 1, "dropped": 2}
SEEDS = [
    b"\n".join(json.dumps(line).encode() for line in (HEAD, RECORD, {**RECORD, "fields": {"vid": 1}, "cause": None}))
]


def take(data: bytes) -> None:
    """Read it; what is no record is left out."""
    for told in understood(data):
        assert isinstance(told.number, int)

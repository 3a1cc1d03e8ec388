"""What a predecessor left: a file of JSON, read by an agent that starts."""

import contextlib
import json

from linkbalancer.engine.snapshot import read
from tests.engine.bench import Bench
from tests.engine.hears import Ear


def _taken() -> bytes:
    bench = Bench()
    bench.start()
    bench.wait(3000)
    return json.dumps(bench.agent.snapshot(bench.now, live=True)).encode()


SEEDS = [_taken(), b'{"schema": 2, "links": {}, "masters": {}, "members": {}}']


def take(data: bytes) -> None:
    """Read it; one that nobody wrote is none, and stops no start."""
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(data)
        if isinstance(found, dict):
            left = read(found)
            Ear().hearing.recall(left.vrrp)

"""What a predecessor left: a file of JSON, from which a whole agent goes on."""

import contextlib
import json

from linkbalancer.engine.events import Weighed
from linkbalancer.engine.found import Found
from linkbalancer.links import GroupId
from tests.engine.bench import Bench


def _taken(*, live: bool) -> bytes:
    bench = Bench()
    bench.start()
    bench.hear(2, 200)
    bench.do(Weighed("l1", ((GroupId(1), 120, 37.5),)))
    bench.wait(3000)
    return json.dumps(bench.agent.snapshot(bench.now, live=live)).encode()


SEEDS = [_taken(live=True), _taken(live=False), b'{"schema": 2, "links": {}, "masters": {}, "members": {}}']


def take(data: bytes) -> None:
    """Start from it, as after a sudden death and as from a living predecessor, and let some time pass."""
    with contextlib.suppress(ValueError, RecursionError):
        snapshot = json.loads(data)
        if isinstance(snapshot, dict):
            for live in (False, True):
                bench = Bench(found=Found(snapshot=snapshot, live=live), now=1004 * 10**9)
                bench.start()
                bench.wait(300)

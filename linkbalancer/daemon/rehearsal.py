"""Telling a receiver that this is a test, without a daemon: by a configuration's file, in this process."""

from typing import Any

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.daemon.courier import Courier
from linkbalancer.daemon.judge import judge
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.notifier import receivers, test_news
from linkbalancer.daemon.texts import Texts
from linkbalancer.daemon.zygote import RefusedError
from linkbalancer.drivers.notices.outcome import Outcome


def rehearse(path: str, name: str) -> dict[str, Any]:
    """Tell the receiver of that name in the configuration at a path; return how that ended.

    Raises:
        RefusedError: the configuration is refused, with a line for each error, or has no such notification.
    """
    texts = Texts()
    known = receivers(judge(path, texts).loaded, texts.read)
    if name not in known:
        there = f"there are: {', '.join(known)}" if known else "there is none"
        raise RefusedError(f"{path}: there is no notification {name!r}; {there}")
    loop, ended = Loop(), list[dict[str, Any]]()

    def end(_now: Instant, outcome: Outcome, took: Duration) -> None:
        ended.append({"good": outcome.good, "text": outcome.text, "took_ms": took / MILLISECOND})

    courier = Courier(loop, known[name], end)
    now = loop.clock()
    courier.tell(now, test_news(known[name].node, now))
    while not ended:
        loop.turn()
    courier.close()
    return ended[0]

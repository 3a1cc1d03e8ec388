"""The states of the controller's queries, found by sending, answering and waiting in every state."""

import copy
import random
from collections import Counter
from collections.abc import Callable

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.links import Role
from linkbalancer.lvrrp.detection import Detection
from linkbalancer.lvrrp.probing import Probing, misses_needed, patience
from tests.lvrrp.pair import settings

LOSSES = (0, 1, 5, 10, 20, 30, 50, 80)
"""Percent of each way."""

RTTS = (2, 50, 300)
"""Milliseconds."""


class Asker:
    """A controller's queries, and the instant."""

    def __init__(self) -> None:
        self.now = SECOND
        self.probing = Probing(settings(Role.CONTROLLER), random.Random(1), Counter())

    @property
    def state(self) -> str:
        """What a person would call the state."""
        outstanding = self.probing._outstanding
        if not outstanding:
            return "answered"
        exhausted_at = self.probing.exhausted_at(None)
        if exhausted_at is not None and self.now >= exhausted_at:
            return "exhausted"
        return "missed" if self.now >= outstanding[0] + patience(None) else "asked"

    def send(self) -> None:
        """Wait until the next query is due, and send it: at its drawn time, or because another one is missed."""
        self.now = max(self.now, self.probing.due(None, fast=True) or 0)
        self.probing.sent(self.now, fast=True)

    def answer(self) -> None:
        """The answer to the latest query comes in time for all of them."""
        self.probing.answered(self.now)

    def forget(self) -> None:
        """A new pair is confirmed, the link closes, or carrier is lost."""
        self.probing.forget()


def happenings(asker: Asker) -> list[tuple[str, Callable[[Asker], None]]]:
    """Return what can happen next."""
    if asker.state == "answered":
        return [("query, at its drawn time", Asker.send)]
    return [
        ("answer", Asker.answer),
        ("new pair, closing, carrier lost", Asker.forget),
        ("missed, so repeated", Asker.send),
    ]


def draw() -> list[str]:
    """Return the diagram of the queries of an open link."""
    first = Asker()
    waiting, known, lines = [first], {(first.state, 0)}, {"[*] --> answered"}
    while waiting:
        asker = waiting.pop()
        for name, happen in happenings(asker):
            after = copy.deepcopy(asker)
            happen(after)
            place = (after.state, min(after.probing.unanswered, after.probing.needed))
            if after.state != asker.state:
                lines.add(f"{asker.state} --> {after.state}: {_named(name, after.state)}")
            if place not in known:
                known.add(place)
                waiting.append(after)
    return ["```mermaid", "stateDiagram-v2", *(f"    {line}" for line in sorted(lines)), "```"]


def _named(name: str, state: str) -> str:
    return "k of them missed" if state == "exhausted" else name


def losses() -> list[str]:
    """Return k for several losses, and the detect time that the controller states at the default settings."""
    lines = [
        "| loss each way | q | k | " + " | ".join(f"detect time stated at RTT {rtt} ms" for rtt in RTTS) + " |",
        "|---|---|---|" + "---|" * len(RTTS),
    ]
    for percent in LOSSES:
        q = 10**12 - (100 - percent) ** 2 * 10**8
        probing = Probing(settings(Role.CONTROLLER), random.Random(1), Counter())
        probing.needed = misses_needed(q, 3)
        stated = [f"{probing.silence(rtt * MILLISECOND) / MILLISECOND:g} ms" for rtt in RTTS]
        lines.append(f"| {percent} % | {q / 10**12:.4g} | {probing.needed} | {' | '.join(stated)} |")
    return lines


def waits() -> list[str]:
    """Return the wait before a reopening for each penalty, at the default settings."""
    lines = ["| penalty | wait before a reopening |", "|---|---|"]
    for penalty in range(6):
        detection = Detection(600 * MILLISECOND, 600 * MILLISECOND, 0)
        detection.penalty = penalty
        lines.append(f"| {penalty} | {detection._wait // MILLISECOND} ms |")
    return lines

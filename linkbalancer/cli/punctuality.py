"""How punctual the agent is, as `status --verbose` shows it: by what, and how late its timers were."""

from collections.abc import Mapping
from typing import Any

from linkbalancer.clock import MICROSECOND, in_words

WIDTH = 40
"""Characters of the longest bar."""


def draw(daemon: Mapping[str, Any]) -> list[str]:
    """Return lines on a status's part `daemon`."""
    first = "runs before ordinary programs" if daemon.get("real_time") else "takes its turn as every program does"
    why = daemon.get("memory_why")
    memory = f"memory may be swapped out ({why})" if why else "memory stays"
    collected = daemon.get("collections", {"count": 0, "worst_us": 0})
    garbage = f"garbage: {collected['count']} times, {in_words(collected['worst_us'] * MICROSECOND)} at most"
    return [f"agent: {first}; {memory}; {garbage}", *histogram(daemon.get("timer_lateness", {}))]


def histogram(lateness: Mapping[str, int]) -> list[str]:
    """Return the lateness of timers, a line for each power of two in use; nothing where none was judged yet."""
    buckets = [(int(key[1:-2]), count) for key, count in lateness.items() if key.startswith("<")]
    total = sum(count for _, count in buckets)
    if not total:
        return []
    most = max(count for _, count in buckets)
    worst = in_words(lateness.get("worst_us", 0) * MICROSECOND)
    lines = [f"timers: {total} judged, {worst} late at worst"]
    for bound, count in sorted(buckets):
        bar = "#" * max(1, count * WIDTH // most)
        lines.append(f"  < {in_words(bound * MICROSECOND):>8}  {count / total:7.2%}  {bar}")
    return lines

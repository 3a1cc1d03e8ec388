"""VIDs that are spread evenly: every link of use masters as many of them as any other, give or take one."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from linkbalancer.config.model import Config
from linkbalancer.links import GroupId, LinkName, Vid
from linkbalancer.weights.spread import Spread
from linkbalancer.weights.view import USELESS


def spreads_evenly(config: Config, link: LinkName, vids: Iterable[Vid]) -> bool:
    """Whether the controller of a link spreads all of these VIDs evenly."""
    weighed = config.weights(link).groups
    ids = map(GroupId, vids)
    return all(id_ in weighed and weighed[id_].spread is Spread.EVEN for id_ in ids)


def of_no_use(statuses: Iterable[Mapping[str, Any] | None]) -> frozenset[LinkName]:
    """Return the links that a controller weighs as of no use, or suppresses for flapping: they may master nothing."""
    return frozenset(
        name
        for status in statuses
        if status is not None
        for name, link in status["links"].items()
        if any(map(_useless, link.get("weights", ())))
    )


def _useless(weight: Mapping[str, Any]) -> bool:
    settled = weight["settled"]
    return weight["suppressed_for_ms"] is not None or (settled is not None and settled < USELESS)


def uneven(mastering: Iterable[LinkName | None], links: Collection[LinkName]) -> str | None:
    """Say how many VIDs each of these links masters, where that is not even; None where it is.

    `mastering` names the link of every VID.
    """
    counted = Counter(mastering)
    numbers = [counted[link] for link in links]
    if not numbers or max(numbers) - min(numbers) <= 1:
        return None
    words = ", ".join(f"{counted[link]} on {link}" for link in links)
    return f"the VIDs are spread unevenly: {words}"

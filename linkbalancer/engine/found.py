"""What a starting agent finds: the kernel state that is ours, and what its predecessor wrote down (design 6, adopt)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from linkbalancer.links import DeviceName, Interface, NextHop, Vid


@dataclass(frozen=True, slots=True)
class Found:
    """Virtual IPs by device, next hops by VID, and the last snapshot, None when there is none of this boot.

    `live`: the predecessor itself has just handed the snapshot over, so it is exact.
    """

    addresses: frozenset[tuple[DeviceName, Interface]] = frozenset()
    next_hops: Mapping[Vid, NextHop] = field(default_factory=dict)
    snapshot: Mapping[str, Any] | None = None
    live: bool = False

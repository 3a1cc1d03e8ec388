"""Weight to priority: a monotone function into the range that the far end may be told (mission L6, design 4.5)."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final, Protocol

from linkbalancer.weights.view import BEST, LEAST, within

LOWEST: Final = 2
HIGHEST: Final = 254
"""1 stands for a dead link, 255 for an owner of addresses: neither is told (design 4.4)."""


class PriorityMapping(Protocol):
    """A better weight never has a lower priority, and every priority is within 2..254."""

    def priority(self, weight: float) -> int:
        """Return the priority of a weight."""


@dataclass(frozen=True, slots=True)
class _Range:
    """The priorities of the weights 0 and 100."""

    least: int = LOWEST
    most: int = HIGHEST

    def __post_init__(self) -> None:
        if not LOWEST <= self.least <= self.most <= HIGHEST:
            raise ValueError(f"priorities from {self.least} to {self.most} are not within {LOWEST} to {HIGHEST}")


@dataclass(frozen=True, slots=True)
class Linear(_Range):
    """As far along the priorities as the weight is along 0..100."""

    def priority(self, weight: float) -> int:
        """Return the priority of a weight."""
        return self.least + int((self.most - self.least) * within(weight) / BEST)


@dataclass(frozen=True, slots=True)
class Logarithmic(_Range):
    """Equal ratios of weights are about equal distances: 1 and 2 are as far apart as 50 and 100 nearly."""

    def priority(self, weight: float) -> int:
        """Return the priority of a weight."""
        along = math.log1p(within(weight)) / math.log1p(BEST)
        return self.least + min(int((self.most - self.least) * along), self.most - self.least)


@dataclass(frozen=True, slots=True)
class Steps:
    """From each weight on the priority beside it; the first weight is 0."""

    steps: tuple[tuple[float, int], ...]

    def __post_init__(self) -> None:
        weights, priorities = [weight for weight, _ in self.steps], [priority for _, priority in self.steps]
        if not weights or weights[0] != LEAST:
            raise ValueError("the first step must begin at weight 0")
        if weights != sorted(set(weights)) or weights[-1] > BEST:
            raise ValueError("the weights of steps must rise, up to 100")
        if priorities != sorted(priorities):
            raise ValueError("a better weight must not have a lower priority")
        if not LOWEST <= priorities[0] <= priorities[-1] <= HIGHEST:
            raise ValueError(f"the priorities of steps must be within {LOWEST} to {HIGHEST}")

    def priority(self, weight: float) -> int:
        """Return the priority of a weight."""
        at = bisect_right(self.steps, within(weight), key=lambda step: step[0])
        return self.steps[at - 1][1]

"""How long both sides take to agree after whatever disturbs them, and how often a VID changes gateways meanwhile.

A *disturbance* is the switching on of the network, and every beginning or end of a fault. Its convergence is the time
from it to the instant from which every VID that has a whole link has one Master a side, at the two ends of one link,
and keeps it until the next disturbance.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from linkbalancer.clock import Duration, Instant
from linkbalancer.links import LinkName, Vid
from linkbalancer.sim.wire import FAR, NEAR, SIDES

Found: TypeAlias = Mapping[tuple[str, Vid], tuple[LinkName, ...]]
"""The links behind the Masters of each VID on each side that are at work on their LAN."""
Usable: TypeAlias = Mapping[Vid, set[LinkName]]
"""The links that can carry each VID now."""


@dataclass(slots=True)
class Course:
    """What a history amounts to.

    Attributes:
        took: The convergence of each disturbance that broke the agreement, in order.
        untouched: Disturbances that broke nothing.
        overtaken: Disturbances whose convergence was not waited for by the next one, or that begin or end in loss by
            chance, which has no end that could be measured from.
        switches: How often a VID's Master of one side was succeeded by another gateway.
        crossings: How often both sides left two different links for two others without meeting on one in between, and
            were as far apart as before, while a link could carry the VID.
    """

    took: list[Duration] = field(default_factory=list)
    untouched: int = 0
    overtaken: int = 0
    switches: int = 0
    crossings: int = 0


@dataclass(frozen=True, slots=True)
class Crossing:
    """Both sides of a VID have moved, each to another link than the other.

    Attributes:
        came: The links that the near and the far side came from.
        went: Those that they are on now.
        late: How long before the crossing the far side had left the link that the near side is on now; None if it was
            not there since this was last looked at anew.
    """

    at: Instant
    vid: Vid
    came: tuple[LinkName, LinkName]
    went: tuple[LinkName, LinkName]
    late: Duration | None


class Convergence:
    """Watches who is Master.

    `agreed` tells whether both sides agree now, `agreed_since` since when; `paths` has the links of a VID's Masters on
    one side, one after the other, since they were last begun; `crossings` has those that nobody has taken yet.
    """

    def __init__(self) -> None:
        self.course = Course()
        self.agreed = False
        self.agreed_since: Instant = 0
        self._disturbed_at: Instant | None = None
        self._noisy = False
        self._broken = False
        self._last: dict[tuple[str, Vid], LinkName] = {}
        self._crossed: dict[Vid, tuple[LinkName, LinkName]] = {}
        self._left: dict[tuple[Vid, LinkName], Instant] = {}
        self.crossings: list[Crossing] = []
        self.paths: dict[tuple[str, Vid], list[LinkName]] = {}

    def disturb(self, now: Instant, *, noisy: bool) -> None:
        """Begin to measure anew; `noisy`: chance alone may make something move from now on."""
        if now != self._disturbed_at:  # what happens in one instant is one disturbance
            self.close()
            self._disturbed_at, self._broken = now, False
            self._crossed.clear()  # what a fault moves is no crossing
        self._noisy = noisy

    def close(self) -> None:
        """Take in how the last disturbance ended: there is no more, or another one comes."""
        if self._disturbed_at is None:
            return
        if self._noisy or not self.agreed:
            self.course.overtaken += 1
        elif self._broken:
            self.course.took.append(self.agreed_since - self._disturbed_at)
        else:
            self.course.untouched += 1

    def look(self, now: Instant, found: Found, usable: Usable) -> None:
        """Take in who is Master where; call it whenever this may have changed."""
        agreed = True
        for vid, links in usable.items():
            near, far = found[NEAR, vid], found[FAR, vid]
            agreed = agreed and (not links or (len(near) == 1 and near == far and near[0] in links))
            for side in SIDES:
                self._succeed(now, side, vid, found[side, vid])
            if not links:
                self._crossed.pop(vid, None)  # they cannot meet
            elif len(near) == len(far) == 1:
                self._pair(now, vid, (near[0], far[0]))
        if not agreed:
            self._broken = True
        elif not self.agreed:
            self.agreed_since = now
        self.agreed = agreed

    def _succeed(self, now: Instant, side: str, vid: Vid, masters: tuple[LinkName, ...]) -> None:
        if len(masters) != 1:
            return
        before, self._last[side, vid] = self._last.get((side, vid)), masters[0]
        self.course.switches += before not in {None, masters[0]}
        if side == FAR and before is not None and before != masters[0]:
            self._left[vid, before] = now
        if before != masters[0]:
            self.paths.setdefault((side, vid), []).append(masters[0])

    def begin_paths(self) -> None:
        """Begin the paths anew, from where the VIDs are."""
        self.paths = {key: [link] for key, link in self._last.items()}

    def _pair(self, now: Instant, vid: Vid, went: tuple[LinkName, LinkName]) -> None:
        if went[0] == went[1]:
            self._crossed.pop(vid, None)
            return
        came = self._crossed.get(vid)
        if came is None:
            self._crossed[vid] = went
        elif came[0] != went[0] and came[1] != went[1]:
            self._crossed[vid] = went
            self.course.crossings += 1
            left = self._left.get((vid, went[0]))
            self.crossings.append(Crossing(now, vid, came, went, None if left is None else now - left))

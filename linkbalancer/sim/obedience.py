"""The judge of weights: VIDs are where the weights of their links say, and no weight moves one without need.

All the time: a weight in force changes by the hysteresis or more, after its hold time, to what the link was worth of
late; and what is wanted of the far end is what the weight in force comes to, and nothing else. At rest
(`Obedience.disobedience`): what is in force is what the links are worth now, give or take less than the hysteresis,
both ends know it, and the Master of each VID has the best priority of all links that could carry it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Final

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND, Duration, Instant
from linkbalancer.links import GroupId, LinkName, Vid
from linkbalancer.lvrrp.settings import CEILING_INTERVALS, ProbeFunction
from linkbalancer.sim.agreement import ends, masters, usable
from linkbalancer.sim.judges import Objection
from linkbalancer.sim.measuring import EVERY
from linkbalancer.sim.node import Node
from linkbalancer.sim.shape import Shape, number_of
from linkbalancer.sim.weather import Seasons
from linkbalancer.sim.weighing import BEST, BY_RTT, DAMPED, LOSS_MAX, SMOOTHING, TURNS_MAX, Figures, Recipe
from linkbalancer.sim.wire import FAR
from linkbalancer.sim.world import World
from linkbalancer.weights.metrics import Metrics

LOOK_EVERY: Final[Duration] = 100 * MILLISECOND
FILTER_ROUNDS: Final = 72
"""After so many proofs a round-trip time that is followed by eighths is what it is, whatever it seemed before."""
SLACK: Final[Duration] = 300 * MICROSECOND
"""How far a round trip by LVrrp's stamps may be from twice the way of a datagram: its jitter, and clocks that drift."""
ROUNDING: Final = 1e-6
SMOOTHING_ROUNDS: Final = 8
"""After so many time constants a rate is what it is."""
BLUR: Final = 0.2e6
"""So many bits a second a rate may still be away from what it is at rest, and as much of the loss that is worth 0."""


@dataclass(frozen=True, slots=True)
class Weight:
    """What a near gateway has in force for a VID: a weight, since when by its own clock, and how often it turned."""

    weight: float
    since: Instant
    turns: int


def longest_pause(shape: Shape) -> Duration:
    """Return how long nothing may be asked of a link."""
    slow = CEILING_INTERVALS if shape.function is ProbeFunction.ADAPTIVE else 1
    return slow * shape.probe_ms[1] * MILLISECOND


def believed_within(shape: Shape, recipe: Recipe, *, laden: bool = False) -> Duration:
    """Return after which time what is reckoned of a link is what it is worth.

    Both hosts measure it, each end tells the other with its next datagram, and hosts measure again; a round-trip time
    is believed by and by.
    """
    told = 2 * (EVERY + longest_pause(shape))
    if laden:
        told += SMOOTHING_ROUNDS * SMOOTHING
    return max(told, FILTER_ROUNDS * longest_pause(shape)) if recipe.function in BY_RTT else told


class Obedience:
    """Looks at what near gateways have in force, again and again."""

    def __init__(self, world: World, seasons: Seasons) -> None:
        self._world, self._seasons, self._recipe = world, seasons, seasons.weather.recipe
        self._seen: dict[tuple[LinkName, Vid], tuple[object, Weight]] = {}
        self._changes: Counter[tuple[LinkName, Vid]] = Counter()
        self._stirred: Instant = 0
        self.laden = seasons.weather.loads is not None
        world.agenda.after(LOOK_EVERY, self._again)

    @property
    def trembles(self) -> bool:
        """Whether weights follow what LVrrp measures by itself, which is a little another one each time."""
        return self.laden or self._recipe.function in BY_RTT

    def limit(self) -> Duration:
        """Return within which time everything must be as the weights say, where links are open and nothing changes.

        What links are worth is believed; a weight in force may have to wait, come to what was believed by half, and
        wait again, for twice as long where that was a turn; then VIDs find their places one after another.
        """
        recipe, shape = self._recipe, self._world.shape
        longest = max((self._hold(vid, one) for (_, vid), (_, one) in self._seen.items()), default=recipe.hold(0))
        damped = DAMPED if recipe.damping else 0
        rounds = 1 if recipe.spread == "none" else shape.vids
        believed = believed_within(shape, recipe, laden=self.laden)
        if self.laden:  # all turns that there may be, each to what is believed by then
            turning = sum((recipe.hold(shape.vids - 1) << turns) + believed for turns in range(TURNS_MAX + 1))
            return believed + turning + damped + rounds * 6 * shape.advert_ms * MILLISECOND
        return believed + 3 * longest + damped + rounds * 6 * shape.advert_ms * MILLISECOND

    def disobedience(self) -> Iterator[str]:
        """Yield each sentence on what is not as the weights say."""
        carrying = {vid: usable(self._world, vid) for vid in range(1, self._world.shape.vids + 1)}
        late = self._unmeasured(set[LinkName]().union(*carrying.values())) if self.laden else []
        yield from late
        for vid, some in () if late else carrying.items():
            links = sorted(some, key=number_of)
            told = [sentence for link in links for sentence in self._told_wrongly(link, vid)]
            yield from told or self._placed_wrongly(links, vid)

    # -- all the time --------------------------------------------------------------------------------------------------

    def _again(self) -> None:
        self._world.agenda.after(LOOK_EVERY, self._again)
        for link in self._world.shape.link_names:
            self._look(link)

    def _look(self, link: LinkName) -> None:
        near, _ = ends(self._world, link)
        if near.agent is None or not near.working or near.stalled:
            return
        weighed = near.agent.snapshot(near.clock)["weights"].get(link)
        if weighed is None:
            return
        wants = near.agent.links[link].wants()
        for name, known in weighed["groups"].items():
            vid = GroupId.read(name).vid
            if known["settled"] is None:
                continue
            weight, since, _, turns = known["settled"]
            one = Weight(weight, since, turns)
            agent, before = self._seen.get((link, vid), (None, one))
            if agent is near.agent and one != before:
                self._judge_change(link, vid, before, one)
            self._seen[link, vid] = near.agent, one
            self._judge_want(near, vid, weighed, wants.get(name))

    def _judge_change(self, link: LinkName, vid: Vid, before: Weight, after: Weight) -> None:
        what = f"{link} weighed {before.weight:.3f} for VID {vid}, and now {after.weight:.3f}"
        failed = after.weight < 1 <= before.weight
        stood, hold = after.since - before.since, self._hold(vid, before)
        least = self._recipe.least(self._recipe.turns(vid - 1, before.turns, stood))
        end = after.weight in {0, 100} and least == self._recipe.hysteresis
        # A change is one turn at most: with two more, the weight rose and failed between two looks.
        unseen = after.weight < 1 and after.turns > before.turns + 1
        if not (failed or unseen or end or abs(after.weight - before.weight) >= least - ROUNDING):
            raise Objection(f"{what}: less than the hysteresis, {least}")
        if not failed and stood < hold:
            raise Objection(f"{what}: after {stood / SECOND:.3f} s, and not {hold / SECOND:.3f} s")
        least, most = self._worth_of_late(link)
        if not least - ROUNDING <= after.weight <= most + ROUNDING:
            raise Objection(f"{what}: of late it was worth {least:.3f} to {most:.3f}")
        if self._changed(link, vid) > self._recipe.changes_max:
            raise Objection(f"{what}: more than {self._recipe.changes_max} changes while nothing else did")

    def _changed(self, link: LinkName, vid: Vid) -> int:
        """Return how often a weight changed by now since anything was broken, mended or drawn anew."""
        stirred = max(self._world.disturbed_at, self._seasons.turned_at)
        if stirred != self._stirred:
            self._stirred = stirred
            self._changes.clear()
        self._changes[link, vid] += 1
        return self._changes[link, vid]

    def _hold(self, vid: Vid, one: Weight) -> Duration:
        """Return for how long a weight stands; the first link alone has another place for a VID, and that is later."""
        return self._recipe.hold(vid - 1) << one.turns

    def _worth_of_late(self, link: LinkName) -> tuple[float, float]:
        """Return the least and the most that a link can have been worth since what is reckoned by now was measured."""
        world, recipe = self._world, self._recipe
        window = believed_within(world.shape, recipe, laden=self.laden)
        if world.standing or world.now - world.disturbed_at < window:
            if (
                self.laden or recipe.function in BY_RTT
            ):  # who stands still sees long round trips, who slept sees short ones
                return 0.0, 100.0
            window += 5 * SECOND  # what was told meanwhile waited
        late = self._seasons.since(link, world.now - window - LOOK_EVERY)
        worst, best = reduce(Figures.worse, late), reduce(Figures.better, late)
        blur = 2 * BLUR if self.laden else 0.0
        worst, best = worst.longer(SLACK).busier(blur), best.longer(-SLACK).busier(-blur)
        # An expression may make more of a great loss than of a full link: each may have come with the other's loss.
        return (
            min(recipe.weight(replace(worst, loss=one.loss), mastered=False, masters=0) for one in (worst, best)),
            max(recipe.weight(replace(best, loss=one.loss), mastered=True, masters=1) for one in (worst, best)),
        )

    def _judge_want(self, near: Node, vid: Vid, weighed: Mapping[str, Any], want: Mapping[str, Any] | None) -> None:
        known = weighed["groups"][str(GroupId(vid))]
        until = known["flaps"][2]
        if until is not None and abs(until - near.clock) < MILLISECOND:
            return  # it is over in this instant, and perhaps not judged yet
        weight = known["settled"][0]
        before = sum(GroupId.read(name).vid < vid for name in weighed["masters"])
        suppressed = until is not None and near.clock < until
        expected = self._recipe.priority(0 if suppressed else self._recipe.share(weight, before))
        if want is None or want["priority"] != expected:
            said = None if want is None else want["priority"]
            raise Objection(f"{near.name} wants priority {said} for VID {vid}, {weight:.3f} comes to {expected}")

    # -- at rest -------------------------------------------------------------------------------------------------------

    def _unmeasured(self, links: Iterable[LinkName]) -> list[str]:
        """Return what hosts do not say yet of links: rates are believed by and by."""
        late = []
        for link in sorted(links, key=number_of):
            figures = self._seasons.figures[link]
            for node, lanes in zip(ends(self._world, link), (figures.lanes, figures.lanes[::-1]), strict=True):
                said = None if node.agent is None else node.agent.known.measured.get(link)
                if said is None or not _is_near(said.metrics, lanes, figures.loss):
                    late.append(f"{node.name} has not measured yet what {link} carries: {figures}")
        return late

    def _told_wrongly(self, link: LinkName, vid: Vid) -> Iterator[str]:
        """Yield what is not in force that should be."""
        near, far = ends(self._world, link)
        if near.agent is None or far.agent is None:
            return
        known = near.agent.snapshot(near.clock)["weights"][link]["groups"][str(GroupId(vid))]
        if known["settled"] is None:
            yield f"{near.name}: VID {vid} has no weight yet"
            return
        (weight, since, _, turns), until = known["settled"], known["flaps"][2]
        least, most = self._worth(link, vid)
        turns = self._recipe.turns(vid - 1, turns, near.clock - since)
        reach = self._recipe.least(turns) + ROUNDING
        # The best and the least that there is are reached if nothing turned, and what fails is believed at once.
        end = least == most and least in {0, 100} and weight != least and not turns
        if weight - most >= reach or least - weight >= reach or end or most < 1 <= weight:
            yield f"{near.name}: VID {vid} weighs {weight:.3f}, and is worth {least:.3f} to {most:.3f}"
        if until is not None and near.clock < until:
            yield f"{near.name}: {link} is suppressed"
            return
        wanted = self._recipe.priority(self._recipe.share(weight, self._before(link, vid)))
        obeyed = far.agent.links[link].adjusted(GroupId(vid))
        if obeyed != wanted:
            yield f"{far.name}: VID {vid} has priority {obeyed}, and should have {wanted}"

    def _placed_wrongly(self, links: list[LinkName], vid: Vid) -> Iterator[str]:
        """Yield where a VID is not whose link is as good as any."""
        priorities = {}
        for link in links:
            _, far = ends(self._world, link)
            assert far.agent is not None, "a link that is of use has gateways at both ends"
            priorities[link] = far.agent.links[link].adjusted(GroupId(vid)) or 0
        for side_masters in (masters(self._world, side, vid) for side in ("near", FAR)):
            for node in side_masters:
                if priorities and priorities.get(node.link, 0) < max(priorities.values()):
                    yield f"VID {vid} is at {node.name}, and the weights say {priorities}"

    def _worth(self, link: LinkName, vid: Vid) -> tuple[float, float]:
        """Return the least and the most that a link is worth for a VID now."""
        there = self._mastered(link)
        slack = SLACK if self._recipe.function in BY_RTT else 0
        blur = 2 * BLUR if self.laden else 0.0
        figures = self._seasons.figures[link]
        least, most = (
            self._recipe.weight(
                figures.longer(way * slack).busier(way * blur), mastered=vid in there, masters=len(there)
            )
            for way in (1, -1)
        )
        return least, most

    def _before(self, link: LinkName, vid: Vid) -> int:
        return sum(other < vid for other in self._mastered(link))

    def _mastered(self, link: LinkName) -> set[Vid]:
        vids = range(1, self._world.shape.vids + 1)
        return {vid for vid in vids if any(node.link == link for node in masters(self._world, FAR, vid))}


def _is_near(said: Metrics, lanes: Iterable[tuple[float, float]], loss: float) -> bool:
    """Tell whether a host says what is so, give or take `BLUR`."""
    rates = zip((said.outward.rate, said.inward.rate), (rate for rate, _ in lanes), strict=True)
    told = all(rate is not None and abs(rate - real) <= BLUR for rate, real in rates)
    return told and said.loss is not None and abs(said.loss - loss) <= BLUR / BEST * LOSS_MAX

"""The judges of how a network settles: how soon both sides meet, and with how few switches (docs/simulation.md).

What chance does has no bound: they look away from loss, and from what began in it, until everything has come to rest.
"""

from collections import Counter
from collections.abc import Iterator

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.links import GroupId, GroupState, LinkName, NodeName, Vid
from linkbalancer.lvrrp.session import CANDIDATE_AGE_MIN, TIMELY_AGE_MIN
from linkbalancer.sim.agreement import Watch, ends, masters, opens
from linkbalancer.sim.convergence import Crossing
from linkbalancer.sim.judges import Objection, is_torn, longest_detect
from linkbalancer.sim.node import Node
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.wire import FAR, NEAR
from linkbalancer.sim.world import World


def reunion_limit(shape: Shape, wait: Duration) -> Duration:
    """Return within which time of a disturbance both sides meet, if a link may have to wait so long to be open again.

    The silence is noticed, or three queries prove a link and its wait passes; a master-down timer runs out, of at most
    four intervals, and one more interval covers the advert that was under way.
    """
    return wait + (shape.detect_ms + 3 * shape.probe_ms[1] + 5 * shape.advert_ms) * MILLISECOND


class Reunion:
    """Both sides are on one link for every VID that has a whole one, within `reunion_limit` of a disturbance."""

    def __init__(self, shape: Shape, watch: Watch) -> None:
        self._shape = shape
        self._watch = watch
        self._since: Instant = 0

    def __call__(self, world: World) -> None:
        """Look."""
        if world.noisy or is_torn(world):
            self._since = world.now
        if self._watch.convergence.agreed:
            return
        late = world.now - max(self._since, world.stirred_at)
        # Asked for only once it matters: every gateway's links have to be looked at.
        if late > reunion_limit(self._shape, 0) and late > reunion_limit(self._shape, self._longest(world)):
            raise Objection(f"the two sides are apart {late / SECOND:.2f} s after the last disturbance")

    def _longest(self, world: World) -> Duration:
        """Return for how long more than at first a link may wait, to close or to be open again."""
        silence = max(0, longest_detect(world) - self._shape.detect_ms * MILLISECOND)
        return longest_wait(world) + silence + put_off(world)


class FewSwitches:
    """No VID changes its Master more often than there is cause, and none comes back without a new one.

    Since everything was last at rest, of every VID: on the far side no more switches than causes; on the near side no
    more than these and the far ones together; and on neither side does a gateway become Master again without two causes
    in between, save a near one that follows its peer back. A cause is a disturbance, or that one far priority of this
    VID was adjusted. A tie is two: far gateways of one priority, as weights may give them, are elected in the same
    instant, and the near side follows either's word. A far gateway elected where its LAN fell apart is one: it finds
    itself out.
    """

    def __init__(self, shape: Shape, watch: Watch) -> None:
        self._convergence = watch.convergence
        self._rest = reunion_limit(shape, 0)
        self._counted = 0
        self._base = -shape.links  # switching on is a disturbance for each of them
        self._disturbed_at: Instant = 0
        self._more: Counter[Vid] = Counter()
        self._heard = self._moved = 0
        self._blind = self._rested = False

    def __call__(self, world: World) -> None:
        """Look."""
        if world.disturbances != self._counted:
            self._disturb(world)
        if len(world.adjusted) != self._heard:
            self._more.update(vid for _, vid in world.adjusted[self._heard :])
            self._heard, self._rested, self._disturbed_at = len(world.adjusted), False, world.now
        elif not self._rested and world.now - self._disturbed_at > self._rest and self._convergence.agreed:
            self._rested = is_at_rest(world)
        for _, name, _ in world.moved[self._moved :]:
            self._more.update(dict.fromkeys(ties(world, name), 2))
            self._more.update(stranded(world, name))
        self._moved = len(world.moved)
        self._blind = self._blind or world.noisy
        if self._blind:
            return
        causes = world.disturbances - self._base
        for (side, vid), path in self._convergence.paths.items():
            if len(path) > 1:
                self._judge(side, vid, path, causes + self._more[vid])

    def _disturb(self, world: World) -> None:
        if self._rested:
            self._base, self._blind = self._counted, False
            self._more.clear()
            self._convergence.begin_paths()
        self._rested = False
        self._counted, self._disturbed_at = world.disturbances, world.now

    def _judge(self, side: str, vid: Vid, path: list[LinkName], causes: int) -> None:
        followed = self._convergence.paths.get((FAR, vid), [])[1:] if side == NEAR else []
        why = f"on the {side} side, for {causes} causes: {' -> '.join(path)}"
        if len(path) - 1 > causes + len(followed):
            raise Objection(f"VID {vid} changed {len(path) - 1} times {why}")
        for link, times in Counter(path).most_common():
            if times > 1 + causes // 2 + followed.count(link):
                raise Objection(f"VID {vid} came to {link} {times} times {why}")


def ties(world: World, name: NodeName) -> Iterator[Vid]:
    """Yield of which VIDs a far gateway is Master beside another one of the same priority."""
    for one, other, vid in _far_rivals(world, name):
        if one.agent and other.agent:
            group = GroupId(vid)
            if one.agent.memberships[group].priority == other.agent.memberships[group].priority:
                yield vid


def stranded(world: World, name: NodeName) -> set[Vid]:
    """Return of which VIDs a far gateway is Master beside another one that no frame of its passes to any more."""
    lan = world.lans[FAR]
    return {vid for one, other, vid in _far_rivals(world, name) if not lan.connected(one.name, other.name)}


def _far_rivals(world: World, name: NodeName) -> Iterator[tuple[Node, Node, Vid]]:
    """Yield a far gateway, each other one that is Master of the same VID, and the VID."""
    node = world.nodes[name]
    for group, one in node.agent.memberships.items() if node.agent is not None and node.side == FAR else ():
        if one.is_master:
            yield from ((node, other, group.vid) for other in masters(world, FAR, group.vid) if other is not node)


class Led:
    """A crossing has one of two causes: a word under way, or an election that no word has a part in.

    The near side follows words. A word is a flight old when it is heard, so the near side may go where the far one was
    a flight ago: it follows again with the next word. And until a near gateway has heard that its peer is Master, one
    of them is caretaker, by an election of their own. Anything else would be the two sides chasing each other.
    """

    def __init__(self, shape: Shape, watch: Watch) -> None:
        self._convergence = watch.convergence
        self._detect = shape.detect_ms * MILLISECOND

    def __call__(self, world: World) -> None:
        """Look."""
        crossings, self._convergence.crossings = self._convergence.crossings, []
        for crossing in crossings:
            if not (world.noisy or is_torn(world)) and self._is_chase(world, crossing):
                came, went = (" and ".join(pair) for pair in (crossing.came, crossing.went))
                raise Objection(f"VID {crossing.vid} crossed, from {came} to {went}, and a word said otherwise")

    def _is_chase(self, world: World, crossing: Crossing) -> bool:
        # Who stood still hears old words when it goes on; none is believed that is older than the detect time.
        stood = bool(world.standing) or world.now - world.disturbed_at < self._detect
        near, far = crossing.went
        if has_word(world, near, crossing.vid):
            wire = world.wires[near]
            flight = longest_detect(world) if stood else wire.delay + wire.jitter + MILLISECOND
            return crossing.late is None or crossing.late > flight
        return not stood and has_word(world, far, crossing.vid)


def has_word(world: World, link: LinkName, vid: Vid) -> bool:
    """Tell whether a near gateway takes part, and has heard that its peer is Master."""
    near, _ = ends(world, link)
    if near.agent is None or not near.working:
        return False
    heard = near.agent.links[link].peer.word(GroupId(vid))
    runs = near.agent.memberships[GroupId(vid)].tier is not None
    return runs and near.agent.links[link].is_open and heard is not None and heard[0].state is GroupState.MASTER


def is_at_rest(world: World) -> bool:
    """Tell whether no link that is whole still waits to be open."""
    return all(
        node.agent is not None and node.agent.links[node.link].is_open == opens(world, link)
        for link in world.shape.link_names
        for node in ends(world, link)
        if node.working
    )


def put_off(world: World) -> Duration:
    """Return for how long replays may keep out a gateway that has booted: a turn for each session that is known.

    Those of this history are as many as its gateways had agents. Two have their turns at a time (protocol 3).
    """
    births = world.disturbances + len(world.nodes)
    known = (wire.former + births for wire in world.wires.values() if wire.tap is not None)
    return max(((former + 1) // 2 * CANDIDATE_AGE_MIN + TIMELY_AGE_MIN for former in known), default=0)


def longest_wait(world: World) -> Duration:
    """Return how long the link that came and went most must prove itself before it is open again."""
    waits = [0]
    for node in world.nodes.values():
        if node.agent is not None:
            link = node.agent.links[node.link]
            penalty = int(link.snapshot()["penalty"])
            waits.append(link.settings.up_delay << (penalty - 1) if penalty else 0)
    return max(waits)

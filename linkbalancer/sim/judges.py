"""The judges of safety: what must hold at every moment, whatever is broken."""

from itertools import combinations, pairwise

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.links import GroupId, Interface, LinkName, NodeName, Vid
from linkbalancer.sim.agreement import ends
from linkbalancer.sim.lan import HOST
from linkbalancer.sim.node import Node
from linkbalancer.sim.shape import LAN_DEVICE, Shape, mac_of, virtual_ip
from linkbalancer.sim.wire import SIDES
from linkbalancer.sim.world import World

GATEWAYS_MAX = 2
"""How many gateways of one side a packet may visit (design 5, loop guard)."""


class Objection(Exception):  # noqa: N818 - the judges' word
    """A judge objects; the text says to what."""


class Overlap:
    """A virtual IP is on two gateways that hear each other no longer than an advertisement takes to come round.

    Where neither is Master any more, no advertisement comes: what either has kept of its time as Master (protocol 5)
    then ends with the next one, and that begins within a master-down interval, four of advertisements at most.
    """

    def __init__(self, shape: Shape) -> None:
        self.limit: Duration = (shape.advert_ms + 50) * MILLISECOND
        self._grace: Duration = 3 * shape.advert_ms * MILLISECOND
        self._vids: dict[Interface, Vid] = {
            virtual_ip(side, vid): vid for side in SIDES for vid in range(1, shape.vids + 1)
        }
        self._since: dict[tuple[NodeName, NodeName, Vid], tuple[Instant, Duration]] = {}

    def __call__(self, world: World) -> None:
        """Look."""
        present = {}
        for address, nodes in _holders(world).items():
            for one, other in combinations(nodes, 2):
                lan = world.lans[one.side]
                if lan.passes(one.name, other.name) and lan.passes(other.name, one.name):
                    vid = self._vids[address]
                    since, limit = self._since.get((one.name, other.name, vid), (world.now, self.limit))
                    graced = limit if _is_master(one, vid) or _is_master(other, vid) else self.limit + self._grace
                    present[one.name, other.name, vid] = since, graced
        # Those that ended just now were there until now: they are judged too.
        for (one_name, other_name, vid), (since, limit) in (self._since | present).items():
            if world.now - since > limit:
                held = (world.now - since) / MILLISECOND
                raise Objection(f"the virtual IP of VID {vid} is on {one_name} and {other_name} for {held:.1f} ms")
        self._since = present


def _is_master(node: Node, vid: Vid) -> bool:
    return node.agent is not None and node.agent.memberships[GroupId(vid)].is_master


def _holders(world: World) -> dict[Interface, list[Node]]:
    """Return which gateways at work have each virtual IP, but on a LAN that loses frames."""
    holders: dict[Interface, list[Node]] = {}
    for node in world.nodes.values():
        if node.working and not world.lans[node.side].loss:
            for device, address in node.kernel.addresses:
                if device == LAN_DEVICE:
                    holders.setdefault(address, []).append(node)
    return holders


class Guard:
    """A packet visits at most two gateways of a side, and none twice.

    One more where a gateway was booted and has never known the one that sends it the packet, of which it hears since
    no longer than `limit`: it learns whom to guard against as they ask or answer, and as long as it works.
    """

    def __init__(self, limit: Duration) -> None:
        self.limit = limit
        self._disturbances: int | None = None
        self._hears: dict[tuple[NodeName, NodeName], Instant] = {}

    def __call__(self, world: World) -> None:
        """Look."""
        if world.disturbances != self._disturbances:
            self._disturbances, self._hears = world.disturbances, self._heard(world)
        for flow in world.traffic.flows:
            way = flow.now
            if way is None or len(way.gateways) <= GATEWAYS_MAX:
                continue
            # All but the first have it from the LAN, and all but the last have passed it on there.
            strangers = all(self._is_stranger(world, *pair) for pair in pairwise(way.gateways[:-1]))
            if not strangers or len(way.gateways) > len(set(way.gateways)):
                raise Objection(f"{flow.app} {flow.direction} runs {way}")

    def _heard(self, world: World) -> dict[tuple[NodeName, NodeName], Instant]:
        """Return who is heard by whom, and since when: only a disturbance changes that."""
        return {
            (sender, name): self._hears.get((sender, name), world.now)
            for name, node in world.nodes.items()
            for sender in world.lans[node.side].macs
            if node.forwards and world.nodes[sender].forwards and world.lans[node.side].passes(sender, name)
        }

    def _is_stranger(self, world: World, sender: NodeName, name: NodeName) -> bool:
        node = world.nodes[name]
        heard = world.now - self._hears.get((sender, name), world.now)
        return mac_of(sender) not in node.kernel.met and (heard <= self.limit or not node.working)


class Arrivals:
    """While a link is open at both ends, and nothing breaks any more, no flow stands still for longer than `limit`.

    Nor for longer than that by what links take to notice a silence beyond `detect`, after they have lost much.
    """

    def __init__(self, limit: Duration, detect: Duration) -> None:
        self.limit, self._detect = limit, detect
        self._since: Instant = 0

    def __call__(self, world: World) -> None:
        """Look."""
        if world.noisy or is_torn(world) or not any(_is_open(world, link) for link in world.shape.link_names):
            self._since = world.now
        since = max(self._since, world.disturbed_at)
        for flow in world.traffic.flows:
            # Nothing has arrived before the first start: every flow begins with a gap.
            gap = flow.gaps[-1]
            lost = (world.now if gap.end is None else gap.end) - max(gap.begin, since)
            # What links remember of loss is asked for only once it matters: every gateway's has to be looked at.
            if lost > self.limit and lost > self.limit + max(0, longest_detect(world) - self._detect):
                raise Objection(
                    f"{flow.app} {flow.direction} stands still for {lost / MILLISECOND:.0f} ms: {gap.first}"
                )


def _is_open(world: World, link: LinkName) -> bool:
    """Tell whether a link is open and its gateways are at work on their LANs, at both ends, with nothing drained."""
    for node in ends(world, link):
        served = node.working and not node.drained.subjects() and world.lans[node.side].connected(node.name, HOST)
        if not served or node.agent is None or node.agent.leaving or not node.agent.links[link].is_open:
            return False
    return True


def longest_detect(world: World) -> Duration:
    """Return the longest silence that any end gives its link: a link that has lost much is given more time."""
    return max(
        (link.detect for node in world.nodes.values() if node.agent for link in node.agent.links.values()), default=0
    )


def is_torn(world: World) -> bool:
    """Tell whether a LAN has fallen apart: no two sides can be judged that are more than two."""
    return any(lan.islands or any(lan.swallowed.values()) for lan in world.lans.values())


class Cause:
    """A group's state changes for a reason: no longer than `limit` after a fault began or ended, or a priority did."""

    def __init__(self, limit: Duration) -> None:
        self.limit = limit
        self._seen = 0

    def __call__(self, world: World) -> None:
        """Look."""
        for at, name, what in world.moved[self._seen :]:
            quiet = at - world.stirred_at
            if quiet > self.limit and not world.noisy:
                raise Objection(f"{name}: {what}, {quiet / SECOND:.2f} s after the last cause")
        self._seen = len(world.moved)


def no_storm(world: World) -> None:
    """Nobody sends more in any second than timers and quickest answers explain, one for each datagram of a flood."""
    shape = world.shape
    adverts_max = shape.vids * (1000 // shape.advert_ms + 20)
    datagrams_max = 2 * 1000 // shape.probe_ms[0] + 1000 // 25 + 40 + 20 * shape.vids
    for what, times, most in (("adverts", world.adverts, adverts_max), ("datagrams", world.datagrams, datagrams_max)):
        for name, node in world.nodes.items():
            own = [at for at, sender in times if sender == name]
            limit = most + (world.wires[node.link].flood if times is world.datagrams else 0)
            for first, last in zip(own, own[limit:], strict=False):
                if last - first < SECOND:
                    raise Objection(f"{name} sends more than {limit} {what} in a second")

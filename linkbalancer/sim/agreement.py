"""The judge of liveness: whether both sides agree on everything that the faults which still stand leave possible."""

from collections.abc import Iterator

from linkbalancer.engine.agent import Agent
from linkbalancer.links import GroupId, LinkName, NodeName, Unreachable, Vid
from linkbalancer.routing.application import Member
from linkbalancer.routing.choice import choose
from linkbalancer.sim.convergence import Convergence, Found
from linkbalancer.sim.lan import HOST
from linkbalancer.sim.node import Node
from linkbalancer.sim.shape import LAN_DEVICE, number_of, virtual_ip
from linkbalancer.sim.wire import SIDES
from linkbalancer.sim.world import World


def usable(world: World, vid: Vid) -> set[LinkName]:
    """Return the links that can carry a VID now: whole, a gateway at work on the LAN at both ends, not drained."""
    return {link for link in world.shape.carriers(vid) if _whole(world, link) and not _is_drained(world, link, vid)}


def _is_drained(world: World, link: LinkName, vid: Vid) -> bool:
    return any(node.drained.reason(vid, link) for node in ends(world, link))


def _whole(world: World, link: LinkName) -> bool:
    return opens(world, link) and all(_present(world, node) for node in ends(world, link))


def opens(world: World, link: LinkName) -> bool:
    """Tell whether a link is whole and at work at both ends, so that it must be open sooner or later."""
    return all(world.wires[link].passes(side) for side in SIDES) and all(map(_at_work, ends(world, link)))


def ends(world: World, link: LinkName) -> tuple[Node, Node]:
    """Return the gateways at the two ends of a link."""
    number = number_of(link)
    return world.nodes[f"b{number}"], world.nodes[f"f{number}"]


def _at_work(node: Node) -> bool:
    return node.agent is not None and node.working and not node.agent.leaving


def _present(world: World, node: Node) -> bool:
    return _at_work(node) and world.lans[node.side].connected(node.name, HOST)


def masters(world: World, side: str, vid: Vid) -> list[Node]:
    """Return the gateways of a side whose agent says that it is Master of a VID."""
    return [
        node
        for node in world.nodes.values()
        if node.side == side and node.agent is not None and node.agent.memberships[GroupId(vid)].is_master
    ]


def disagreements(world: World) -> Iterator[str]:
    """Yield every sentence on what is not as it should be; none when both sides agree."""
    working = set()
    for vid in range(1, world.shape.vids + 1):
        links = usable(world, vid)
        if links:
            working.add(vid)
            yield from _one_link(world, vid, links)
        else:
            yield from _no_two_masters(world, vid)
    for node in world.nodes.values():
        if node.agent is not None and _at_work(node):
            is_open, should = node.agent.links[node.link].is_open, opens(world, node.link)
            if is_open != should:
                yield f"{node.name}: {node.link} is {'open' if is_open else 'closed'}, it says"
            if _present(world, node):
                yield from _gateway(world, node, node.agent, frozenset(working))
    if working:
        yield from (f"{flow.app} {flow.direction}: {flow.now}" for flow in world.traffic.flows if _is_lost(flow.now))


def _is_lost(walk: object) -> bool:
    return getattr(walk, "lost", "never walked") is not None


def _one_link(world: World, vid: Vid, links: set[LinkName]) -> Iterator[str]:
    found = {side: masters(world, side, vid) for side in SIDES}
    for side, nodes in found.items():
        if len(nodes) != 1:
            yield f"VID {vid}: Masters on the {side} side: {[node.name for node in nodes]}"
        for node in nodes:
            if node.link not in links:
                yield f"VID {vid}: {node.name} is Master, but {node.link} cannot carry it"
            if not node.kernel.holds(LAN_DEVICE, virtual_ip(side, vid)):
                yield f"VID {vid}: {node.name} is Master without the virtual IP"
    carrying = {node.link for nodes in found.values() for node in nodes}
    if len(carrying) > 1:
        yield f"VID {vid}: on different links at the two ends: {sorted(carrying)}"


def _no_two_masters(world: World, vid: Vid) -> Iterator[str]:
    for side in SIDES:
        present = [node.name for node in masters(world, side, vid) if _present(world, node)]
        if len(present) > 1:
            yield f"VID {vid} has no link, and two Masters on the {side} side: {present}"


def _gateway(world: World, node: Node, agent: Agent, working: frozenset[Vid]) -> Iterator[str]:
    for (vid, _family), membership in agent.memberships.items():
        if membership.works != (vid in working):
            yield f"{node.name}: VID {vid} {'works' if membership.works else 'does not work'}, it says"
        if vid in working and isinstance(node.kernel.next_hop(vid, guard=False), Unreachable):
            yield f"{node.name}: the table of VID {vid} is unreachable"
    for app, vids in world.shape.applications().items():
        wanted = choose([(Member(vid),) for vid in vids], working)
        if wanted is not None and node.kernel.steering.get(app) != wanted:
            yield f"{node.name}: {app} goes to VID {node.kernel.steering.get(app)}, not {wanted}"


class Watch:
    """Hands the Masters of both sides to `Convergence` whenever they may have changed; a judge that never objects."""

    def __init__(self) -> None:
        self.convergence = Convergence()
        self._told: dict[NodeName, tuple[Vid, ...]] = {}
        self._usable: dict[Vid, set[LinkName]] = {}
        self._seen: tuple[int, ...] = ()
        self._moved = 0

    def __call__(self, world: World) -> None:
        """Look."""
        seen = (world.stirred_at, len(world.standing), sum(map(_at_work, world.nodes.values())))
        moved = world.moved[self._moved :]
        if seen == self._seen and not moved:
            return
        if seen[:2] != self._seen[:2]:
            self.convergence.disturb(world.stirred_at, noisy=world.noisy)
        anew = {name for _, name, _ in moved}
        if seen != self._seen:
            self._usable = _all_usable(world)
            anew = set(world.nodes)
        self._told.update((name, _mastered(world.nodes[name])) for name in anew)
        self._seen, self._moved = seen, len(world.moved)
        self.convergence.look(world.now, self._found(world), self._usable)

    def _found(self, world: World) -> Found:
        vids = range(1, world.shape.vids + 1)
        found: dict[tuple[str, Vid], tuple[LinkName, ...]] = {(side, vid): () for side in SIDES for vid in vids}
        for name, told in self._told.items():
            node = world.nodes[name]
            if told and _present(world, node):
                for vid in told:
                    found[node.side, vid] += (node.link,)
        return found


def _mastered(node: Node) -> tuple[Vid, ...]:
    memberships = node.agent.memberships if node.agent is not None else {}
    return tuple(vid for (vid, _family), membership in memberships.items() if membership.is_master)


def _all_usable(world: World) -> dict[Vid, set[LinkName]]:
    """Return what `usable` does for every VID, with one look at each link."""
    whole = {link for link in world.shape.link_names if _whole(world, link)}
    vids = range(1, world.shape.vids + 1)
    return {
        vid: {link for link in world.shape.carriers(vid) if link in whole and not _is_drained(world, link, vid)}
        for vid in vids
    }

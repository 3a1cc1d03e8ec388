"""What can go wrong in a simulated network, each with a beginning and an end.

Faults of one target may overlap: what they take away is counted, and is back when the last of them has ended.
"""

from dataclasses import dataclass

from linkbalancer.clock import MILLISECOND
from linkbalancer.engine.drain import Drained
from linkbalancer.links import LinkName, NodeName, Vid
from linkbalancer.sim.shape import LAN_DEVICE, LINK_DEVICE
from linkbalancer.sim.wire import SIDES
from linkbalancer.sim.world import World


@dataclass(frozen=True, slots=True)
class Cut:
    """A link is cut; both ends lose the carrier."""

    link: LinkName

    def begin(self, world: World) -> None:
        """Take the carrier away."""
        self._count(world, 1)

    def end(self, world: World) -> None:
        """Give it back."""
        self._count(world, -1)

    def _count(self, world: World, change: int) -> None:
        world.wires[self.link].cuts += change
        for node in world.nodes.values():
            if node.link == self.link:
                world.notice(node.name, LINK_DEVICE)


@dataclass(frozen=True, slots=True)
class Silent:
    """A link swallows what runs towards some sides, and the carrier stays: both ways, or one way."""

    link: LinkName
    towards: tuple[str, ...] = SIDES

    def begin(self, world: World) -> None:
        """Swallow."""
        for side in self.towards:
            world.wires[self.link].deaf[side] += 1

    def end(self, world: World) -> None:
        """Pass again."""
        for side in self.towards:
            world.wires[self.link].deaf[side] -= 1


@dataclass(frozen=True, slots=True)
class Lossy:
    """A link loses, duplicates and reorders datagrams."""

    link: LinkName
    loss: int
    duplication: int = 0
    jitter_ms: int = 0

    def begin(self, world: World) -> None:
        """Lose."""
        self._change(world, 1)

    def end(self, world: World) -> None:
        """Lose no more."""
        self._change(world, -1)

    def _change(self, world: World, sign: int) -> None:
        wire = world.wires[self.link]
        wire.loss += sign * self.loss
        wire.duplication += sign * self.duplication
        wire.jitter += sign * self.jitter_ms * MILLISECOND


@dataclass(frozen=True, slots=True)
class LossyLan:
    """A LAN loses frames, announcements among them."""

    side: str
    loss: int

    def begin(self, world: World) -> None:
        """Lose."""
        world.lans[self.side].loss += self.loss

    def end(self, world: World) -> None:
        """Lose no more; what the host missed by chance it asks for."""
        world.lans[self.side].loss -= self.loss
        world.resolve(world.lans[self.side])


@dataclass(frozen=True, slots=True)
class Partition:
    """A LAN falls apart: the named gateways hear each other, and neither the rest nor the host."""

    side: str
    apart: tuple[NodeName, ...]

    @property
    def extent(self) -> int:
        """How many disturbances it is at each end: one for every gateway that it moves; most faults move one a side."""
        return max(1, len(self.apart))

    def begin(self, world: World) -> None:
        """Fall apart."""
        world.lans[self.side].islands = dict.fromkeys(self.apart, 1)

    def end(self, world: World) -> None:
        """Be one again."""
        world.lans[self.side].islands = {}


@dataclass(frozen=True, slots=True)
class Deaf:
    """A switch swallows what some gateways send one of their LAN, and nothing else: a partition that is partial."""

    node: NodeName
    speakers: tuple[NodeName, ...]

    def begin(self, world: World) -> None:
        """Swallow."""
        self._count(world, 1)

    def end(self, world: World) -> None:
        """Pass again."""
        self._count(world, -1)

    def _count(self, world: World, change: int) -> None:
        swallowed = world.lans[world.nodes[self.node].side].swallowed
        for speaker in self.speakers:
            swallowed[speaker, self.node] = swallowed.get((speaker, self.node), 0) + change


@dataclass(frozen=True, slots=True)
class Leg:
    """A gateway's LAN leg is cut; it loses the carrier there."""

    node: NodeName

    def begin(self, world: World) -> None:
        """Take the carrier away."""
        self._count(world, 1)

    def end(self, world: World) -> None:
        """Give it back."""
        self._count(world, -1)

    def _count(self, world: World, change: int) -> None:
        legs = world.lans[world.nodes[self.node].side].legs
        legs[self.node] = legs.get(self.node, 0) + change
        if not legs[self.node]:
            del legs[self.node]
        world.notice(self.node, LAN_DEVICE)


@dataclass(frozen=True, slots=True)
class Death:
    """A whole gateway dies, kernel included; nobody loses a carrier by it (the worst case). It boots again."""

    node: NodeName

    def begin(self, world: World) -> None:
        """Die."""
        world.nodes[self.node].power_off()

    def end(self, world: World) -> None:
        """Boot."""
        world.nodes[self.node].power_on()


@dataclass(frozen=True, slots=True)
class Restart:
    """The service of a gateway leaves in order, and is started again at the end."""

    node: NodeName

    def begin(self, world: World) -> None:
        """Leave."""
        world.nodes[self.node].resume()
        world.nodes[self.node].leave()

    def end(self, world: World) -> None:
        """Start again, once the predecessor has left."""
        world.nodes[self.node].start()


@dataclass(frozen=True, slots=True)
class Succeed:
    """A gateway's agent is succeeded by a new one, as at a reload or an upgrade: nobody may notice."""

    node: NodeName

    def begin(self, world: World) -> None:
        """Hand over."""
        world.nodes[self.node].succeed()

    def end(self, world: World) -> None:
        """Hand over once more."""
        world.nodes[self.node].succeed()


@dataclass(frozen=True, slots=True)
class Kill:
    """A gateway's agent is killed (kill -9), and started again at the end, with its predecessor's snapshot."""

    node: NodeName

    def begin(self, world: World) -> None:
        """Kill."""
        world.nodes[self.node].kill()

    def end(self, world: World) -> None:
        """Start again."""
        world.nodes[self.node].start()


@dataclass(frozen=True, slots=True)
class KillApplications:
    """Every application process of a gateway is killed, and replaced at once; `agent`: its agent too, until the end."""

    node: NodeName
    agent: bool = False

    def begin(self, world: World) -> None:
        """Kill."""
        if self.agent:
            world.nodes[self.node].kill()
        world.nodes[self.node].kill_applications()

    def end(self, world: World) -> None:
        """Start again."""
        world.nodes[self.node].start()


@dataclass(frozen=True, slots=True)
class Pause:
    """A gateway's agent stands still (SIGSTOP, a stalled host) and goes on at the end."""

    node: NodeName

    def begin(self, world: World) -> None:
        """Stop."""
        world.nodes[self.node].pause()

    def end(self, world: World) -> None:
        """Go on."""
        world.nodes[self.node].resume()


@dataclass(frozen=True, slots=True)
class Drain:
    """A person takes a gateway's link (`vid` 0) or one VID out of service at one end, and gives it back."""

    node: NodeName
    vid: Vid = 0

    def begin(self, world: World) -> None:
        """Drain it."""
        node = world.nodes[self.node]
        before = node.drained
        if self.vid:
            node.drain(Drained(before.links, {**before.vids, self.vid: "by somebody"}))
        else:
            node.drain(Drained({node.link: "by somebody"}, before.vids))

    def end(self, world: World) -> None:
        """Give it back."""
        node = world.nodes[self.node]
        others = [fault for fault in world.standing if isinstance(fault, Drain) and fault.node == self.node]
        node.drain(
            Drained(
                {node.link: "by somebody"} if any(not fault.vid for fault in others) else {},
                {fault.vid: "by somebody" for fault in others if fault.vid},
            )
        )

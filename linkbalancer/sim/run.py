"""One run: calm, faults under the eyes of the safety judges, then an end of faults and the demand for agreement."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from linkbalancer.clock import MILLISECOND
from linkbalancer.sim.agenda import Standstill
from linkbalancer.sim.agreement import Watch, disagreements
from linkbalancer.sim.arp import NEIGHBOUR_PROBE
from linkbalancer.sim.attack import Attacker
from linkbalancer.sim.burden import Burden
from linkbalancer.sim.convergence import Course
from linkbalancer.sim.draw import FAULTY_MS, Draw, Strike
from linkbalancer.sim.faults import Kill, KillApplications
from linkbalancer.sim.judges import Arrivals, Cause, Guard, Objection, Overlap, no_storm
from linkbalancer.sim.obedience import Obedience
from linkbalancer.sim.settling import FewSwitches, Led, Reunion
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.trace import Trace
from linkbalancer.sim.weather import Seasons
from linkbalancer.sim.world import Judge, World

QUIET_MS = 2000
"""How long nothing may move once everything is settled."""
STEP_MS = 50
"""How often it is looked whether both sides agree."""
SMOOTH_STEP_MS = 500
"""How often where rates are believed by and by, which takes half a minute."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run ended. `objection` is None when no judge objected; `settled_ms` is counted from the end of the faults.

    `course`: how quickly both sides agreed after each disturbance, up to the objection. `adjusted`: how often a far
    gateway took another priority.
    """

    drawn: Draw
    objection: str | None
    settled_ms: float | None
    events: int
    trace: Trace
    course: Course = field(default_factory=Course)
    adjusted: int = 0

    def report(self, lines: int = 60) -> str:
        """Write what a person needs to understand a failure."""
        return "\n".join([f"OBJECTION: {self.objection}", str(self.drawn), *self.trace.text(lines)])


def agreement_limit_ms(shape: Shape) -> int:
    """Return within which time both sides must agree once nothing changes any more.

    Silence has to be noticed, a Backup's master-down timer to run out, and the controller to follow; a link that went
    up and down waits up to 16 times its `up_delay` before it is open again (design 4.3).
    """
    up_delay, detect = shape.misses * shape.probe_ms[1], shape.detect_ms
    return 16 * up_delay + 2 * detect + 2 * 4 * shape.advert_ms + 8 * shape.probe_ms[1]


def safety(shape: Shape) -> list[Judge]:
    """Return the judges of safety that look at every step."""
    detect = shape.detect_ms
    return [
        Overlap(shape),
        Guard(NEIGHBOUR_PROBE),
        Cause(agreement_limit_ms(shape) * MILLISECOND),
        Arrivals((detect + 4 * shape.advert_ms + 100) * MILLISECOND, detect * MILLISECOND),
    ]


def run(drawn: Draw, *, keep_all: bool = False) -> Verdict:
    """Run a draw and return the judges' verdict."""
    world = World(drawn.shape, drawn.seed, keep_all=keep_all)
    watch, obedience = Watch(), None
    seasons = _seasons(world, drawn)
    if seasons is not None:
        obedience = Obedience(world, seasons)
    settling = (judge(drawn.shape, watch) for judge in (Reunion, FewSwitches, Led))
    world.judges += [watch, *safety(drawn.shape), *settling]
    objection = settled_ms = None
    try:
        settled_ms = _story(world, drawn, obedience)
    except (Objection, Standstill) as error:
        objection = str(error)
    watch.convergence.close()
    adjusted = len(world.adjusted)
    return Verdict(drawn, objection, settled_ms, world.events, world.trace, watch.convergence.course, adjusted)


def bare(drawn: Draw) -> int:
    """Run a draw's faults with nobody looking, packets and judges; return how many events were handled."""
    world = World(drawn.shape, drawn.seed)
    world.judges.clear()
    _seasons(world, drawn)
    _strike(world, drawn)
    return world.events


def _seasons(world: World, drawn: Draw) -> Seasons | None:
    """Let there be the weather that was drawn, if any, and the loads in it."""
    if drawn.weather is None or drawn.weather.loads is None:
        return None if drawn.weather is None else Seasons(world, drawn.weather)
    return Burden(world, drawn.weather, drawn.weather.loads, drawn.seed)


def _story(world: World, drawn: Draw, obedience: Obedience | None) -> float:
    _strike(world, drawn)
    no_storm(world)
    healed_at = world.now
    rest(world, obedience)
    settled_ms = (world.now - healed_at) / MILLISECOND
    adjusted = len(world.adjusted)
    try:
        quiet(world)
    except Objection:
        # A round-trip time trembles: one that was all but the hysteresis away may come to be worth a move, once.
        if obedience is None or not obedience.trembles or len(world.adjusted) == adjusted:
            raise
        rest(world, obedience)
        quiet(world)
    no_storm(world)
    return settled_ms


def _strike(world: World, drawn: Draw) -> None:
    """Switch everything on, have every fault strike, and end all that do not stand to the end."""
    world.remembers = any(isinstance(strike.fault, Kill | KillApplications) for strike in drawn.strikes)
    for drift in drawn.drifts:
        world.nodes[drift.node].time.drift(drift.ppm)
    for number, attack in enumerate(drawn.attacks):
        Attacker(world, attack, Random(f"attacker {drawn.seed} {number}"))
    world.start()
    for strike in drawn.strikes:
        world.agenda.after(strike.at_ms * MILLISECOND, _begin(world, strike))
    world.run(drawn.calm_ms + FAULTY_MS)
    lasting = {id(strike.fault) for strike in drawn.strikes if strike.lasts_ms is None}
    for fault in tuple(world.standing):
        if id(fault) not in lasting:
            world.end(fault)
    if drawn.weather is not None and drawn.weather.loads is not None:
        world.run(max(drawn.weather.loads.until_ms - world.now / MILLISECOND, 0))


def rest(world: World, obedience: Obedience | None) -> None:
    """Let time pass until both sides agree, and every VID is where the weights say, if there are any.

    Raises:
        Objection: they do not within the limit.
    """
    limit_ms = agreement_limit_ms(world.shape)
    if obedience is None:
        settle(world, limit_ms)
    else:
        step_ms = SMOOTH_STEP_MS if obedience.laden else STEP_MS
        settle(world, limit_ms + obedience.limit() / MILLISECOND, obedience.disobedience, step_ms=step_ms)


def _begin(world: World, strike: Strike) -> Callable[[], None]:
    def begin() -> None:
        world.begin(strike.fault)
        if strike.lasts_ms is not None:
            world.agenda.after(strike.lasts_ms * MILLISECOND, end)

    def end() -> None:
        # The end of the faulty phase may have come first.
        if any(fault is strike.fault for fault in world.standing):
            world.end(strike.fault)

    return begin


def settle(world: World, limit_ms: float, more: Callable[[], Iterable[str]] = tuple, *, step_ms: int = STEP_MS) -> None:
    """Let time pass until both sides agree and every gateway says that it is settled.

    `more`: what else must have come to rest, in sentences on what has not; `step_ms`: how often it is looked.

    Raises:
        Objection: they do not within the limit.
    """
    until = world.now + round(limit_ms * MILLISECOND)
    # A master-down timer that runs already may still end, and a silence that nobody has noticed yet.
    world.run(max(4 * world.shape.advert_ms, world.shape.detect_ms))
    while complaints := list(disagreements(world)) or unsettled(world) or list(more()):
        if world.now >= until:
            raise Objection(f"no agreement {limit_ms} ms after the last change: {'; '.join(complaints)}")
        world.run(step_ms)


def unsettled(world: World) -> list[str]:
    """Return which gateways say that something changed lately."""
    return [
        f"{node.name} says it is not settled"
        for node in world.nodes.values()
        if node.agent is not None and node.working and not node.agent.is_settled(node.clock)
    ]


def quiet(world: World) -> None:
    """Demand that nothing moves and no packet is lost for a while.

    Raises:
        Objection: something moved.
    """
    moved, begin = len(world.moved), world.now
    world.run(QUIET_MS)
    if world.moved[moved:]:
        at, name, what = world.moved[moved]
        raise Objection(f"{name} moved {(at - begin) / MILLISECOND:.0f} ms after everything was settled: {what}")
    for sentence in disagreements(world):
        raise Objection(f"no agreement any more: {sentence}")

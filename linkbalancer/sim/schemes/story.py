"""One history of an older scheme: the faults that a seed draws for LVrrp, and whether both sides agree in the end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from linkbalancer.clock import MILLISECOND
from linkbalancer.sim.agenda import Standstill
from linkbalancer.sim.convergence import Course
from linkbalancer.sim.draw import FAULTY_MS, Draw
from linkbalancer.sim.faults import (
    Cut,
    Death,
    Kill,
    KillApplications,
    Leg,
    Lossy,
    LossyLan,
    Partition,
    Pause,
    Restart,
    Silent,
)
from linkbalancer.sim.judges import Objection
from linkbalancer.sim.run import QUIET_MS, agreement_limit_ms
from linkbalancer.sim.schemes.network import Network, where
from linkbalancer.sim.schemes.one import Symmetric
from linkbalancer.sim.schemes.two import Controlled, Controller
from linkbalancer.sim.shape import LAN_DEVICE, LINK_DEVICE
from linkbalancer.sim.trace import Trace
from linkbalancer.sim.wire import NEAR
from linkbalancer.sim.world import Fault


@dataclass(frozen=True, slots=True)
class Ending:
    """How a history ended. `objection` says who was Master where, if both sides did not agree within the limit."""

    course: Course
    objection: str | None
    settled_ms: float | None
    faults: int
    events: int
    trace: Trace


Rulebook: TypeAlias = Callable[[str], Symmetric | Controller | Controlled]
"""The rules of the gateways of a side."""


def scheme_one(side: str) -> Symmetric:
    """Return the rules of a side's gateways."""
    del side
    return Symmetric()


def scheme_two(side: str) -> Controller | Controlled:
    """Return the rules of a side's gateways: the near ones control."""
    return Controller() if side == NEAR else Controlled()


def tell(drawn: Draw, rules: Rulebook, *, keep_all: bool = False) -> Ending:
    """Run a draw's faults, and wait for both sides to agree and to rest."""
    network = Network(drawn.shape, drawn.seed, rules, keep_all=keep_all)
    objection = settled_ms = None
    try:
        _play(network, drawn)
        settled_ms = _settle(network)
    except (Objection, Standstill) as error:
        objection = str(error)
    network.convergence.close()
    faults = sum(strikes(strike.fault) for strike in drawn.strikes)
    return Ending(network.convergence.course, objection, settled_ms, faults, network.events, network.trace)


def bare(drawn: Draw, rules: Rulebook) -> int:
    """Run a draw's faults with nobody looking; return how many events were handled."""
    network = Network(drawn.shape, drawn.seed, rules)
    network.watched = False
    _play(network, drawn)
    return network.events


def _play(network: Network, drawn: Draw) -> None:
    """Switch everything on, have the faults strike, end those that do not stand to the end."""
    network.start()
    standing: dict[int, Fault] = {}
    struck = [strike for strike in drawn.strikes if strikes(strike.fault)]

    def begin(number: int) -> None:
        strike = struck[number]
        standing[number] = strike.fault
        _strike(network, strike.fault, begins=True)
        if strike.lasts_ms is not None:
            network.agenda.after(strike.lasts_ms * MILLISECOND, lambda: end(number))

    def end(number: int) -> None:
        fault = standing.pop(number, None)
        if fault is not None:  # the end of the faulty phase may have come first
            _strike(network, fault, begins=False)

    for number, strike in enumerate(struck):
        network.agenda.after(strike.at_ms * MILLISECOND, lambda number=number: begin(number))  # type: ignore[misc]
    network.run((drawn.calm_ms + FAULTY_MS) * MILLISECOND)
    for number in tuple(standing):
        if struck[number].lasts_ms is not None:
            end(number)


def _settle(network: Network) -> float:
    """Wait until both sides have agreed for a while; return, in ms, how long it took them.

    Raises:
        Objection: they do not within the limit that is LVrrp's.
    """
    healed_at, convergence = network.now, network.convergence
    limit, quiet = agreement_limit_ms(network.shape) * MILLISECOND, QUIET_MS * MILLISECOND
    while True:
        since = max(convergence.agreed_since, healed_at) if convergence.agreed else network.now
        if since > healed_at + limit:
            break
        if convergence.agreed and network.now - since >= quiet:
            return (since - healed_at) / MILLISECOND
        network.run(since + quiet)
        network.look()
    late = sum(at > network.now - quiet for at in network.moves)
    how = f"{late} changes of state in the last {QUIET_MS} ms" if late else "all at rest"
    raise Objection(f"no agreement {limit // MILLISECOND} ms after the last fault, {how}; {where(network)}")


def strikes(fault: Fault) -> bool:
    """Tell whether a fault means anything here: nothing can be drained, and there are no applications."""
    known = Cut | Silent | Death | Leg | Restart | Kill | Pause | Lossy | LossyLan | Partition
    return isinstance(fault, known) or (isinstance(fault, KillApplications) and fault.agent)


def _strike(network: Network, fault: Fault, *, begins: bool) -> None:
    """Break something, or mend it."""
    match fault:
        case Cut() | Silent() | Lossy() | LossyLan() | Partition() | Leg():
            _strike_wires(network, fault, 1 if begins else -1)
        case Pause(node):
            network.pause(node, paused=begins)
        case Death(node) | Kill(node) | KillApplications(node) | Restart(node):
            if isinstance(fault, Death):
                network.stations[node].powered = not begins
            if begins:
                network.end(node, in_order=isinstance(fault, Restart))
            else:
                network.begin(node)
        case _:
            raise AssertionError(f"{fault} means nothing here")
    network.disturb(f"{'FAULT' if begins else 'HEALED'} {fault}")


def _strike_wires(network: Network, fault: Cut | Silent | Lossy | LossyLan | Partition | Leg, sign: int) -> None:
    match fault:
        case Cut(link):
            network.wires[link].cuts += sign
            for letter in "bf":
                network.notice(f"{letter}{link[1:]}", LINK_DEVICE)
        case Silent(link, towards):
            for side in towards:
                network.wires[link].deaf[side] += sign
        case Lossy(link, loss, duplication, jitter_ms):
            wire = network.wires[link]
            wire.loss += sign * loss
            wire.duplication += sign * duplication
            wire.jitter += sign * jitter_ms * MILLISECOND
        case LossyLan(side, loss):
            network.lans[side].loss += sign * loss
        case Partition(side, apart):
            network.lans[side].islands = dict.fromkeys(apart, 1) if sign > 0 else {}
        case Leg(node):
            lan = network.lans[network.stations[node].side]
            lan.legs[node] = lan.legs.get(node, 0) + sign
            network.notice(node, LAN_DEVICE)

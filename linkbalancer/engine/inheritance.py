"""A VID's exact state, handed over by a living predecessor: the successor goes on as if nothing had happened.

Every timer goes on as it ran, so no advertisement is late, no Backup takes over early, and nobody is told anything that
was told before. Instants are of the same clock; none is believed to be later than a fresh timer would be.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, assert_never

from linkbalancer.clock import Duration, Instant
from linkbalancer.engine.membership import Membership
from linkbalancer.vrrp.effects import AnnounceAddresses, Effect, InstallAddresses
from linkbalancer.vrrp.heard import LastHeard
from linkbalancer.vrrp.router import Router
from linkbalancer.vrrp.states import Backup, Initialize, Master, State
from linkbalancer.vrrp.timers import longest_handover, master_down_interval


def take(membership: Membership) -> dict[str, Any]:
    """Return the state as JSON-able values."""
    router = membership.router if isinstance(membership.router, Router) else None
    return {
        "device": membership.group.device,
        "virtual_ips": [str(address) for address in membership.group.virtual_ips],
        "installed": membership.installed,
        "router": None if router is None else _router(router),
        "observed": _heard(membership.observer.heard),
        "mac": None if membership.master_mac is None else membership.master_mac.hex(),
        "works": membership.works,
        "own": membership.own,
        "lost_at": membership.lost_at,
        "patience": membership.patience,
        "given_up": membership.given_up,
        "rival": membership.rival,
    }


def restore(now: Instant, found: Mapping[str, Any], membership: Membership) -> list[Effect] | None:
    """Go on from a predecessor's state; return what must be done, None (nothing changed) when it makes no sense."""
    group, router = membership.group, membership.router if isinstance(membership.router, Router) else None
    try:
        if found["device"] != group.device:
            return None
        inherited = None if found["router"] is None else _read_router(now, found["router"], group.advert_interval)
        if router is None:
            inherited = None
        elif inherited is None or group.obstacle(inherited[1], router.primary) is not None:
            return None
        observed = _read_heard(now, found["observed"])
        mac = None if found["mac"] is None else bytes.fromhex(found["mac"])
        lost_at = None if found["lost_at"] is None else min(int(found["lost_at"]), now)
        announced = set(map(str, found["virtual_ips"]))
        patience, installed = int(found["patience"]), bool(found["installed"])
        works, own, given_up, rival = (bool(found[key]) for key in ("works", "own", "given_up", "rival"))
    except (ArithmeticError, KeyError, TypeError, ValueError, IndexError):
        return None
    if router is not None and inherited is not None:
        router.state, router.priority, router.heard = inherited
    membership.observer.heard, membership.master_mac = observed, mac
    membership.works, membership.own = works, own
    membership.lost_at, membership.patience = lost_at, patience
    membership.given_up, membership.rival = given_up, rival
    membership.installed = installed and router is not None
    if not membership.installed:
        return []
    new = any(str(address) not in announced for address in group.virtual_ips)
    return [InstallAddresses(), *([AnnounceAddresses()] if new else [])]


def _router(router: Router) -> dict[str, Any]:
    return {"state": _state(router.state), "priority": router.priority, "heard": _heard(router.heard)}


def _state(state: State) -> list[Any]:
    match state:
        case Initialize(holding_until):
            return ["initialize", holding_until]
        case Backup(master_down_at, master_interval, holding):
            return ["backup", master_down_at, master_interval, holding]
        case Master(advert_at, addresses_at):
            return ["master", advert_at, addresses_at]
        case _:
            assert_never(state)


def _heard(heard: LastHeard | None) -> list[Any] | None:
    return None if heard is None else [heard.priority, str(heard.source), heard.interval, heard.at]


def _read_heard(now: Instant, found: list[Any] | None) -> LastHeard | None:
    if found is None:
        return None
    priority, source, interval, at = found
    return LastHeard(int(priority), ip_address(source), int(interval), min(int(at), now))


def _read_router(now: Instant, found: Mapping[str, Any], interval: Duration) -> tuple[State, int, LastHeard | None]:
    """Return state, priority and the last advert heard."""
    state = _read_state(now, found["state"], interval)
    return state, int(found["priority"]), _read_heard(now, found["heard"])


def _read_state(now: Instant, found: list[Any], interval: Duration) -> State:
    """Return a state whose timers end no later than those of one that is entered now."""
    match found:
        case ["initialize", holding_until]:
            return Initialize(_by(holding_until, now + longest_handover(interval)))
        case ["backup", int(master_down_at), int(master_interval), bool(holding)]:
            latest = now + master_down_interval(1, master_interval)
            return Backup(min(master_down_at, latest), master_interval, holding)
        case ["master", int(advert_at), addresses_at, *_]:
            latest = now + interval
            return Master(min(advert_at, latest), _by(addresses_at, latest))
        case _:
            raise ValueError("no state of a router")


def _by(at: object, latest: Instant) -> Instant | None:
    return None if at is None else min(int(str(at)), latest)

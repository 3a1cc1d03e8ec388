"""A VID's exact state, handed over by a living predecessor: the successor goes on as if nothing had happened.

Every timer goes on as it ran, so no advertisement is late, no Backup takes over early, and nobody is told anything that
was told before. Instants are of the same clock; none is believed to be later than a fresh timer would be. Where the
group is configured differently now, the router is told so after it has been put where its predecessor's stood.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from ipaddress import ip_address, ip_interface
from typing import Any

from linkbalancer.clock import Instant
from linkbalancer.engine.membership import Membership
from linkbalancer.vrrp.effects import Effect, InstallAddresses
from linkbalancer.vrrp.events import Reconfigure
from linkbalancer.vrrp.group import OWNER_PRIORITY, Group
from linkbalancer.vrrp.heard import LastHeard
from linkbalancer.vrrp.router import Router
from linkbalancer.vrrp.states import Backup, Initialize, Master, State
from linkbalancer.vrrp.timers import longest_handover, master_down_interval


def take(membership: Membership) -> dict[str, Any]:
    """Return the state as JSON-able values."""
    router = membership.router if isinstance(membership.router, Router) else None
    return {
        "device": membership.group.device,
        "group": _group(membership.group),
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
        old = _read_group(found["group"], group)
        inherited = None if router is None else _read_router(now, found["router"], old)
        if router is not None and (inherited is None or group.obstacle(inherited[1], router.primary) is not None):
            return None
        observed = _read_heard(now, found["observed"], group)
        mac = None if found["mac"] is None else bytes.fromhex(found["mac"])
        lost_at = None if found["lost_at"] is None else min(int(found["lost_at"]), now)
        patience, installed = int(found["patience"]), bool(found["installed"])
        works, own, given_up, rival = (bool(found[key]) for key in ("works", "own", "given_up", "rival"))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None
    membership.observer.heard, membership.master_mac = observed, mac
    membership.works, membership.own = works, own
    membership.lost_at, membership.patience = lost_at, patience
    membership.given_up, membership.rival = given_up, rival
    if router is None or inherited is None:
        membership.installed = False
        return []
    membership.installed = installed
    router.state, router.priority, router.heard = inherited
    router.group, router.owner = old, old.priority == OWNER_PRIORITY
    effects = router.handle(now, Reconfigure(group)) if old != group else []
    return [*effects, *([InstallAddresses()] if installed else [])]


def _group(group: Group) -> dict[str, Any]:
    """Return what of a group's configuration its router's timers and addresses are made of."""
    return {
        "version": group.version,
        "advert_interval": group.advert_interval,
        "priority": group.priority,
        "preempt_delay": group.preempt_delay,
        "virtual_mac": group.virtual_mac,
        "virtual_ips": [str(address) for address in group.virtual_ips],
        "excluded_ips": [str(address) for address in group.excluded_ips],
        "elsewhere": [[str(address), device] for address, device in group.elsewhere],
    }


def _read_group(found: Mapping[str, Any], group: Group) -> Group:
    """Return a group as the predecessor had it configured; what is not handed over is as it is now."""
    return replace(
        group,
        version=int(found["version"]),
        advert_interval=int(found["advert_interval"]),
        priority=int(found["priority"]),
        preempt_delay=int(found["preempt_delay"]),
        virtual_mac=bool(found["virtual_mac"]),
        virtual_ips=tuple(map(ip_interface, found["virtual_ips"])),
        excluded_ips=tuple(map(ip_interface, found["excluded_ips"])),
        elsewhere=tuple((ip_interface(address), str(device)) for address, device in found["elsewhere"]),
    )


def _router(router: Router) -> dict[str, Any]:
    return {"state": _state(router.state), "priority": router.priority, "heard": _heard(router.heard)}


def _state(state: State) -> dict[str, Any]:
    """Return a state as its name and its fields, every one of them: what is added to a state goes over too."""
    return {"state": state.group_state.name.lower(), **asdict(state)}


def _heard(heard: LastHeard | None) -> list[Any] | None:
    return None if heard is None else [heard.priority, str(heard.source), heard.interval, heard.at]


def _read_heard(now: Instant, found: list[Any] | None, group: Group) -> LastHeard | None:
    if found is None:
        return None
    priority, source, interval, at = found
    return LastHeard(int(priority), ip_address(source), int(interval), min(int(at), now), group.version)


def _read_router(now: Instant, found: Mapping[str, Any] | None, group: Group) -> tuple[State, int, LastHeard | None]:
    """Return state, priority and the last advert heard."""
    if found is None:
        raise ValueError("the predecessor only observed")
    state = _read_state(now, found["state"], group)
    return state, int(found["priority"]), _read_heard(now, found["heard"], group)


def _read_state(now: Instant, found: Mapping[str, Any], group: Group) -> State:
    """Return a state whose timers end no later than those of one that is entered now."""
    match found["state"]:
        case "initialising":
            until = now + longest_handover(group.advert_interval, group.version)
            return Initialize(_by(found["holding_until"], until))
        case "backup":
            return _read_backup(now, found, group)
        case "master":
            latest = now + group.advert_interval
            return Master(
                min(int(found["advert_at"]), latest),
                _by(found["addresses_at"], latest),
                quiet_until=_by(found["quiet_until"], latest),
                contested_since=_by(found["contested_since"], now),
                contested_at=_by(found["contested_at"], now),
                doubtful=bool(found["doubtful"]),
            )
        case _:
            raise ValueError("no state of a router")


def _read_backup(now: Instant, found: Mapping[str, Any], group: Group) -> Backup:
    interval, not_before = int(found["master_interval"]), int(found["not_before"])
    latest = now + master_down_interval(1, interval, group.version)
    down_by = max(latest, not_before + latest - now)
    return Backup(
        min(int(found["master_down_at"]), down_by),
        interval,
        bool(found["holding"]),
        bool(found["following"]),
        preempt_at=_by(found["preempt_at"], now + group.preempt_delay),
        not_before=not_before,
        hastened_from=_by(found["hastened_from"], down_by),
        hastened_at=_by(found["hastened_at"], now),
        ready=bool(found["ready"]),
        listened=bool(found["listened"]),
    )


def _by(at: object, latest: Instant) -> Instant | None:
    return None if at is None else min(int(str(at)), latest)

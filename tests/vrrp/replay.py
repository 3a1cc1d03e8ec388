"""The recordings' form: a line of JSON a step, to values and back.

The first line is {story, group, primary}, and `synchronised` for a member of a sync group; every other one says what is
handed in and what must follow:

    at         the instant, in ns
    event      {name of the event: its fields}
    effects    [{name of the effect: its fields}, ...]
    state      {name of the state: its fields}, so with its deadlines
    priority   the router's effective priority afterwards
    heard      the last foreign advert afterwards, or null
    deadline   when the router wants its next Tick, or null
"""

import json
from dataclasses import fields
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface
from pathlib import Path
from typing import Any

from linkbalancer.vrrp.events import (
    Claim,
    Event,
    Hasten,
    Heard,
    Promote,
    Reconfigure,
    Resign,
    Resume,
    SetPrimary,
    SetPriority,
    Shutdown,
    Startup,
    Tick,
    Withdraw,
)
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.router import Router

FOLDER = Path(__file__).parent / "recordings"
KINDS: tuple[type[Event], ...] = (
    *(Startup, Resume, Shutdown, Resign, Heard, SetPriority, SetPrimary, Reconfigure, Claim),
    *(Promote, Withdraw, Hasten, Tick),
)
EVENTS: dict[str, type[Event]] = {event.__name__: event for event in KINDS}

Line = dict[str, Any]


def read(name: str) -> list[Line]:
    """Return the lines of a recording."""
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]


def write(name: str, lines: list[Line]) -> None:
    """Replace a recording."""
    (FOLDER / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def router_of(head: Line) -> Router:
    """Make the router that a recording's first line describes."""
    primary = head["primary"] and ip_address(head["primary"])
    return Router(group_of(head["group"]), primary, synchronised=head.get("synchronised", False))


def group_of(said: dict[str, Any]) -> Group:
    """Make a group from its fields."""
    lists: dict[str, Any] = {
        name: tuple(map(ip_interface, said[name])) for name in ("virtual_ips", "excluded_ips") if name in said
    }
    return Group(**{**said, **lists})


def replayed(router: Router, step: Line) -> Line:
    """Hand one step to the router; return the step as it should have been recorded."""
    effects = router.handle(step["at"], event_of(step["event"]))
    return {
        "at": step["at"],
        "event": step["event"],
        "effects": [{type(effect).__name__: written(effect)} for effect in effects],
        "state": {type(router.state).__name__: written(router.state)},
        "priority": router.priority,
        "heard": router.heard and written(router.heard),
        "deadline": router.deadline(),
    }


def event_of(said: dict[str, Any]) -> Event:
    """Make an event from its name and fields."""
    [(name, values)] = said.items()
    if name == "Reconfigure":
        return Reconfigure(group_of(values["group"]))
    addresses = {field: ip_address(values[field]) for field in ("source", "address") if values.get(field)}
    return EVENTS[name](**{**values, **addresses})


def written(value: Any) -> dict[str, Any]:
    """Return a value's fields as JSON has them."""
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: object) -> object:
    """Return a field as JSON has it."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, IPv4Address | IPv6Address) else value

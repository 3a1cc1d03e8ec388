"""A replay in words: what came, what was decided, and how the run ended."""

import time
from collections import Counter
from typing import Any, Final

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND, Duration, Instant, in_words
from linkbalancer.engine.effects import Effect, Record, SendAdvert, SendDatagram, SetNextHop, SteerKeepalived
from linkbalancer.engine.events import (
    AdvertReceived,
    ApplicationSteers,
    DatagramReceived,
    DeviceChanged,
    Event,
    KeepalivedSays,
    LegHeard,
    NeighbourHeard,
    Started,
    Tick,
)
from linkbalancer.engine.flight.tape import Head
from linkbalancer.links import GroupId, LinkName, Vid
from linkbalancer.lvrrp.packet import HEADER_LENGTH, MessageType
from linkbalancer.sim.replay import Step
from linkbalancer.vrrp.ip import Datagram, unwrap

_TYPE: Final = 3


def clock(head: Head, now: Instant) -> str:
    """Return an instant as a local time of day, in milliseconds."""
    seconds, rest = divmod(now + head.wall, SECOND)
    return time.strftime("%H:%M:%S", time.localtime(seconds)) + f".{rest // MILLISECOND:03}"


def date(head: Head, now: Instant) -> str:
    """Return the local date of an instant."""
    return time.strftime("%Y-%m-%d", time.localtime((now + head.wall) // SECOND))


def span(duration: Duration) -> str:
    """Return how long after the beginning."""
    return f"+{in_words(duration - duration % MICROSECOND)}"


def event_in_words(event: Event) -> str:
    """Say what came."""
    match event:
        case Tick():
            return "a timer ran out"
        case Started():
            return "the agent may begin"
        case AdvertReceived():
            return _advert(event)
        case DatagramReceived(link, data):
            return f"datagram on {link}: {_kind(data)}"
        case DeviceChanged(device, carrier, primary):
            address = f", address {primary}" if primary else ", no address"
            return f"device {device}: {'carrier' if carrier else 'no carrier'}{address}"
        case NeighbourHeard(device, address, mac):
            return f"{address} on {device} {'is silent' if mac is None else f'answers from {mac.hex(chr(58))}'}"
        case LegHeard(device, alive):
            return f"{device} hears {'somebody' if alive else 'nobody'}"
        case ApplicationSteers(application, vid, sequence, reason):
            where = "nowhere" if vid is None else f"to VID {vid}"
            return f"application {application} goes {where} by table {sequence}: {reason}"
        case KeepalivedSays(group, state):
            return f"Keepalived is {state.name.lower()} for VID {group}"
        case _:
            return f"{type(event).__name__}: {event}"


def _advert(event: AdvertReceived) -> str:
    found = unwrap(event.packet)
    if not isinstance(found, Datagram):
        return f"advert on {event.device}, refused: {found}"
    message = found.message
    return f"advert on {event.device}: VID {message[1]}, priority {message[2]}, from {found.source}"


def _kind(data: bytes) -> str:
    if len(data) < HEADER_LENGTH or data[_TYPE] not in set(MessageType):
        return f"{len(data)} bytes that say nothing"
    return MessageType(data[_TYPE]).name


def sent(effects: tuple[Effect, ...]) -> str:
    """Say how much was sent, empty for nothing."""
    counts = Counter(type(effect) for effect in effects)
    words = [
        f"{counts[kind]} {name}{'s' if counts[kind] > 1 else ''}"
        for kind, name in ((SendAdvert, "advert"), (SendDatagram, "datagram"))
        if counts[kind]
    ]
    return f"sends {' and '.join(words)}" if words else ""


def concerns(step: Step, vid: Vid | None, link: LinkName | None) -> bool:
    """Tell whether a step is about a VID, or a link, where one is asked for."""
    if vid is None and link is None:
        return True
    found = [_of_event(step.input.event), *map(_of_effect, step.effects)]
    return any(
        (vid is not None and of_vid == vid) or (link is not None and of_link == link) for of_vid, of_link in found
    )


def _of_event(event: Event) -> tuple[Vid | None, LinkName | None]:
    match event:
        case AdvertReceived():
            found = unwrap(event.packet)
            return (found.message[1] if isinstance(found, Datagram) else None), None
        case DatagramReceived(link):
            return None, link
        case KeepalivedSays(GroupId(vid)) | ApplicationSteers(vid=vid):
            return vid, None
        case _:
            return None, None


def _of_effect(effect: Effect) -> tuple[Vid | None, LinkName | None]:
    match effect:
        case Record():
            facts = dict(effect.fields)
            vid, link = facts.get("vid"), facts.get("link")
            return (vid if isinstance(vid, int) else None), (link if isinstance(link, str) else None)
        case SetNextHop(vid):
            return vid, None
        case SteerKeepalived(GroupId(vid)):
            return vid, None
        case SendAdvert(message=message):
            return message[1], None
        case SendDatagram(link):
            return None, link
        case _:
            return None, None


def step_lines(head: Head, step: Step) -> list[str]:
    """Return a step: what came, and below it what was decided."""
    after = span(step.now - head.at)
    first = f"{clock(head, step.now)}  {after:>12}  #{step.number}  {event_in_words(step.input.event)}"
    below = [*step.words(), sent(step.effects)]
    return [first, *(f"    -> {words}" for words in below if words)]


def step_document(head: Head, step: Step) -> dict[str, Any]:
    """Return a step for programs."""
    return {
        "number": step.number,
        "at_us": (step.now + head.wall) // MICROSECOND,
        "after_us": (step.now - head.at) // MICROSECOND,
        "kind": type(step.input.event).__name__,
        "event": event_in_words(step.input.event),
        "decided": list(step.words()),
        "records": [
            {"number": one.number, "cause": one.cause, "kind": one.kind, "subject": one.subject, "text": one.text}
            | {"fields": dict(one.fields)}
            for one in step.effects
            if isinstance(one, Record)
        ],
        "adverts": sum(isinstance(one, SendAdvert) for one in step.effects),
        "datagrams": sum(isinstance(one, SendDatagram) for one in step.effects),
    }


def difference(step: Step) -> list[str]:
    """Say how a step differs: what was decided then, and what now."""
    then = step.input
    told_then = list(then.words) or ["nothing but what was sent" if then.digest else "nothing at all"]
    told_now = [*step.words(), sent(step.effects)]
    now = [one for one in told_now if one] or ["nothing at all"]
    return [
        f"{step.differs}: {event_in_words(then.event)}",
        *(f"  then: {one}" for one in told_then),
        *(f"  now:  {one}" for one in now),
    ]

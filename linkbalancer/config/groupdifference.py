"""What changes between the groups of two configurations, in the operator's terms.

A key that has no words of its own here is compared all the same: whatever a group has, a change of it is told.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from linkbalancer.config import weightdifference
from linkbalancer.config.changes import Change, Kind
from linkbalancer.config.model import Group
from linkbalancer.config.translating import TRANSLATED, WORDS
from linkbalancer.links import GroupId

_SAME_ELSEWHERE: Final = "the other gateways of the LAN need the same"
_EFFECTS: Final = {
    "link": "the VID follows the other link from now on",
    "advert_interval": _SAME_ELSEWHERE,
    "version": _SAME_ELSEWHERE,
    "password_file": _SAME_ELSEWHERE,
    "preempt": "nothing moves now",
    "preempt_delay": "nothing moves now",
    "owner_yields": "nothing moves now",
    "announce": "nothing moves now",
    "checksum": "the other gateways of the LAN must understand it",
    "tolerate": "it is for the next advert",
    "track": "its priority and faults follow them at once",
    "gateway": "its packets go by the other gateway when that answers",
    "gateway6": "its IPv6 packets go there while its gateway answers",
    "probe6": "whether its IPv6 packets are refused while that does not answer",
    "unicast": "the other routers must send to this one too",
    "accept": "whether the virtual IPs themselves can be reached",
    "virtual_mac": "hosts learn the virtual IPs' other MAC address",
}
_MODES: Final = {
    "member": "this gateway takes part",
    "observe": "this gateway hands over and only listens",
    "keepalived": "this gateway hands over, and the Keepalived on it takes part",
    "static": "no VRRP any more: its packets go by its gateway while that answers",
}
_WORDED: Final = ("mode", "device", "priority", "virtual_ips", "excluded_ips", "weight", *WORDS)


def changes(
    was: Mapping[GroupId, Group], will: Mapping[GroupId, Group], masters: Collection[GroupId] | None
) -> Iterator[Change]:
    """Yield them; `masters` are the groups that this gateway is Master of, None where that is not known."""
    for group in sorted({*was, *will}):
        subject = f"VID {group}"
        is_master = masters is not None and group in masters
        if group not in was:
            effect = "it works when a Master with an open link is heard"
            if will[group].mode != "static" and all(one.link is None for one in will.values()):
                effect = "it works when a Master is heard"
            elif will[group].mode == "static":
                effect = "it works when its gateway answers"
            yield Change(Kind.NEW, subject, _in_words(will[group]), effect)
        elif group not in will and was[group].mode == "static":
            yield Change(Kind.GONE, subject, "", "its applications leave it first")
        elif group not in will:
            effect = "its mastership is handed over first" if is_master else "nothing is handed over: Master is another"
            yield Change(Kind.GONE, subject, "", effect if masters is not None else "a mastership is handed over first")
        else:
            yield from _changed(subject, was[group], will[group], master=is_master)


def _in_words(group: Group) -> str:
    addresses = ", ".join(map(str, group.virtual_ips))
    if group.mode == "observe":
        return f"observed on {group.device}, {addresses}"
    if group.mode == "static":
        return f"by the gateway {group.gateway} on {group.device}"
    over = "" if group.link is None else f" over {group.link}"
    return f"on {group.device}{over}, {addresses}, priority {group.priority}"


def _changed(subject: str, was: Group, will: Group, *, master: bool) -> Iterator[Change]:
    before, after = (one.model_dump(mode="json", exclude=set(_WORDED)) for one in (was, will))
    for key in before:
        if before[key] != after[key]:
            what = f"{key.replace('_', ' ')} {_value(before[key])} -> {_value(after[key])}"
            yield Change(Kind.CHANGED, subject, what, _EFFECTS.get(key, ""))
    for key, words in WORDS.items():
        if getattr(was, key) != getattr(will, key):
            what = f"{key.replace('_', ' ')} {words(getattr(was, key))} -> {words(getattr(will, key))}"
            yield Change(Kind.CHANGED, subject, what, TRANSLATED[key])
    yield from weightdifference.changes(subject, was.weight, will.weight)
    if was.priority != will.priority:
        effect = "its mastership may move between gateways whose links are equal"
        if master and will.priority > was.priority:
            effect = "this gateway is Master and stays it"
        yield Change(Kind.CHANGED, subject, f"priority {was.priority} -> {will.priority}", effect)
    if was.mode != will.mode:
        yield Change(Kind.CHANGED, subject, f"mode {was.mode} -> {will.mode}", _MODES[will.mode])
    if was.device != will.device:
        effect = "its mastership is taken up anew there"
        yield Change(Kind.CHANGED, subject, f"device {was.device} -> {will.device}", effect)
    yield from _addresses(subject, "virtual IP", was.virtual_ips, will.virtual_ips)
    yield from _addresses(subject, "excluded IP", was.excluded_ips, will.excluded_ips)


def _addresses(subject: str, called: str, was: Collection[object], will: Collection[object]) -> Iterator[Change]:
    added = [str(one) for one in will if one not in was]
    removed = [str(one) for one in was if one not in will]
    if added or removed:
        words = [*(f"{called} {one} new" for one in added), *(f"{called} {one} gone" for one in removed)]
        yield Change(Kind.CHANGED, subject, ", ".join(words), "the other virtual IPs stay")
    elif was != will:
        yield Change(Kind.CHANGED, subject, f"{called}s in the order {_value(will)}", "nothing moves")


def _value(value: object) -> str:
    """Write a value as a configuration does."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case dict():
            return "{" + ", ".join(f"{key}: {_value(one)}" for key, one in value.items()) + "}"
        case str():
            return value
        case Iterable():
            return "[" + ", ".join(map(_value, value)) + "]"
        case _:
            return str(value)

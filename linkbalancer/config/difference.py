"""What changes between two configurations, in the operator's terms: applications, rules, VIDs, links, and their flows.

Pure. What is known of the present state (who is Master, where applications go) makes the words exact; without it they
say what is sure.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from linkbalancer.config import groupdifference, ruledifference, weightdifference
from linkbalancer.config.changes import Change, Kind
from linkbalancer.config.load import Loaded
from linkbalancer.config.measuring import write_capacity
from linkbalancer.config.model import Link
from linkbalancer.config.quantities import write_duration
from linkbalancer.config.translating import TRANSLATED, WORDS
from linkbalancer.links import GroupId, LinkName, Role, Vid
from linkbalancer.lvrrp.keys import Key
from linkbalancer.routing.application import Application, Step, options_in_words, steps_in_words
from linkbalancer.routing.balance import step_in_words
from linkbalancer.routing.choice import best_step, good
from linkbalancer.routing.sticky import Sticky

__all__ = ["Change", "Difference", "Present", "Side", "difference", "key_marks"]

KeyMarks = tuple[tuple[int, str], ...]
"""A link's keys as they may be shown: numbers, and digests to compare by."""

NOTHING: Final = "nothing changes"

_SESSION: Final = {
    "device": "its LVrrp session begins anew there",
    **dict.fromkeys(("local", "peer"), "its LVrrp session begins anew"),
    "via": "its LVrrp session goes on",
    "peer6": "IPv6 of its VIDs goes there from now on",
    "probe6": "whether IPv6 of its VIDs is refused while its far end does not answer",
    "port": "its LVrrp session begins anew; the far end needs the same port",
    "insecure": "the far end needs the same",
    "probe": "its LVrrp session goes on",
    "up_delay": "its LVrrp session goes on",
    "on_probe_loss": "nothing moves while it is open",
    **dict.fromkeys(("capacity", "metrics_every"), "nothing moves"),
    **TRANSLATED,
}
_WRITTEN: Final[Mapping[str, Callable[[Any], str]]] = {
    "up_delay": write_duration,
    "capacity": write_capacity,
    "metrics_every": write_duration,
    **WORDS,
}


def key_marks(keys: Iterable[Key]) -> KeyMarks:
    """Return keys as they may be shown."""
    return tuple((key.id, hashlib.sha256(b"shown" + key.secret).hexdigest()[:16]) for key in keys)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two configurations: values, the rule file's text, and the links' keys (absent: not known)."""

    loaded: Loaded
    rules_text: str = ""
    keys: Mapping[LinkName, KeyMarks] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """The state now: where applications go, which VIDs work, and which of them this gateway is Master of.

    `breaking` has the VIDs whose links break a service level, by that one's words.
    """

    places: Mapping[str, Vid | None] = field(default_factory=dict)
    working: frozenset[Vid] = frozenset()
    masters: frozenset[GroupId] = frozenset()
    breaking: Mapping[str, frozenset[Vid]] = field(default_factory=dict)

    def choice(self, application: Application, vids: Iterable[Vid]) -> Step | None:
        """Return the step to which an application goes, where there are these VIDs."""
        working = self.working.intersection(vids)
        breaking = self.breaking.get(str(application.sla), ())
        return best_step(application.steps, good(application.vids, working, breaking))


@dataclass(frozen=True, slots=True)
class Difference:
    """All changes in the order in which a person reads them, and what is to be said of them together."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return a line for each change."""
        return [str(change) for change in self.changes]

    def in_a_line(self) -> str:
        """Return the changes in one short line."""
        first = "; ".join(change.shortly() for change in self.changes[:3])
        more = len(self.changes) - 3
        return (first + (f"; and {more} more" if more > 0 else "")) or NOTHING


def difference(old: Side | None, new: Side, present: Present | None = None) -> Difference:
    """Return what changes; without an old configuration, that there is a first one."""
    if old is None:
        config = new.loaded.config
        what = (
            f"links {len(config.links)}, VIDs {len(config.groups)}, applications {len(new.loaded.rules.applications)}"
        )
        return Difference((Change(Kind.NEW, "the first configuration kept", what),))
    rules = tuple(ruledifference.changes(old.loaded, old.rules_text, new.loaded, new.rules_text))
    changes = (
        *_gateway(old, new),
        *_links(old, new),
        *groupdifference.changes(
            old.loaded.config.groups, new.loaded.config.groups, None if present is None else present.masters
        ),
        *_applications(old, new, present),
        *rules,
        *_rest(old, new),
    )
    return Difference(changes, _notes(rules=bool(rules), marks=any(one.subject == "marks" for one in changes)))


def _notes(*, rules: bool, marks: bool) -> tuple[str, ...]:
    if marks:
        return ("other marks: every flow is classified anew with its next packet",)
    return ("running flows are classified anew with their next packet, new ones at once",) if rules else ()


def _role_means(new: Role, old: Role) -> str:
    if new is Role.STANDALONE:
        return "plain VRRP from now on: no link moves a group"
    return "links move its groups from now on" if old is Role.STANDALONE else "every LVrrp session begins anew"


def _gateway(old: Side, new: Side) -> Iterator[Change]:
    was, will = old.loaded.config, new.loaded.config
    if was.node != will.node:
        yield Change(Kind.CHANGED, "node", f"{was.node} -> {will.node}", "the far ends are told")
    if was.role != will.role:
        yield Change(Kind.CHANGED, "role", f"{was.role} -> {will.role}", _role_means(will.role, was.role))
    for device in sorted({*was.lans, *will.lans}):
        one, other = was.lans.get(device), will.lans.get(device)
        if one != other:
            words = "; ".join(
                f"{key} {_list(getattr(one, key, ()))} -> {_list(getattr(other, key, ()))}"
                for key in ("members", "targets")
                if getattr(one, key, ()) != getattr(other, key, ())
            )
            yield Change(Kind.CHANGED, f"LAN {device}", words or "named", "nothing moves")


def _list(values: Iterable[object]) -> str:
    return "[" + ", ".join(map(str, values)) + "]"


def _links(old: Side, new: Side) -> Iterator[Change]:
    was, will = old.loaded.config.links, new.loaded.config.links
    for name in sorted({*was, *will}):
        subject = f"link {name}"
        if name not in was:
            link = will[name]
            what = f"{link.local} to {link.peer} over {link.device}"
            yield Change(Kind.NEW, subject, what, "it opens when the far end answers")
        elif name not in will:
            vids = [vid for vid, group in old.loaded.config.groups.items() if group.link == name]
            effect = f"VID {', '.join(map(str, vids))} must do without it" if vids else "no VID used it"
            yield Change(Kind.GONE, subject, "", f"the far end is told; {effect}")
        else:
            yield from _link(subject, was[name], will[name])
            if name in old.keys and name in new.keys and old.keys[name] != new.keys[name]:
                yield _keys(subject, old.keys[name], new.keys[name])


def _link(subject: str, was: Link, will: Link) -> Iterator[Change]:
    for key, effect in _SESSION.items():
        before, after = getattr(was, key), getattr(will, key)
        if key == "probe":
            for part in ("interval", "function", "ceiling", "misses", "detect"):
                one, other = (_shown(part, getattr(probe, part)) for probe in (before, after))
                if one != other:
                    yield Change(Kind.CHANGED, subject, f"probe {part} {one} -> {other}", effect)
        elif before != after:
            word = key.replace("_", " ") if key != "on_probe_loss" else key
            shown = [_WRITTEN.get(key, _value)(one) if one else _value(one) for one in (before, after)]
            yield Change(Kind.CHANGED, subject, f"{word} {shown[0]} -> {shown[1]}", effect)
    yield from weightdifference.changes(subject, was.weight, will.weight)


def _keys(subject: str, was: KeyMarks, will: KeyMarks) -> Change:
    def ids(marks: KeyMarks) -> str:
        return ", ".join(str(number) for number, _mark in marks) or "none"

    effect = "the far end needs one of them too, or the link closes"
    if set(was) & set(will):
        effect = "one of them was there before: the link stays open"
    return Change(Kind.CHANGED, subject, f"its keys change (numbers {ids(was)} -> {ids(will)})", effect)


def _applications(old: Side, new: Side, present: Present | None) -> Iterator[Change]:
    was, will = old.loaded.rules.applications, new.loaded.rules.applications
    for name in sorted({*was, *will}):
        subject = f"application {name}"
        if name not in was:
            goes = _goes(will[name], new, present)
            yield Change(Kind.NEW, subject, f"VIDs {_steps(will[name])}", f"its flows go {goes}" if goes else "")
        elif name not in will:
            yield Change(Kind.GONE, subject, "", "its flows are classified anew with their next packet")
        elif was[name].steps != will[name].steps:
            what = f"VIDs {_steps(was[name])} -> {_steps(will[name])}"
            yield Change(Kind.CHANGED, subject, what, _move(will[name], new, present))
        if name in was and name in will and was[name] != will[name]:
            before, after = (" ".join(options_in_words(one[name])) or "none" for one in (was, will))
            if before != after:
                yield Change(Kind.CHANGED, subject, f"options {before} -> {after}", "it moves nothing by itself")


def _steps(application: Application) -> str:
    return steps_in_words(application.steps)[1:-1]


def _goes(application: Application, new: Side, present: Present | None) -> str:
    """Say where an application goes, as far as it can be known."""
    if present is None:
        return ""
    step = present.choice(application, new.loaded.config.vids)
    if step is None:
        return "nowhere yet: none of its VIDs works"
    return f"to VID {step[0].vid}" if len(step) == 1 else f"to VIDs {step_in_words(step)}, balanced"


def _move(application: Application, new: Side, present: Present | None) -> str:
    """Say what the change of an application's list does to its flows."""
    if present is None or application.name not in present.places:
        return "its flows follow at once"
    step = present.choice(application, new.loaded.config.vids)
    here = "nowhere" if (place := present.places[application.name]) is None else f"on VID {place}"
    if step is None:
        return f"none of these VIDs works now; it is {here}"
    if len(step) > 1:
        stays = ", those that are on one of them stay" if application.sticky is Sticky.FLOW else ""
        return f"its flows are divided over VIDs {step_in_words(step)}{stays}"
    if (vid := step[0].vid) == place:
        return f"its flows stay on VID {place}"
    return f"its flows move {'' if place is None else f'from VID {place} '}to VID {vid} at once (it is {here} now)"


def _rest(old: Side, new: Side) -> Iterator[Change]:
    """Compare what has no words of its own, key by key; of a tracker that is new, or gone, what it says alone."""
    was, will = (_values(one, whole=True) for one in (old, new))
    said = {*_values(old, whole=False), *_values(new, whole=False)}
    for key in sorted({*was, *will}):
        if was.get(key) != will.get(key) and (key in said or (key in was and key in will)):
            subject, _, rest = key.partition(".")
            words = f"{rest} {_value(was.get(key))} -> {_value(will.get(key))}".lstrip()
            if rest.endswith("webhook.url"):  # whoever has it may write there, and this is kept and shown to readers
                words = f"{rest} {_server(was.get(key))} -> {_server(will.get(key))}"
            effect = {"marks": "every rule and flow is marked anew", "tables": "the VIDs' tables are made anew"}
            yield Change(Kind.CHANGED, subject, words, effect.get(subject, ""))


def _values(side: Side, *, whole: bool) -> dict[str, Any]:
    """Return what has no words of its own, by the way to it; `whole`: what nobody wrote too."""
    known = {"node", "role", "lans", "links", "groups", "applications"}
    config = side.loaded.config
    return dict(_flat(config.model_dump(mode="json", by_alias=True, exclude=known, exclude_defaults=not whole)))


def _server(url: object) -> str:
    """Write a URL without what follows the server's name."""
    return "none" if url is None else f"{'/'.join(str(url).split('/')[:3])}/..."


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shown(part: str, value: object) -> str:
    """Write a part of a probe."""
    return write_duration(value) if part in {"ceiling", "detect"} and isinstance(value, int) else _value(value)


def _value(value: object) -> str:
    """Write a value as a configuration does."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        ends = [write_duration(one) for one in value]
        return ends[0] if ends[0] == ends[-1] else f"[{', '.join(ends)}]"
    return _list(value) if isinstance(value, list) else str(value)

"""What the keys of `weight` must be together, at links and groups, and whether a weight can ever change anything."""

from collections.abc import Iterator

from linkbalancer.config import plugins, reckoning, weighteffects
from linkbalancer.config.document import Path
from linkbalancer.config.findings import suggestion
from linkbalancer.config.outline import Complaint, Outline
from linkbalancer.config.parts import Part
from linkbalancer.config.plugins import Broken
from linkbalancer.config.weighing import NOTHING, PARTS, Weight, laid_over
from linkbalancer.config.weightcase import Case
from linkbalancer.links import Role
from linkbalancer.weights.expression import Expression
from linkbalancer.weights.function import BUILT_IN, STATIC
from linkbalancer.weights.plugin import Plugin
from linkbalancer.weights.tokens import ExpressionError


def check(outline: Outline) -> Iterator[Complaint]:
    """Yield everything that is wrong with weights."""
    role = outline.top["role"] if outline.top.knows("role") else None
    if role is not Role.CONTROLLER:
        if role is not None:
            yield from _elsewhere(outline, role)
        return
    cases = list(_cases(outline))
    told: set[Complaint] = set()
    for case in cases:
        for complaint in _case(case, outline):
            # What is wrong with a key of a link would be said for each of its VIDs.
            if complaint not in told:
                told.add(complaint)
                yield complaint
    yield from weighteffects.idle(cases)


def _elsewhere(outline: Outline, role: Role) -> Iterator[Complaint]:
    for part in (*outline.links.values(), *outline.groups.values()):
        if "weight" in part.given:
            what = f"weight says nothing at a {role} gateway: the controller weighs its links"
            remedy = "remove it" if role is Role.STANDALONE else "move it to the file of the link's other end"
            yield Complaint((*part.path, "weight"), what, remedy, at_key=True)


def _cases(outline: Outline) -> Iterator[Case]:
    """Yield each group with a link, as far as its keys are good."""
    for group, part in outline.groups.items():
        if not part.knows("link", "mode") or part["mode"] not in {"member", "keepalived"}:
            continue
        link = outline.links.get(part["link"]) if part["link"] is not None else None
        weight, places, wrong = NOTHING, dict[str, Path](), set[str]()
        for one in (part,) if link is None else (link, part):
            given = _good(one)
            weight = laid_over(given, weight)
            whole = not one.inner("weight").given
            places |= {key: (*one.path, "weight") if whole else (*one.path, "weight", key) for key in given.given}
            wrong = (wrong - given.given.keys()) | (one.inner("weight").given - one.inner("weight").values.keys())
        yield Case(group, weight, places, link, frozenset(wrong))


def _good(part: Part) -> Weight:
    """Return the keys of a link's or group's weight that are good, however wrong the others are."""
    if part.knows("weight"):
        whole: Weight = part["weight"]
        return whole
    values = part.inner("weight").values
    return NOTHING.model_copy(
        update={
            name: values[info.alias or name]
            for name, info in Weight.model_fields.items()
            if (info.alias or name) in values
        }
    )


def _case(case: Case, outline: Outline) -> Iterator[Complaint]:
    yield from _function(case.function, case.place("function"), case)
    yield from _composite(case)
    for name in dict.fromkeys((*case.parts, *(key for key in case.places if key in PARTS))):
        yield from _parameters(name, case, outline)
    if case.function != STATIC:
        yield from _policy(case)
        yield from weighteffects.check(case, outline)


def _function(name: str, place: Path, case: Case, *, at_key: bool = False) -> Iterator[Complaint]:
    """Check that there is such a function, and that it has what it cannot do without."""
    if name in BUILT_IN:
        needed = {
            "composite": case.weight.composite,
            "checks": case.weight.checks,
            "expression": case.weight.expression,
        }
        if name in needed and not needed[name] and name not in case.wrong:
            example = {"composite": "{latency: 2, loss: 1}", "checks": "[uplink]", "expression": "100 - rtt / 1ms"}
            what = f"the function {name} is of nothing"
            yield Complaint(place, what, f"add {name}, such as {name}: {example[name]}", at_key=at_key)
        return
    found = plugins.find(name)
    if found is None:
        known = (*BUILT_IN, *plugins.installed())
        yield Complaint(place, f"there is no weight function {name}", suggestion(name, known), at_key=at_key)
    elif isinstance(found, Broken):
        yield Complaint(place, f"the plug-in {name} cannot be used: {found.why}", "mend or remove it", at_key=at_key)


def _composite(case: Case) -> Iterator[Complaint]:
    for name in case.weight.composite or {}:
        path = (*case.place("composite"), name)
        if name in {"composite", STATIC}:
            yield Complaint(path, f"{name} cannot be a part", f"use some of: {', '.join(PARTS)}", at_key=True)
        else:
            yield from _function(name, path, case, at_key=True)


def _parameters(name: str, case: Case, outline: Outline) -> Iterator[Complaint]:
    """Check what a function is given."""
    weight = case.weight
    match name:
        case "latency" | "loss":
            keys = weight.latency if name == "latency" else weight.loss
            one = reckoning.function(name, weight, plugins.find)
            if keys is not None and getattr(one, "good", 0) >= getattr(one, "bad", 1):
                what = "good is not better than bad"
                yield Complaint((*case.place(name), "bad"), what, "make bad larger than good")
        case "expression":
            yield from _expression(case)
        case "checks":
            yield from _checks(case, outline)
        case "cost":
            if weight.cost is not None and weight.cost.careful == 1:
                what = "careful is all of the cap: the link is good until nothing is left"
                yield Complaint((*case.place("cost"), "careful"), what, "write such as 80%")
        case _:
            found = None if name in BUILT_IN else plugins.find(name)
            if found is not None and not isinstance(found, Broken) and "plugins" not in case.wrong:
                yield from _plugin(found, case)


def _expression(case: Case) -> Iterator[Complaint]:
    text = case.weight.expression or ""
    try:
        Expression(text)
    except ExpressionError as error:
        after = sum(not one.isspace() for one in text[: error.offset])
        if text:
            yield Complaint(case.place("expression"), error.what, error.remedy, after=after)


def _checks(case: Case, outline: Outline) -> Iterator[Complaint]:
    static = [group.vid for group, part in outline.groups.items() if part.knows("mode") and part["mode"] == "static"]
    for index, check_ in enumerate(case.weight.checks or ()):
        place = (*case.place("checks"), index)
        if isinstance(check_, int) and check_ not in static:
            named = ", ".join(map(str, static)) or "there is none"
            yield Complaint(
                place, f"VID {check_} is no static group here", f"name a tracker, or a static VID ({named})"
            )
        elif isinstance(check_, str) and check_ not in outline.trackers:
            yield Complaint(place, f"there is no tracker {check_}", suggestion(check_, outline.trackers))


def _plugin(plugin: Plugin, case: Case) -> Iterator[Complaint]:
    given = (case.weight.plugins or {}).get(plugin.name, {})
    place = (*case.place("plugins"), plugin.name)
    for name, value in given.items():
        if name not in plugin.parameters:
            what = f"{plugin.name} has no parameter {name}"
            yield Complaint((*place, name), what, suggestion(name, plugin.parameters), at_key=True)
            continue
        wrong = plugin.parameters[name].refusal(value)
        if wrong is not None:
            yield Complaint(
                (*place, name), f"{value!r} {wrong}", plugin.parameters[name].about or "write another value"
            )
    for name, parameter in plugin.parameters.items():
        if parameter.default is None and name not in given:
            yield Complaint(place, f"{plugin.name} needs {name}", parameter.about or f"add {name}", at_key=True)


def _policy(case: Case) -> Iterator[Complaint]:
    """Check mapping and damping, which must be able to work at all."""
    keys = case.weight.mapping
    if keys is not None:
        ends = [key for key in ("min", "max") if getattr(keys, key) is not None]
        if keys.kind == "steps" and ends:
            what = f"{ends[0]} says nothing beside steps"
            yield Complaint((*case.place("mapping"), ends[0]), what, "remove it", at_key=True)
        if keys.kind != "steps" and keys.steps is not None:
            what = f"steps say nothing in a {keys.kind} mapping"
            yield Complaint((*case.place("mapping"), "steps"), what, "remove them, or write kind: steps", at_key=True)
    for key, build in (("mapping", reckoning.mapping), ("damping", reckoning.damping)):
        try:
            build(getattr(case.weight, key))
        except ValueError as error:
            yield Complaint(case.place(key), str(error), f"see the {key} in docs/weights.md", at_key=True)

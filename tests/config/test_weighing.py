"""Tests of the keys of `weight`: a group's over its link's, and what becomes of them."""

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.config.model import Config
from linkbalancer.links import GroupId
from linkbalancer.weights.bandwidth import AvailableBandwidth, Direction
from linkbalancer.weights.checked import Checks
from linkbalancer.weights.composite import Composite, Part
from linkbalancer.weights.cost import Cost, Tariff
from linkbalancer.weights.damping import Damping
from linkbalancer.weights.expression import Expression
from linkbalancer.weights.function import Function
from linkbalancer.weights.hysteresis import Calm
from linkbalancer.weights.latency import Latency
from linkbalancer.weights.loss import Loss
from linkbalancer.weights.mapping import Linear, Logarithmic, PriorityMapping, Steps
from linkbalancer.weights.settings import WeigherSettings, Weighing
from linkbalancer.weights.spread import Spread
from linkbalancer.weights.wall import Days, Hours
from tests.config.texts import changed, loaded


def config(link: str = "{}", group: str = "{}") -> Config:
    """Return a configuration whose link and group are weighed so."""
    text = changed(
        ("l1.key}", f"l1.key, weight: {link}}}"),
        ("priority: 150,", f"priority: 150, weight: {group},"),
        ("applications:", "trackers: {up: {device: eth9}}\napplications:"),
    )
    return loaded(text).config


def settings(link: str = "{}", group: str = "{}") -> Weighing:
    """Return how VID 1 is weighed."""
    return config(link, group).weights("l1").groups[GroupId(1)]


def test_nothing_is_weighed_unless_somebody_says_so() -> None:
    """The default function is static."""
    assert config().weights("l1") == WeigherSettings("l1")
    assert config("latency", "static").weights("l1") == WeigherSettings("l1")


def test_a_text_alone_is_the_function_with_every_default() -> None:
    """Those of the package."""
    assert settings("latency") == settings(group="latency") == Weighing(function=Latency())


def test_a_groups_keys_come_before_its_links() -> None:
    """Key by key, also within the parameters of a function; a mapping is one whole."""
    link = "{function: latency, latency: {good: 5ms, bad: 100ms}, hold: 1s, mapping: {min: 100}, damping: {reuse: 0.5}}"
    group = "{latency: {bad: 200ms}, hysteresis: 8, mapping: {kind: logarithmic, max: 200}, damping: {suppress: 4}}"

    assert settings(link, group) == Weighing(
        function=Latency(good=5 * MILLISECOND, bad=200 * MILLISECOND),
        mapping=Logarithmic(2, 200),
        calm=Calm(least=8, hold=SECOND),
        damping=Damping(suppress=4, reuse=0.5),
    )


@pytest.mark.parametrize(
    ("keys", "function"),
    [
        (
            "{function: available-bandwidth, available-bandwidth: {best: 1Mbit, busy: 50%, direction: inward}}",
            AvailableBandwidth(best=1e6, busy=0.5, direction=Direction.INWARD),
        ),
        ("{function: loss, loss: {good: 1%, bad: 20%}}", Loss(good=0.01, bad=0.2)),
        (
            (
                "{function: cost, cost: {price: 3, dear: 5, cap: 1GB, careful: 50%, resets: 15, "
                "schedule: [{price: 0, days: sat, hours: 01:00-02:00}, {price: 1}]}}"
            ),
            Cost(
                price=3,
                dear=5,
                cap=1e9,
                careful=0.5,
                resets=15,
                schedule=(Tariff(price=0, days=Days(frozenset({5})), hours=Hours(60, 120)), Tariff(price=1)),
            ),
        ),
        ("{function: checks, checks: [up]}", Checks(("up",))),
        ("{function: expression, expression: 100 - rtt / 1ms}", Expression("100 - rtt / 1ms")),
        (
            "{function: composite, composite: {loss: 2, latency: 1}, latency: {jitter: 0}}",
            Composite((Part(Loss(), 2), Part(Latency(jitter=0), 1))),
        ),
    ],
)
def test_every_function_gets_its_parameters(keys: str, function: Function) -> None:
    """As they are written."""
    assert settings(keys).function == function


@pytest.mark.parametrize(
    ("keys", "mapping"),
    [
        ("linear", Linear()),
        ("{min: 50, max: 60}", Linear(50, 60)),
        ("logarithmic", Logarithmic()),
        ("{kind: steps, steps: {0: 10, 50: 100}}", Steps(((0, 10), (50, 100)))),
    ],
)
def test_every_mapping(keys: str, mapping: PriorityMapping) -> None:
    """By its kind alone, or with its keys."""
    assert settings(f"{{function: loss, mapping: {keys}}}").mapping == mapping


def test_the_rest_of_the_keys() -> None:
    """Spread, the weight of the unknown, and damping that is off."""
    found = settings("{function: loss, unknown: 20, damping: {active: false}}")

    assert (found.unknown, found.damping, found.spread) == (20, None, Spread.NONE)
    assert config("{function: loss, spread: even}").links["l1"].weight.spread is Spread.EVEN


def test_the_far_end_weighs_nothing() -> None:
    """And a link is weighed for its own members alone."""
    text = changed(("role: controller", "role: controlled"))

    assert loaded(text).config.weights("l1") == WeigherSettings("l1")
    assert set(config("latency").weights("l1").groups) == {GroupId(1)}


def test_it_survives_the_way_between_our_processes() -> None:
    """As JSON: the same settings come out."""
    link = (
        "{function: composite, composite: {cost: 1, available-bandwidth: 1, expression: 1, checks: 2}, checks: [up], "
        "expression: 50, available-bandwidth: {best: 2.5Gbit}, mapping: {kind: steps, steps: {0: 10, 50: 90}}, "
        "cost: {cap: 1.5GB, schedule: [{price: 1, days: mon-fri, hours: 22:00-06:00}]}, spread: none}"
    )
    before = config(link)
    after = Config.model_validate_json(before.model_dump_json(by_alias=True))

    assert after.weights("l1") == before.weights("l1")
    assert after == before

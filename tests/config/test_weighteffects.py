"""Tests of what is warned of: weights that move no Master, and keys that say nothing."""

import pytest

from tests.config.test_weightchecks import at_group, at_link, marked
from tests.config.texts import CONFIG, changed, loaded

SECOND = ("applications:", "  3: {device: eth0, link: l1, virtual_ips: [192.168.1.253/24]}\napplications:")
SIX = ("applications:", "  3/ipv6: {device: eth0, link: l1, virtual_ips: [fe80::1/64]}\napplications:")


def warnings(text: str) -> list[str]:
    """Return the warnings of a good configuration, as they are printed."""
    return [str(one).removeprefix("etc/linkbalancer.yaml:") for one in loaded(text).warnings]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (
            "{function: loss, ^mapping: {min: 90, max: 90}}",
            "the weight can never change a Master of VID 1: each is priority 90; map weights to several priorities",
        ),
        (
            "{function: loss, ^mapping: {kind: steps, steps: {0: 70, 50: 70}}}",
            "the weight can never change a Master of VID 1: each is priority 70; map weights to several priorities",
        ),
        (
            "{function: loss, ^latency: {bad: 1s}}",
            "latency says nothing: no VID is weighed by it; remove it, or write fu",
        ),
        (
            "{function: loss, ^composite: {loss: 1}}",
            "composite says nothing: no VID is weighed by it; remove it, or wri",
        ),
        (
            "{function: loss, plugins: {^night: {a: 1}}}",
            "night says nothing: no VID is weighed by it; remove it, or wr",
        ),
        ("{^hold: 1s}", "hold says nothing: no weight is reckoned; remove it, or name a function"),
        (
            "{function: static, ^damping: {reuse: 0.5}}",
            "damping says nothing: no weight is reckoned; remove it, or name a function",
        ),
        (
            "{function: loss, ^spread: even}",
            "spread says nothing: VID 1 is the only one of IPv4 on this link; remove it, or give the link more VIDs",
        ),
    ],
)
@pytest.mark.parametrize("where", [at_link, at_group])
def test_what_does_nothing_is_warned_of(keys: str, words: str, where: type) -> None:
    """At links and groups alike, where it is written."""
    text, place = marked(where(keys))

    assert [one[: len(place) + 2 + len(words)] for one in warnings(text)] == [f"{place}: {words}"]


@pytest.mark.parametrize(
    "keys",
    [
        "{function: loss, mapping: {min: 90, max: 91}}",
        "{function: composite, composite: {loss: 1, latency: 1}, latency: {bad: 1s}}",
        "{function: loss, spread: none}",
        "{function: static}",
        "latency",
    ],
)
@pytest.mark.parametrize("where", [at_link, at_group])
def test_what_does_something_is_not(keys: str, where: type) -> None:
    """Nothing is said of a good one."""
    assert warnings(where(keys)) == []


def test_spread_counts_the_vids_of_a_family_on_the_link() -> None:
    """Two of IPv4 will do, one of each family will not; those without a link do not count."""
    keys = "{function: loss, spread: even}"

    assert warnings(at_link(keys, SECOND)) == []
    assert [one.split("; ")[0] for one in warnings(at_link(keys, SIX))] == [
        f"{place(at_link(keys))}: spread says nothing: VID {vid} is the only one of {family} on this link"
        for vid, family in (("1", "IPv4"), ("3/ipv6", "IPv6"))
    ]


def place(text: str) -> str:
    """Return where `spread` stands."""
    return marked(text.replace("spread", "^spread"))[1]


def test_a_spread_that_no_priority_tells_apart_is_warned_of() -> None:
    """With a VID before and without, the far end would be told the same."""
    keys = "{function: loss, spread: weighted, mapping: {kind: steps, steps: {0: 10, 40: 100}}}"

    what = "spread can never move VID 1: with a VID before it and without, the priority is 100"

    assert warnings(at_group(keys, SECOND)) == [
        f"{place(at_group(keys))}: {what}; let the mapping tell these weights apart"
    ]


def test_a_key_of_a_link_is_of_use_to_one_vid_alone() -> None:
    """Then nothing is said of it."""
    link = "{function: loss, latency: {bad: 1s}, hold: 3s}"

    assert warnings(at_link(link, ("link: l1,", "link: l1, weight: latency,"))) == []
    assert len(warnings(at_link(link, ("link: l1,", "link: l1, weight: static,")))) == 2


def test_nothing_is_said_where_nothing_is_written() -> None:
    """The configurations of before are as good as they were."""
    assert warnings(CONFIG) == []


CAPACITY = "add capacity to the link, such as capacity: 100Mbit"


@pytest.mark.parametrize(
    ("keys", "needy"),
    [
        ("^available-bandwidth", "available-bandwidth"),
        ("{function: composite, composite: {loss: 1, ^available-bandwidth: 1}}", "available-bandwidth"),
        ("{function: ^expression, expression: 100 * free / 1Gbit}", "expression"),
        ("{function: ^expression, expression: 100 - 100 * load_in}", "expression"),
    ],
)
def test_a_capacity_that_nobody_says_is_warned_of(keys: str, needy: str) -> None:
    """Where the device is one of those that have no speed, and none is configured."""
    text, where = marked(at_group(keys))
    tunnel = text.replace("eth1", "wg0")
    what = f"{needy} needs the capacity of link l1, and a device such as wg0 says none"

    assert warnings(tunnel) == [f"{where}: {what}; {CAPACITY}"]
    assert warnings(tunnel.replace("l1.key}", "l1.key, capacity: 10Mbit}")) == []
    assert warnings(text) == []


@pytest.mark.parametrize("keys", ["latency", "{function: expression, expression: 100 - rtt / 1ms}"])
def test_a_capacity_that_nobody_asks_for_is_not(keys: str) -> None:
    """A tunnel is weighed by its latency as well as any link."""
    assert warnings(changed(("l1.key}", f"l1.key, weight: {keys}}}"), ("eth1", "tun0"))) == []

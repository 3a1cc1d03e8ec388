"""Tests of what one tracker may be, and how it is written."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.config.findings import FieldError
from linkbalancer.config.model import Config
from linkbalancer.config.trackers import (
    parse_any_address,
    parse_command,
    parse_influence,
    parse_prefix,
    parse_text,
    parse_user,
    write_influence,
)
from linkbalancer.health.check import KILL_AFTER, Schedule
from linkbalancer.health.influence import Influence
from linkbalancer.links import Family, GroupId
from tests.config.texts import changed, loaded

TRACKERS = """\
trackers:
  up: {device: eth9, down_delay: 100ms}
  look: {script: "/bin/look 'at this'", interval: 2s, timeout: 500ms, rise: 3, fall: 2, init: down, user: nobody}
  plain: {script: [/bin/look]}
  there: {file: there}
  way: {route: default, via: 192.0.2.1}
  six: {route: "2001:db8::/32", via: "fe80::1"}
  work: {process: unbound}
applications: apps.conf
"""


def with_trackers() -> Config:
    """Return a configuration with a tracker of each kind."""
    track = "advert_interval: 200ms, track: {up: -50, look: fault, plain: 5, there: -5, way: 5, six: 5, work: fault}"
    return loaded(changed(("advert_interval: 200ms", track), ("applications: apps.conf\n", TRACKERS))).config


def test_a_tracker_is_of_the_kind_of_its_key() -> None:
    """And a script has a schedule."""
    trackers = with_trackers().trackers
    kinds = {name: one.kind for name, one in trackers.items()}
    assert kinds == {
        "up": "device",
        "look": "script",
        "plain": "script",
        "there": "file",
        "way": "route",
        "six": "route",
        "work": "process",
    }
    assert trackers["up"].delays == (0, 100 * MILLISECOND)
    assert trackers["look"].script == ("/bin/look", "at this")
    assert trackers["look"].schedule == Schedule(
        interval=2 * SECOND, timeout=500 * MILLISECOND, rise=3, fall=2, init=False, kill_after=KILL_AFTER
    )
    assert trackers["plain"].schedule == Schedule(interval=SECOND, timeout=SECOND, kill_after=KILL_AFTER)


def test_it_can_be_written_and_read_again() -> None:
    """As values, and as the JSON that our own processes hand on."""
    config = with_trackers()
    assert Config.model_validate(config.model_dump(by_alias=True)) == config
    assert Config.model_validate_json(config.model_dump_json(by_alias=True)) == config


def test_a_groups_influences_are_its_own_and_its_sync_groups() -> None:
    """What a sync group tracks moves every member of it."""
    more = "sync_groups: {edge: {groups: [1, 2], track: {up: -50}}}\n"
    more += "trackers: {gw: {file: gw}, up: {device: eth9}}\napplications: apps.conf\n"
    text = changed(
        ("mode: observe, ", "link: l1, "),
        ("advert_interval: 200ms", "advert_interval: 200ms, track: {gw: fault}"),
        (
            "applications: apps.conf\n",
            more,
        ),
    )
    assert loaded(text).config.influences == {
        GroupId(1): {"gw": Influence(None), "up": Influence(-50)},
        GroupId(2, Family.IPV4): {"up": Influence(-50)},
    }


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("/bin/x -a 'b c'", ("/bin/x", "-a", "b c")),
        (["/bin/x", "b c"], ("/bin/x", "b c")),
        (("x",), ("x",)),
    ],
)
def test_a_command_is_words(raw: object, expected: tuple[str, ...]) -> None:
    """No shell has a say in it."""
    assert parse_command(raw) == expected


@pytest.mark.parametrize("raw", ["", [], [""], "'open", 5, ["x", 5], ["x", "a\nb"], ["x"] * 65, None])
def test_what_is_no_command(raw: object) -> None:
    """Each with a remedy."""
    with pytest.raises(FieldError, match=r"command|quote"):
        parse_command(raw)


@pytest.mark.parametrize(
    ("raw", "influence"),
    [
        (-50, Influence(-50)),
        (253, Influence(253)),
        ("fault", Influence(None)),
        ({"weight": -5, "reverse": True}, Influence(-5, reverse=True)),
        ({"weight": "fault", "reverse": True}, Influence(None, reverse=True)),
        ({"weight": 7}, Influence(7)),
        (Influence(1), Influence(1)),
    ],
)
def test_an_influence_is_a_weight_or_a_fault(raw: object, influence: Influence) -> None:
    """And is written as it is read."""
    assert parse_influence(raw) == influence
    assert parse_influence(write_influence(influence)) == influence


@pytest.mark.parametrize(
    "raw", [0, 254, -254, True, "many", None, {}, {"weight": 0}, {"weight": 5, "other": 1}, {"weight": 5, "reverse": 1}]
)
def test_what_is_no_influence(raw: object) -> None:
    """The remedy shows all three ways of writing one."""
    with pytest.raises(FieldError, match="fault, or"):
        parse_influence(raw)


def test_words_users_addresses_and_prefixes() -> None:
    """Read as they are written."""
    assert parse_text("unbound.conf") == "unbound.conf"
    assert parse_user("nobody") == "nobody"
    assert parse_any_address("192.0.2.1") == IPv4Address("192.0.2.1")
    assert parse_any_address("fe80::1") == IPv6Address("fe80::1")
    assert parse_any_address(IPv4Address(1)) == IPv4Address(1)
    assert parse_prefix("default") == IPv4Network("0.0.0.0/0")
    assert parse_prefix("2001:db8::/32") == IPv6Network("2001:db8::/32")
    assert parse_prefix(IPv4Network("10.0.0.0/8")) == IPv4Network("10.0.0.0/8")
    for parse, raw in (
        (parse_text, ""),
        (parse_text, "a\tb"),
        (parse_text, "x" * 257),
        (parse_user, "a b"),
        (parse_any_address, "somewhere"),
        (parse_prefix, "10.0.0.1/8"),
    ):
        with pytest.raises(FieldError, match="write"):
            parse(raw)

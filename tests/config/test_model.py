"""Tests of what the values of a configuration become."""

from ipaddress import IPv4Address, IPv4Interface
from random import Random

import pytest
from pydantic import ValidationError

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.config.model import Config
from linkbalancer.engine.agent import Agent
from linkbalancer.links import GroupId, OnProbeLoss, Role
from linkbalancer.lvrrp.keys import Key
from linkbalancer.lvrrp.settings import LinkSettings, ProbeFunction
from linkbalancer.routing.marks import Marks
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.packet import ChecksumForm
from tests.config.texts import changed, loaded


def test_a_link_becomes_its_machines_settings() -> None:
    """Times that are not given follow from those that are."""
    config = loaded().config

    assert config.links["l1"].settings("l1", config) == LinkSettings(
        name="l1",
        node="b1",
        role=Role.CONTROLLER,
        device="eth1",
        local=IPv4Address("10.1.0.1"),
        peer=IPv4Address("10.1.0.2"),
        port=20112,
        interval_min=100 * MILLISECOND,
        interval_max=200 * MILLISECOND,
        misses=3,
        detect=600 * MILLISECOND,
        up_delay=600 * MILLISECOND,
        on_probe_loss=OnProbeLoss.STOP,
        insecure=False,
    )


def test_a_links_own_times_are_taken() -> None:
    """Nothing that is written is overruled by a default."""
    own = "probe: {interval: 50ms, misses: 4, detect: 1s}, up_delay: 0s, on_probe_loss: demote, port: 7, insecure: true"
    own += ", via: 10.1.9.9"
    config = loaded(changed(("key_file: keys/l1.key", own))).config
    settings = config.links["l1"].settings("l1", config)

    assert (settings.interval_min, settings.interval_max) == (50 * MILLISECOND, 50 * MILLISECOND)
    assert (settings.misses, settings.detect, settings.up_delay) == (4, SECOND, 0)
    assert (settings.on_probe_loss, settings.port, settings.insecure) == (OnProbeLoss.DEMOTE, 7, True)
    assert (settings.via, settings.gateway) == (IPv4Address("10.1.9.9"), IPv4Address("10.1.9.9"))


def test_the_next_hop_of_a_plain_link_is_its_far_end() -> None:
    """There is no router between."""
    config = loaded().config

    assert config.links["l1"].settings("l1", config).gateway == IPv4Address("10.1.0.2")


def test_a_group_becomes_its_routers() -> None:
    """As written, and by default."""
    groups = loaded(changed(("200ms", "200ms, checksum: rfc5798"))).config.groups

    assert groups[GroupId(1)].vrrp(GroupId(1)) == Group(
        vid=1,
        device="eth0",
        virtual_ips=(IPv4Interface("192.168.1.251/24"),),
        priority=150,
        advert_interval=200 * MILLISECOND,
        preempt=True,
        checksum=ChecksumForm.RFC5798,
    )
    assert groups[GroupId(2)].vrrp(GroupId(2)).advert_interval == SECOND
    assert (groups[GroupId(2)].mode, groups[GroupId(2)].link) == ("observe", None)


def test_marks_come_from_two_sections() -> None:
    """Defaults are the documented numbers."""
    text = "marks: {guard: 0x80000000}\ntables: {base: 1000, rules: 100}\napplications:"

    assert loaded().config.marks == Marks()
    assert loaded(changed(("applications:", text))).config.marks == Marks(
        guard_bit=0x80000000, table_base=1000, rule_base=100
    )


def test_a_configuration_is_frozen() -> None:
    """What was checked stays as it was."""
    config = loaded().config
    with pytest.raises(ValidationError, match="frozen"):
        config.node = "b2"


def test_a_configuration_can_be_written_and_read_again() -> None:
    """Written out, its durations are as an operator writes them."""
    config = loaded().config

    assert Config.model_validate(config.model_dump(by_alias=True)) == config
    assert Config.model_validate_json(config.model_dump_json(by_alias=True)) == config


@pytest.mark.parametrize(
    ("written", "function", "ceiling"),
    [
        ("{}", ProbeFunction.RANDOM, SECOND),
        ("{interval: 50ms, function: fixed}", ProbeFunction.FIXED, 250 * MILLISECOND),
        ("{function: adaptive}", ProbeFunction.ADAPTIVE, SECOND),
        ("{function: adaptive, ceiling: 700ms}", ProbeFunction.ADAPTIVE, 700 * MILLISECOND),
    ],
)
def test_the_pace_of_probes_reaches_the_link(written: str, function: ProbeFunction, ceiling: int) -> None:
    """The settings that a gateway's links are built from have what was written, or what follows from it."""
    own = f"key_file: keys/l1.key, probe: {written}"
    found = loaded(changed(("key_file: keys/l1.key", own)))
    (link,) = Agent(found, {"l1": (Key(1, b"x" * 16),)}, Random(1), {}, session=1, boot=0).links.values()

    assert (link.settings.function, link.settings.ceiling) == (function, ceiling)

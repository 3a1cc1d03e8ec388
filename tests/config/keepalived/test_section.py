"""Tests of the groups that a Keepalived runs, as they are configured."""

import pytest

from linkbalancer.config.findings import ConfigErrors
from linkbalancer.config.keepalived.section import track_file
from linkbalancer.config.load import Loaded, load
from linkbalancer.links import Family, GroupId

HEAD = "node: b1\nrole: standalone\n"
GROUP = "device: eth0, virtual_ips: [192.0.2.{vid}/24]"


def loaded(text: str) -> Loaded:
    """Load a configuration."""
    return load("linkbalancer.yaml", lambda _: HEAD + text)


def group(vid: int, more: str) -> str:
    """Write a group."""
    return f"  {vid}: {{{GROUP.format(vid=vid)}, {more}}}\n"


def test_a_group_may_be_keepalived_s() -> None:
    """It says by which name Keepalived knows it."""
    config = loaded("groups:\n" + group(1, "mode: keepalived, instance: VI_1")).config

    assert ("keepalived", "VI_1") == (config.groups[GroupId(1)].mode, config.groups[GroupId(1)].instance)
    assert (None, None, None) == (config.keepalived.fifo, config.keepalived.track_dir, config.keepalived.user)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (group(1, "mode: keepalived"), "Keepalived's name for the group is missing"),
        (group(1, "instance: VI_1"), "instance says nothing in a group that no Keepalived runs"),
        (group(1, "mode: keepalived, instance: VI") + group(2, "mode: keepalived, instance: VI"), "group 1's already"),
        (group(1, "mode: keepalived, instance: VI, priority: 255"), "whom no track file moves"),
        (group(1, "mode: keepalived, instance: two words"), "the instance 'two words' cannot be"),
        (group(1, "mode: keepalived, instance: 5"), "5 is no instance"),
        (group(1, "mode: nonsense"), "nonsense"),
    ],
)
def test_what_cannot_be_is_refused(text: str, what: str) -> None:
    """With words of its own."""
    with pytest.raises(ConfigErrors) as caught:
        loaded("groups:\n" + text)

    assert any(what in finding.what for finding in caught.value.findings), caught.value.findings


def test_a_section_that_nobody_needs_is_doubtful() -> None:
    """Probably a mode was forgotten."""
    (warning,) = loaded("groups:\n" + group(1, "priority: 100") + "keepalived: {fifo: notify}\n").warnings

    assert "no group has mode: keepalived" in warning.what


@pytest.mark.parametrize(("one", "name"), [(GroupId(7), "7"), (GroupId(7, Family.IPV6), "7-ipv6")])
def test_every_group_has_a_file(one: GroupId, name: str) -> None:
    """Of both families."""
    assert name == track_file(one)

"""Tests of what Keepalived is told: the text, and that our own import reads the same from it."""

from ipaddress import ip_address, ip_interface

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.config.keepalived.conversion import convert
from linkbalancer.config.load import Loaded, load
from linkbalancer.config.rendering import Bridge, Delegated, places, render, rendered
from linkbalancer.links import Interface
from linkbalancer.vrrp.group import Announcing, Group

HEAD = "node: b1\nrole: standalone\ngroups:\n"


def interfaces(*words: str) -> tuple[Interface, ...]:
    """Return addresses with their prefix lengths."""
    return tuple(ip_interface(word) for word in words)


PLAIN = Group(
    vid=1, device="eth0", virtual_ips=interfaces("192.0.2.1/24"), priority=150, advert_interval=200 * MILLISECOND
)
FULL = Group(
    vid=2,
    device="eth0",
    virtual_ips=interfaces("192.0.2.2/24", "192.0.2.3/24"),
    excluded_ips=interfaces("2001:db8::2/64"),
    elsewhere=((interfaces("192.0.2.3/24")[0], "eth3"),),
    priority=100,
    advert_interval=SECOND,
    version=2,
    preempt_delay=5 * SECOND,
    accept=False,
    peers=(ip_address("192.0.2.8"),),
    source=ip_address("192.0.2.9"),
    ttl=(250, 255),
    password=b"s3 ret\xff",
    announcing=Announcing(2, 0, 0),
)
SIX = Group(
    vid=1,
    device="eth0",
    virtual_ips=interfaces("fe80::1/64"),
    priority=10,
    advert_interval=10 * MILLISECOND,
    preempt=False,
    virtual_mac=True,
    source=ip_address("fe80::9"),
)


def text(*groups: Group, whole: bool = True) -> str:
    """Render groups, by their numbers."""
    some = [Delegated(f"VI_{one.id.name}".replace("/", "_"), one, f"/run/{one.vid}") for one in groups]
    return render(Bridge("/run/notify", "keeper"), some, "linkbalancer.yaml", whole=whole)


def test_the_bridge_comes_first() -> None:
    """The FIFO, priorities in it, and a track file for each group that is a fault until somebody writes it."""
    lines = text(PLAIN, SIX).splitlines()

    assert "    vrrp_notify_fifo /run/notify keeper" in lines
    assert "    vrrp_notify_priority_changes on" in lines
    assert ["track_file linkbalancer_1 {", "track_file linkbalancer_1_ipv6 {"] == [
        line for line in lines if line.startswith("track_file")
    ]
    assert 2 == lines.count("    init_file -254")


def test_existing_instances_are_only_spoken_of() -> None:
    """Their priority must be ours, for numbers are added to it."""
    shown = text(PLAIN, whole=False)

    assert "vrrp_instance VI_1 {" not in shown
    assert "# in vrrp_instance VI_1, whose priority must be 150:" in shown


@pytest.mark.parametrize("group", [PLAIN, FULL, SIX], ids=lambda one: str(one.id.name))
def test_our_import_reads_what_was_rendered(group: Group) -> None:
    """Device, addresses, priority, interval, and everything else that both know."""
    shown = text(group)
    conversion = convert("k.conf", lambda _: shown, lambda *_: [], config_id="x", node="x")
    assert () == conversion.errors
    texts = {file.name: file.text for file in conversion.files}
    config = load("linkbalancer.yaml", texts.__getitem__).config
    ((found, settings),) = config.groups.items()
    got = settings.vrrp(found, group.password)

    for name in ("vid", "device", "virtual_ips", "excluded_ips", "elsewhere", "priority", "advert_interval", "version"):
        assert getattr(group, name) == getattr(got, name), name
    for name in ("preempt", "preempt_delay", "accept", "virtual_mac", "peers", "announcing"):
        assert getattr(group, name) == getattr(got, name), name
    if group.password is not None:
        secret = next(file.text for file in conversion.files if file.secret)
        assert secret.rstrip("\n") == group.password.decode("latin-1")


def loaded(groups: str, more: str = "") -> Loaded:
    """Load a configuration of some groups."""
    return load("/etc/lb/linkbalancer.yaml", lambda _: HEAD + groups + more)


def test_a_configuration_is_rendered() -> None:
    """With what is in the run directory, or where it says."""
    group = "  1: {mode: keepalived, instance: LAN, device: eth0, virtual_ips: [192.0.2.1/24]}\n"
    shown = rendered(loaded(group), "/run/lb")
    assert shown is not None
    assert 'file "/run/lb/keepalived/1"' in shown
    assert ("/run/lb/keepalived/notify", "/run/lb/keepalived") == places(loaded(group), "/run/lb")
    elsewhere = loaded(group, "keepalived: {fifo: notify, track_dir: /srv/track}\n")
    assert ("/etc/lb/notify", "/srv/track") == places(elsewhere, "/run/lb")


def test_without_such_groups_there_is_nothing() -> None:
    """To render."""
    assert rendered(loaded("  1: {device: eth0, virtual_ips: [192.0.2.1/24]}\n"), "/run/lb") is None

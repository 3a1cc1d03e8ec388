"""Whom a key concerns: whoever reads it is another one when it changes, for every key and every process.

What each process reads is not written down here: it is seen while the real thing is made.
"""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import pytest
from pydantic import BaseModel

from linkbalancer.config.load import Loaded, load
from linkbalancer.config.model import Config
from linkbalancer.config.quantities import DAY
from linkbalancer.config.section import Section
from linkbalancer.daemon import application, notifier
from linkbalancer.daemon.birth import Checked, offices, specs
from linkbalancer.daemon.bridging import Delegation
from linkbalancer.daemon.checker import CheckerProcess, plugins_used
from linkbalancer.daemon.judge import Judged
from linkbalancer.daemon.layout import layout_of, reserved
from linkbalancer.daemon.lifeline import Lifeline
from linkbalancer.daemon.lookout import look_every
from linkbalancer.daemon.scope import Chosen
from linkbalancer.daemon.texts import Texts
from linkbalancer.daemon.together import Boards
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.events import Started
from linkbalancer.engine.supervision import Word
from linkbalancer.lvrrp.settings import ProbeFunction
from linkbalancer.routing.classifier import compile_rules
from linkbalancer.vrrp.group import Tolerance

CONFIG = """\
node: b1
role: controller
lans:
  eth0: {members: [192.168.1.2], targets: [192.168.1.9]}
links:
  l1: {device: eth1, local: 10.1.0.1, peer: 10.1.0.2, insecure: true, capacity: 10Mbit,
       weight: {function: latency, latency: {good: 5ms, bad: 200ms}}}
groups:
  1: {device: eth0, link: l1, virtual_ips: [192.168.1.251/24], track: {t: -10}, unicast: {peers: [192.168.1.2]}}
  2: {mode: keepalived, device: eth0, link: l1, virtual_ips: [192.168.1.252/24], instance: VI_2}
  3: {mode: static, device: eth7, gateway: 203.0.113.1, probes: [{icmp: 203.0.113.9}, {arp: true}]}
  4: {device: eth0, link: l1, virtual_ips: [192.168.1.253/24]}
trackers:
  t: {file: /run/t, number: true}
  s: {script: /bin/true}
  p: {process: keepalived}
  r: {route: 0.0.0.0/0}
  d: {device: eth9}
sync_groups:
  one: {groups: [1, 4]}
applications: apps.conf
notifications:
  j: {journal: true}
"""
RULES = "Set=@s s.example.com\nApp=@s * * * 443 tcp [1] name=web\nApp=* * * * * * [1 3] name=all\n"
Begin: TypeAlias = Callable[[Loaded, Path], None]

SAMPLES: dict[str, object] = {
    "Config.processes": 2,
    "Config.steer_ipv6": True,
    "GatewayProbe.icmp": IPv4Address("203.0.113.8"),
    "Group.gateway": IPv4Address("203.0.113.2"),
    "Group.gateway6": IPv6Address("fe80::9"),
    "Group.link": "l1",
    "Group.mode": "static",
    "Group.mss_clamp": 1400,
    "Group.mtu": 1400,
    "Group.quorum": 2,
    "Group.timeout": 500_000_000,
    "Group.tolerate": (Tolerance.ADDRESSES,),
    "Group.version": 2,
    "Group.virtual_ips": (),
    "History.keep": DAY,
    "Lan.members": (),
    "Lan.targets": (),
    "Link.capacity": None,
    "Link.mss_clamp": 1400,
    "Link.mtu": 1400,
    "Link.peer6": IPv6Address("fe80::2"),
    "Link.up_delay": 5_000_000_000,
    "Link.via": IPv4Address("10.1.0.3"),
    "Probe.ceiling": 5_000_000_000,
    "Probe.detect": 5_000_000_000,
    "Probe.function": ProbeFunction.FIXED,
    "Probe.interval": (200_000_000, 300_000_000),
    "Unicast.peers": (IPv4Address("192.168.1.3"),),
    "Unicast.source": IPv4Address("192.168.1.1"),
    "Unicast.ttl": (255, 255),
    "Weight.function": "static",
}
"""What stands in place of some keys; of others it follows from the value, or is not tried."""

OF_WAYS = {
    "Group.device",
    "Group.gateway",
    "Group.link",
    "Group.mode",
    "Group.mss_clamp",
    "Group.mtu",
    "Link.device",
    "Link.mss_clamp",
    "Link.mtu",
}
"""Of the ways, applications' processes keep whether any translates and whether IPv6 is steered: no more of these."""

OF_WEIGHTS = {"Config.role", "LatencyKeys.bad", "LatencyKeys.good", "Weight.function"}
"""Of how links are weighed, the checker keeps which plug-ins are asked."""

OF_MARKS = {"Tables.base", "Tables.rules"}
"""Of the marks, the checker keeps those of its packets."""

OF_FAR_ENDS = {"Config.steer_ipv6"}
"""Whether IPv6 is steered is nothing to the checker where no far end over IPv6 is there to be asked."""


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    """Return a gateway's configuration with something of everything."""
    found = load("linkbalancer.yaml", {"linkbalancer.yaml": CONFIG, "apps.conf": RULES}.__getitem__)
    return replace(found, config=apart(found.config))


def sections(part: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Section]]:
    """Yield every section with its place."""
    if isinstance(part, Section):
        yield path, part
        for name in type(part).model_fields:
            yield from sections(part.__dict__[name], (*path, name))
    elif isinstance(part, dict | tuple):
        items = part.items() if isinstance(part, dict) else enumerate(part)
        for key, one in items:
            yield from sections(one, (*path, key))


def edited(part: Any, path: tuple[Any, ...], value: object) -> Any:
    """Return a part with another value at a place."""
    if not path:
        return value
    first, *rest = path
    if isinstance(part, BaseModel):
        return part.model_copy(update={first: edited(part.__dict__[first], tuple(rest), value)})
    if isinstance(part, dict):
        return {**part, first: edited(part[first], tuple(rest), value)}
    return (*part[:first], edited(part[first], tuple(rest), value), *part[first + 1 :])


def another(name: str, value: object) -> object:
    """Return another value of a key; the same where there is none to try."""
    if name in SAMPLES:
        return SAMPLES[name]
    match value:
        case bool():
            return not value
        case Enum():
            return next(one for one in type(value) if one != value)
        case int():
            return 2 * value + 1
        case IPv4Address():
            return value + 1
        case str():
            return f"{value}x"
        case _:
            return value


def apart(part: Any) -> Any:
    """Return a configuration with no section in two places, as defaults are."""
    if isinstance(part, BaseModel):
        return part.model_copy(update={name: apart(part.__dict__[name]) for name in type(part).model_fields})
    if isinstance(part, dict):
        return {key: apart(one) for key, one in part.items()}
    return tuple(map(apart, part)) if type(part) is tuple else part


@contextmanager
def watched(config: Config) -> Iterator[set[tuple[Any, ...]]]:
    """Yield the places that are read meanwhile."""
    places, read = {id(one): path for path, one in sections(config)}, set[tuple[Any, ...]]()

    def seen(self: Section, name: str) -> object:
        path = places.get(id(self))
        if path is not None and name in type(self).model_fields:
            read.add((*path, name))
        return BaseModel.__getattribute__(self, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Section, "__getattribute__", seen, raising=False)
        yield read


def digests(loaded: Loaded) -> dict[str, str]:
    """Return whom a zygote of this configuration forks, each with what its life depends on."""
    return specs(Checked(Chosen(Judged(Texts({}), loaded, {}), {}), compile_rules(loaded.rules)))


def be_agent(loaded: Loaded, _run_dir: Path) -> None:
    """Begin as the agent does."""
    agent = Agent(loaded, {}, Random(1), {"web": 2, "all": 3}, session=1, boot=10**12)
    agent.handle(10**12, Started())
    agent.status(10**12)
    agent.snapshot(10**12, live=True)
    repr((layout_of(loaded), reserved(loaded), look_every(loaded.config)))


def be_application(loaded: Loaded, run_dir: Path) -> None:
    """Be a process of applications, from its beginning to its end."""
    ours, theirs = Lifeline.pair()
    ours.say(Word.END)
    staff = offices(loaded)
    application.run(staff["app:web"], loaded, Lifeline(theirs), run_dir, Boards(staff))
    ours.close()


def be_checker(loaded: Loaded, run_dir: Path) -> None:
    """Begin as the checker does."""
    ours, theirs = Lifeline.pair()
    CheckerProcess(loaded, Lifeline(theirs), run_dir)
    ours.close()
    theirs.close()
    repr((Delegation.of(loaded, run_dir), plugins_used(loaded.config)))


def be_notifier(loaded: Loaded, _run_dir: Path) -> None:
    """Begin as the notifier does."""
    notifier.receivers(loaded, lambda _path: "")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    ("begin", "who", "least"),
    [
        (be_agent, {"agent": set()}, 100),
        (be_application, {"app:web": OF_WAYS, "app:all": OF_WAYS}, 13),
        (be_checker, {"checker": OF_WEIGHTS | OF_MARKS | OF_FAR_ENDS}, 50),
        (be_notifier, {"notifier": set()}, 1),
    ],
)
def test_who_reads_a_key_is_replaced_when_it_changes(
    loaded: Loaded, tmp_path: Path, begin: Begin, who: Mapping[str, set[str]], least: int
) -> None:
    """Else it goes on by what was: that happened when `nat` was added to a gateway at work.

    `who` is another one then, but for keys of which what it keeps does not follow.
    """
    with watched(loaded.config) as read:
        begin(loaded, tmp_path)
    gc.unfreeze()
    gc.collect()  # what was begun is closed here, and not in another test
    before, tried, forgotten = digests(loaded), 0, []
    for place in sorted(read, key=str):
        part = found(loaded.config, place[:-1])
        value, key = found(part, place[-1:]), f"{type(part).__name__}.{place[-1]}"
        other = another(key, value)
        concerned = [name for name, follows in who.items() if key not in follows]
        if other != value and concerned:
            tried += 1
            after = digests(replace(loaded, config=edited(loaded.config, place, other)))
            forgotten += [f"{place}: {value} to {other}" for one in concerned if after.get(one) == before[one]]
    assert "\n".join(forgotten) == ""
    assert tried >= least


def found(part: Any, path: tuple[Any, ...]) -> Any:
    """Return what stands at a place."""
    for step in path:
        part = part.__dict__[step] if isinstance(part, BaseModel) else part[step]
    return part

"""Sites for tests: the simulator's configuration texts, changed where a test says so."""

from collections.abc import Mapping
from ipaddress import IPv4Address

from linkbalancer.config.load import load
from linkbalancer.engine.foresight.failure import Failures, read_failures
from linkbalancer.engine.foresight.outcome import Oracle, Outcome
from linkbalancer.engine.foresight.site import Site, site_of
from linkbalancer.links import GroupId, NodeName, Role
from linkbalancer.routing.application import Application
from linkbalancer.sim.shape import Shape

NEAR, FAR, HERE = Role.CONTROLLER, Role.CONTROLLED, Role.STANDALONE

ALONE = """\
node: gw
role: standalone
lans: {eth0: {}}
groups:
  1: {mode: static, device: wan1, gateway: 203.0.113.1}
  2: {mode: static, device: wan2, gateway: 192.0.2.1}
applications: apps.conf
"""

ALONE_RULES = "App=* * * * 443 tcp [1 2] name=web\nApp=* * * * * * [2] name=rest\n"


def texts(shape: Shape, *changes: tuple[NodeName, str, str]) -> dict[NodeName, str]:
    """Return the texts of a shape's gateways, with some of a gateway's words replaced, which must be there."""
    found = {name: shape.text(name) for name in shape.node_names}
    for name, old, new in changes:
        assert old in found[name], old
        found[name] = found[name].replace(old, new)
    return found


def site(
    some: Mapping[NodeName, str],
    rules: str,
    addresses: Mapping[NodeName, Mapping[str, IPv4Address]] | None = None,
    ipv4_only: frozenset[str] = frozenset(),
) -> Site:
    """Load texts as the command does, and join them."""
    configs, applications = {}, dict[str, Application]()
    for name, text in some.items():
        loaded = load("x.yaml", {"x.yaml": text, "apps.conf": rules}.__getitem__)
        configs[name], applications = loaded.config, dict(loaded.rules.applications)
    return site_of("some", configs, applications, addresses or {}, ipv4_only)


def small(*changes: tuple[NodeName, str, str], shape: Shape | None = None, without: tuple[NodeName, ...] = ()) -> Site:
    """Return the site of a shape (two links, three VIDs, the third over link 1 alone), without the files of some."""
    shape = shape or Shape()
    some = {name: text for name, text in texts(shape, *changes).items() if name not in without}
    return site(some, shape.rules())


def after(oracle: Oracle, *words: str) -> Outcome:
    """Return what failures come to, named as on a command line."""
    return oracle.outcome(failed(oracle.site, *words))


def failed(of: Site, *words: str) -> Failures:
    """Return failures by their words."""
    return read_failures(words, of)


def masters(outcome: Outcome, vid: int) -> tuple[str | None, str | None]:
    """Return the Masters of a VID, near and far."""
    return outcome.standings[NEAR, GroupId(vid)].master, outcome.standings[FAR, GroupId(vid)].master

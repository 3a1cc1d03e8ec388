"""What a dying agent leaves to its successor."""

import json

import pytest

from linkbalancer.engine.membership import Membership
from linkbalancer.engine.snapshot import Recollection, read, resumption
from linkbalancer.links import GroupId
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.shape import LAN_DEVICE, Shape, loaded, mac_of
from linkbalancer.vrrp.events import Resume

MS = 1_000_000


def membership() -> Membership:
    """Return VID 1 of gateway b1."""
    return Membership.of(GroupId(1), loaded(Shape(), "b1").config.groups[GroupId(1)], 0)


def test_a_snapshot_reads_back_what_it_says() -> None:
    """Masters with their next advert, links, and the members of the LAN; no secret and no session."""
    node = healthy(Shape(), 1).nodes["b1"]
    assert node.agent is not None
    text = json.dumps(node.agent.snapshot(node.clock))
    left = read(json.loads(text))
    assert (set(left.masters), set(left.links)) == ({GroupId(1), GroupId(3)}, {"l1"})
    assert left.members == {LAN_DEVICE: {mac_of("b2")}}
    assert not [word for word in ("secret", "session", "key") if word in text]


@pytest.mark.parametrize(
    "snapshot",
    [
        None,
        {},
        {"schema": 2},
        {"schema": 1, "links": [], "masters": {}, "members": {}},
        {"schema": 1, "links": {}, "masters": {"1": {}}, "members": {}},
        {"schema": 1, "links": {}, "masters": {"1": {"priority": 1, "advert_at": float("inf")}}, "members": {}},
        {"schema": 1, "links": {}, "masters": {}, "members": {"eth0": ["xx"]}},
        {"schema": 1, "links": {}, "masters": {}, "members": {"eth0": None}},
    ],
)
def test_a_snapshot_of_another_shape_is_none(snapshot: dict[str, object] | None) -> None:
    """It must never stop a start."""
    assert read(snapshot) == Recollection()


def test_a_mastership_is_gone_on_with_while_its_peers_wait() -> None:
    """Up to three intervals after the last advert; what was no Master is none."""
    left = Recollection(masters={GroupId(1): (219, 1000 * MS)})
    assert resumption(900 * MS, left, membership()) == Resume(219, 1000 * MS)
    assert resumption(1399 * MS, left, membership()) == Resume(219, 1399 * MS)
    assert resumption(1400 * MS, left, membership()) is None
    assert resumption(900 * MS, Recollection(), membership()) is None


def test_a_predecessor_of_another_interval_or_priority_is_corrected() -> None:
    """The next advert comes within the present interval, the priority is one that may be told."""
    left = Recollection(masters={GroupId(1): (255, 5000 * MS)})
    assert resumption(900 * MS, left, membership()) == Resume(254, 1100 * MS)


@pytest.mark.parametrize(
    ("alive", "interval", "due"),
    [(0, 200, 1000), (999, 200, 1000), (1000, 200, 1200), (1999, 200, 2000), (2000, 200, 2200), (5000, 0, 1000)],
)
def test_who_lived_on_after_its_snapshot_has_advertised_since(alive: int, interval: int, due: int) -> None:
    """A sign of life says that every advert until then was sent; the next one is on the same grid."""
    master = {"priority": 219, "advert_at": 1000 * MS, "interval": interval * MS}
    left = read({"schema": 2, "links": {}, "masters": {"1": master}, "members": {}, "alive": alive * MS})
    assert left.masters == {GroupId(1): (219, due * MS)}

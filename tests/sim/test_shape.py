"""Generated configurations."""

import pytest

from linkbalancer.links import OnProbeLoss, Role
from linkbalancer.sim.shape import LINKS_MAX, Shape, loaded


def test_every_gateway_of_every_shape_has_a_configuration_that_an_operator_could_write() -> None:
    """They pass the daemon's own loader without a finding, and without a warning."""
    for shape in (
        Shape(),
        Shape(3, 4, OnProbeLoss.STOP),
        Shape(4, 2, secret=False),
        Shape(1, 1),
        Shape(64, 64),
        Shape(3, 3, weight="latency"),
    ):
        for name in (shape.node_names[0], shape.node_names[-1]):
            assert loaded(shape, name).warnings == ()


def test_the_default_shape_is_two_links_with_a_third_vid_on_link_1_alone() -> None:
    """VID 3 is observed where link 1 does not end."""
    config = loaded(Shape(), "f2").config
    assert (config.role, config.links["l2"].on_probe_loss) == (Role.CONTROLLED, OnProbeLoss.DEMOTE)
    assert {id_.vid: (group.mode, group.link) for id_, group in config.groups.items()} == {
        1: ("member", "l2"),
        2: ("member", "l2"),
        3: ("observe", None),
    }


def test_near_gateways_weigh_their_links() -> None:
    """The far ones obey."""
    near, far = (loaded(Shape(3, 3, weight="latency"), name).config for name in ("b2", "f2"))
    assert near.weights("l2").groups
    assert not far.weights("l2").groups


def test_contrary_sides_prefer_different_links() -> None:
    """The near side's base priorities are turned by one link."""
    shape = Shape(contrary=True)
    near, far = ([shape.base(1, side, number) for number in (1, 2)] for side in ("near", "far"))
    assert (near, far) == ([100, 150], [150, 100])


@pytest.mark.parametrize(("links", "vids"), [(0, 1), (1, 0), (LINKS_MAX + 1, 1), (1, 65)])
def test_a_shape_without_addresses_for_it_is_refused(links: int, vids: int) -> None:
    """Addresses end where the numbers of links and VIDs do."""
    with pytest.raises(ValueError, match="can be simulated"):
        Shape(links, vids)

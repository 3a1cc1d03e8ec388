"""What changed since the judges looked."""

from linkbalancer.sim.changes import Changes


def test_a_packet_is_concerned_by_the_gateways_that_it_visits() -> None:
    """By all of them at first; then by those that are named; and by everything again when anything may have changed."""
    changes = Changes()
    assert changes
    assert changes.concern(())
    changes.clear()
    assert not changes
    assert not changes.concern(("b1",))
    changes.touch("b1")
    assert changes
    assert changes.concern(("b2", "b1"))
    assert not changes.concern(("b2",))
    changes.touch_all()
    changes.touch("b1")
    assert changes.concern(("b2",))


def test_addresses_that_moved_are_remembered_until_the_judges_looked() -> None:
    """Whatever changed after them."""
    changes = Changes()
    changes.clear()
    changes.touch("b1")
    assert not changes.addresses
    changes.touch("b1", addresses=True)
    changes.touch("b1")
    assert changes.addresses
    changes.clear()
    assert not changes.addresses

"""Tests of selectors."""

from linkbalancer.routing.selector import Interval, Selector

SELECTOR = Selector(
    family=4,
    source=Interval(1, 9),
    destination=Interval(3, 3),
    dscp=46,
    source_port=Interval(1024, 65535),
    destination_port=Interval(80, 80),
    protocols=(17, 6),
)


def test_mirroring_swaps_both_ends() -> None:
    """Addresses and ports change places, all else stays; twice is the selector itself."""
    mirrored = SELECTOR.mirrored()

    assert (mirrored.source, mirrored.destination) == (SELECTOR.destination, SELECTOR.source)
    assert (mirrored.source_port, mirrored.destination_port) == (SELECTOR.destination_port, SELECTOR.source_port)
    assert mirrored.mirrored() == SELECTOR


def test_the_canonical_form_names_every_field() -> None:
    """The form is fixed: names of applications and digests depend on it."""
    assert SELECTOR.canonical() == "4 1-9 3 46 1024-65535 80 6,17"
    assert Selector().canonical() == "* * * * * * *"


def test_an_unnamed_application_is_named_by_what_it_selects() -> None:
    """Equal selectors have one name, whatever the order of their protocols; others have another."""
    same = Selector(
        family=4,
        source=Interval(1, 9),
        destination=Interval(3, 3),
        dscp=46,
        source_port=Interval(1024, 65535),
        destination_port=Interval(80, 80),
        protocols=(6, 17),
    )

    assert same.application_name() == SELECTOR.application_name()
    assert SELECTOR.mirrored().application_name() != SELECTOR.application_name()
    assert Selector().application_name() == "app-5d41f07abddd"

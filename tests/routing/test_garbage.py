"""The collector stands still for a block, and is left as it was found."""

import gc

import pytest

from linkbalancer.routing.garbage import uncollected


@pytest.mark.parametrize("before", [True, False])
def test_the_collector_is_as_it_was_before_also_after_a_failure(*, before: bool) -> None:
    """In the block it is off; then as before, whatever happened in it."""
    was = gc.isenabled()
    try:
        _switch(on=before)
        with pytest.raises(ZeroDivisionError):
            _fails_uncollected()
        assert gc.isenabled() is before
    finally:
        _switch(on=was)


def _fails_uncollected() -> None:
    with uncollected():
        assert not gc.isenabled()
        raise ZeroDivisionError


def _switch(*, on: bool) -> None:
    if on:
        gc.enable()
    else:
        gc.disable()

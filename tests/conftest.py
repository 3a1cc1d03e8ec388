"""What all tests share: of those that are thorough no coverage is taken."""

import sys
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Count no lines while a test marked `thorough` runs: to count them takes up to four times what it does itself."""
    coverage = sys.modules.get("coverage")
    measure = coverage.Coverage.current() if coverage and item.get_closest_marker("thorough") else None
    if measure is None:
        return (yield)
    measure.stop()
    try:
        return (yield)
    finally:
        measure.start()

"""The package, built once for all tests, and a newer one to upgrade to."""

from pathlib import Path

import pytest

from tests.packaging.cleanroot import build_package, repacked


@pytest.fixture(scope="session")
def package() -> Path:
    """Return the package."""
    return build_package()


@pytest.fixture(scope="session")
def newer(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the same as version 99.0."""
    return repacked(package, tmp_path_factory.mktemp("newer"), "99.0")

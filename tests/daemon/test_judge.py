"""Tests of what is said of files that cannot be read."""

import pytest

from linkbalancer.daemon import judge


def test_a_service_that_may_not_read_says_how_it_could(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service is not root: its user is named, and what to do."""
    refused = PermissionError(13, "Permission denied", "l1.key")
    monkeypatch.setattr("os.geteuid", lambda: 65534)
    assert judge._why(refused) == "Permission denied for nobody (chgrp linkbalancer it, and chmod g+r it)"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert judge._why(refused) == "Permission denied"

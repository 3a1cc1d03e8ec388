"""Tests of the service's account."""

import grp
import os

import pytest

from linkbalancer.host.account import own_group, service_group


def test_the_group_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the host's group `linkbalancer`; a host without one has none."""
    monkeypatch.setattr(grp, "getgrnam", lambda name: grp.struct_group((name, "x", 995, [])))
    assert service_group() == 995

    def missing(name: str) -> grp.struct_group:
        raise KeyError(name)

    monkeypatch.setattr(grp, "getgrnam", missing)
    assert service_group() is None


def test_a_process_that_is_not_root_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever user it runs as, the group by which it reads is the one that counts; root asks for the service's."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 1001)
    assert own_group() == 1001
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("linkbalancer.host.account.service_group", lambda: 995)
    assert own_group() == 995

"""The protocol broken on purpose, in ways that a program could be: some judge objects to each, in drawn histories.

Others are beside the judge that they are about: tests/sim/test_judges.py, test_settling.py, test_obedience.py.
"""

import pytest

from linkbalancer.engine.effects import RemoveAddresses
from linkbalancer.lvrrp.probing import Probing
from linkbalancer.lvrrp.rules import Stance
from linkbalancer.sim.draw import draw
from linkbalancer.sim.kernel import Change, Kernel
from linkbalancer.sim.run import run
from linkbalancer.sim.shape import Shape


def objections(seeds: range, *kinds: str) -> str:
    """Return what the judges say to histories of two links in which such faults strike."""
    said = (run(draw(seed, Shape(2, 2), kinds)).objection for seed in seeds)
    return "\n".join(objection for objection in said if objection is not None)


def test_a_master_that_yields_to_nobody_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are two of them on one LAN."""
    monkeypatch.setattr("linkbalancer.vrrp.master._is_beaten_by", lambda *_: False)
    assert "the virtual IP of VID " in objections(range(1, 4), "cut", "death", "restart")


def test_a_backup_that_keeps_its_address_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers beside the Master."""
    change = Kernel.change

    def keeping(self: Kernel, effect: Change) -> None:
        if not isinstance(effect, RemoveAddresses):
            change(self, effect)

    monkeypatch.setattr(Kernel, "change", keeping)
    assert "the virtual IP of VID " in objections(range(1, 4), "cut", "drain")


def test_a_backup_that_does_not_wait_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes over while the Master lives, again and again."""
    monkeypatch.setattr("linkbalancer.vrrp.router.Router.master_down_interval", lambda *_: 150_000_000)
    assert " times on the near side, for " in objections(range(3))


def test_a_fault_that_nobody_minds_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that cannot serve its LAN has its peer carry on, into nowhere."""

    def runs(state: object, reason: str) -> Stance:
        return Stance(runs=True, priority=254, stopped_as=state, tier=None, reason=reason)  # type: ignore[arg-type]

    monkeypatch.setattr("linkbalancer.lvrrp.rules._stopped", runs)
    assert " stands still for " in objections(range(8), "drain", "leg")


def test_a_controller_that_asks_without_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every five milliseconds."""

    def due(self: Probing, *_: object, **__: object) -> int | None:
        return None if self._query_at is None else min(self._query_at, self._last_sent + 5_000_000)

    monkeypatch.setattr(Probing, "due", due)
    assert " datagrams in a second" in objections(range(1))

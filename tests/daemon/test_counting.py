"""Counting as the api's process sees it: what it asks for, what it tells, and what it does when that goes wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.daemon import counting
from linkbalancer.daemon.counter import FILE, Counter, Order
from linkbalancer.daemon.counting import INTERVAL, Counting, order_of
from linkbalancer.daemon.loop import Loop
from linkbalancer.drivers.nftables.counts import Beside
from tests.config.test_translationchecks import static
from tests.config.texts import CONFIG, loaded
from tests.daemon.test_examination import Agent, Clock

COUNTING = CONFIG + "metrics: {count: all}\n"
NUMBERS = {"web": 2, "rest": 3}
STATUS = {"applications": {"web": {"id": 2}, "rest": {"id": 3}, "new": {"id": None}}}


class Child:
    """The child that counts: what it was asked, and what it says."""

    def __init__(self, _loop: Loop, name: str, _work: object, heard: Any, _patience: object) -> None:
        """Nothing was asked yet."""
        assert name == "lb:counter"
        self.heard, self.asked, self.closed = heard, list[dict[str, Any]](), False

    def ask(self, question: bytes) -> None:
        """Keep the question."""
        self.asked.append(json.loads(question))

    def close(self) -> None:
        """Note it."""
        self.closed = True


class Log:
    """What was said."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.lines: list[str] = []

    def warning(self, event: str, **words: str) -> None:
        """Keep a line."""
        self.lines.append(f"{event}: {'; '.join(words.values())}")


class Office:
    """The api's process, as far as it counts."""

    def __init__(self, run_dir: Path, config: str = COUNTING) -> None:
        """Begin."""
        self.clock, self.agent, self.log, self.lost = Clock(), Agent(), Log(), 0
        self.loop: Any = Loop(self.clock)
        words: Any = (self.loop, loaded(config).config, self.agent, run_dir, self.log)
        self.counting = Counting(*words, lost=self.leave)

    def leave(self) -> None:
        """Note that the child is lost."""
        self.lost += 1

    @property
    def child(self) -> Child:
        """The child."""
        child: Any = self.counting._aide
        assert isinstance(child, Child)
        return child

    def turn(self, seconds: float = 2) -> None:
        """Have done what is due then."""
        self.clock.now += int(seconds * SECOND)
        self.counting._turn(self.clock.now)


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Return one with a child that says what the test says."""
    monkeypatch.setattr(counting, "Aide", Child)
    return Office(tmp_path)


def test_the_child_is_told_once_what_is_to_be_counted(office: Office) -> None:
    """As soon as the agent knows its numbers; then it is only asked. An application without a number waits."""
    office.turn()
    assert office.child.asked == []
    office.agent.status = STATUS
    office.turn()
    office.turn()
    office.turn()
    first, second = office.child.asked
    assert second == {}
    assert Order.of(first["order"]) == order_of(loaded(COUNTING).config, NUMBERS)
    assert Order.of(first["order"]).names == NUMBERS


def test_what_it_says_is_in_the_status(office: Office) -> None:
    """Before that, that there is nothing yet; a slow reading is made less often."""
    assert office.counting.part({}) == {"counts": {"for_ms": 0, "interval_ms": 0, "applications": {}, "why": None}}
    told = {"for_ms": 7, "interval_ms": 2000, "applications": {"web": []}}
    office.child.heard({"counts": told, "mended": False, "took_ns": 10**6}, "")
    assert office.counting.part({}) == {"counts": told | {"why": None}}
    assert office.counting._turns.interval == INTERVAL
    office.child.heard({"counts": told, "mended": True, "took_ns": 5 * 10**7}, "")
    assert office.counting._turns.interval == 5 * SECOND
    assert office.log.lines == ["put back: the table of counters; what passed meanwhile was not counted"]


def test_what_goes_wrong_is_said_once_and_tried_again(office: Office) -> None:
    """What was known stays, and says why it is old; the order is told anew."""
    office.agent.status = STATUS
    told = {"for_ms": 7, "interval_ms": 2000, "applications": {"web": []}}
    office.child.heard({"counts": told, "mended": False, "took_ns": 1}, "")
    office.turn()
    for _twice in range(2):
        office.turn()
        office.child.heard({"why": "no nft"}, "")
    assert office.log.lines == ["cannot count: no nft"]
    assert office.counting.part({}) == {"counts": told | {"why": "no nft"}}
    assert [sorted(one) for one in office.child.asked] == [["order"], ["order"]]
    office.child.heard({"counts": told, "mended": False, "took_ns": 1}, "")
    assert office.counting.part({})["counts"]["why"] is None


def test_a_child_that_dies_takes_its_parent_along(office: Office) -> None:
    """Unless it has never answered: then another one would not either."""
    office.child.heard(None, "the child has ended")
    assert office.lost == 0
    office.child.heard({"counts": {}, "mended": False, "took_ns": 1}, "")
    office.child.heard(None, "the child has ended")
    assert (office.lost, office.log.lines) == (1, ["cannot count: the child has ended"] * 2)
    office.counting.close()
    assert office.child.closed


def test_another_configuration_is_asked_for(office: Office) -> None:
    """Its applications may have changed without this process being replaced."""
    office.agent.status = STATUS
    office.turn()
    office.turn()
    office.counting.look(loaded(CONFIG + "metrics: {count: [web]}\n").config)
    office.turn()
    office.turn()
    assert Order.of(office.child.asked[-1]["order"]).names == {"web": 2}


def test_nothing_is_there_where_nothing_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No child, no key in the status, no sums of before."""
    monkeypatch.setattr(counting, "Aide", None)
    (tmp_path / FILE).write_text("{}")
    office = Office(tmp_path, CONFIG)
    assert office.counting.part({}) == {}
    assert not (tmp_path / FILE).exists()
    office.counting.look(loaded().config)
    office.counting.close()


def test_ways_are_devices_or_gateways_among_the_hosts() -> None:
    """Links, and the devices of plain gateways; on a LAN it is told by its address."""
    plan = order_of(loaded(static(device="eth7") + "metrics: {count: [web]}\n").config, NUMBERS).plan
    assert (plan.devices, plan.beside, plan.applications) == (("eth1", "eth7"), (), frozenset({2}))
    plan = order_of(loaded(static(device="eth0")).config, NUMBERS).plan
    (beside,) = plan.beside
    assert (plan.devices, beside, plan.applications) == (("eth1",), Beside("eth0", beside.gateway, 2), frozenset())
    again = order_of(loaded(static(device="eth0") + "metrics: {count: all}\n").config, NUMBERS)
    assert Order.of(json.loads(json.dumps(again.to_json()))) == again


def test_a_question_that_makes_no_sense_is_answered(tmp_path: Path) -> None:
    """The child goes on."""
    counter = Counter(tmp_path)
    assert "why" in counter.answer(b"nonsense")
    assert "why" in counter.answer(b'{"order": {}}')

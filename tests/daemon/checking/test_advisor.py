"""Tests of plug-ins in processes of their own: what they answer, and what becomes of those that do harm."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.clock import MILLISECOND, SECOND, Instant
from linkbalancer.daemon.checking import advice
from linkbalancer.daemon.checking.advisor import FORGIVEN, LATE, REST_LEAST, REST_MOST, Advisor
from linkbalancer.daemon.loop import Loop
from linkbalancer.host.users import UserError
from linkbalancer.links import GroupId
from linkbalancer.weights.metrics import Metrics
from linkbalancer.weights.question import Question, Reply
from linkbalancer.weights.view import Answer, View
from tests.config.plugins import installed
from tests.daemon.checking.turning import loop, turn_for, turn_until
from tests.daemon.waiting import alive, until

AGAIN_IN_1_S = ": it is asked again in 1 s"


class Desk:
    """An adviser for the plug-in `trip`, and what it said."""

    def __init__(self) -> None:
        """Begin."""
        self.loop, self.heard = loop(), list[Reply]()
        self.advisor = Advisor("trip", self.loop, lambda _now, replies: self.heard.extend(replies))
        self.loop.watch(self.advisor)

    def ask(self, does: str = "", vid: int = 1, rtt_ms: int = 30) -> None:
        """Ask the plug-in to do this."""
        view = View(group=GroupId(vid), metrics=Metrics(rtt=rtt_ms * MILLISECOND), parameters={"does": does})
        self.advisor.ask(self.loop.clock(), Question("l1", "trip", view))

    def answers(self, many: int = 1) -> list[Answer]:
        """Return the next answers, and forget them."""
        turn_until(self.loop, lambda: len(self.heard) >= many)
        found, self.heard[:] = [one.answer for one in self.heard], []
        return found


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Return a desk whose plug-in is installed."""
    with installed(tmp_path, monkeypatch, "trip = strange:Trip"):
        one = Desk()
        yield one
        one.advisor.close()
        one.loop.forget()


def test_it_answers_one_question_after_another(desk: Desk) -> None:
    """In one process; of two about the same the newer one, as soon as the one before is answered."""
    desk.ask(rtt_ms=30)
    pid = desk.advisor.pid
    desk.ask(rtt_ms=40)
    desk.ask(rtt_ms=50)
    desk.ask(vid=2, rtt_ms=60)

    assert desk.answers(3) == [Answer(70.0), Answer(50.0), Answer(40.0)]
    assert desk.advisor.pid == pid
    assert desk.advisor.deadline() is None


def test_it_has_nothing_and_is_nobody(desk: Desk) -> None:
    """Neither the descriptors of whoever has it asked, nor that user, where that one may become another."""
    desk.ask("sockets")
    (count,) = desk.answers()
    assert count.weight == 5  # three that lead nowhere, its line, and the folder that it counts them in
    desk.ask("who")
    assert desk.answers() == [Answer(0.0)]
    status = Path(f"/proc/{desk.advisor.pid}/status").read_text()
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert Path(f"/proc/{desk.advisor.pid}/comm").read_text() == "lb:trip\n"
    if os.geteuid() == 0:
        uid = int(next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1])
        assert pwd.getpwuid(uid).pw_name == "nobody"


@pytest.mark.parametrize("does", ["sleep", "spin"])
def test_one_that_never_returns_is_ended_and_rests(desk: Desk, does: str) -> None:
    """The loop turns meanwhile; other VIDs are answered after the rest, and it is asked the same again."""
    desk.ask(does)
    pid = desk.advisor.pid
    assert pid is not None
    desk.ask(vid=2)
    assert desk.answers(2) == [Answer(trouble=f"no answer within 1 s{AGAIN_IN_1_S}")] * 2
    assert not alive(pid)
    assert desk.advisor.pid is None
    assert desk.answers() == [Answer(70.0)]
    assert desk.advisor.pid not in {None, pid}


def test_one_that_eats_memory_is_refused_it(desk: Desk) -> None:
    """As an exception, which it may survive."""
    desk.ask("eat")
    (answer,) = desk.answers()
    assert answer.trouble.startswith("exception: MemoryError")
    desk.ask()
    assert desk.answers() == [Answer(70.0)]


def test_one_that_ends_is_started_anew(desk: Desk) -> None:
    """By itself, or by whoever killed it; one that is killed between two questions is noticed with the next."""
    desk.ask("end")
    assert desk.answers() == [Answer(trouble=f"its process ended with status 3{AGAIN_IN_1_S}")]
    desk.ask()
    assert desk.answers() == [Answer(70.0)]
    assert desk.advisor.pid is not None
    os.kill(desk.advisor.pid, 9)
    (answer,) = desk.answers()
    assert answer.trouble == "its process ended by signal 9: it is asked again in 2 s"


def test_what_is_no_answer_is_none(desk: Desk) -> None:
    """What its code writes on the line by itself."""
    desk.ask("scribble")
    (answer,) = desk.answers()
    assert answer.trouble == f"its process said what is no answer{AGAIN_IN_1_S}"


def test_the_rest_doubles_up_to_a_limit_and_is_forgiven(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is asked meanwhile."""
    started: list[Instant] = []

    def refuse(_name: str) -> None:
        started.append(0)
        raise UserError("no such user")

    monkeypatch.setattr(advice, "start", refuse)
    heard: list[Reply] = []
    with_loop = Loop()
    one = Advisor("trip", with_loop, lambda _now, replies: heard.extend(replies))
    now, rests = SECOND, list[int]()
    one.ask(now, Question("l1", "trip", View(group=GroupId(1))))
    one.ask(now, Question("l1", "trip", View(group=GroupId(2))))
    for _ in range(11):
        due = one.deadline()
        assert due is not None
        rests.append(due - now)
        now = due
        one.expire(now)
    assert rests == [min(REST_LEAST << number, REST_MOST) for number in range(11)]
    assert len(started) == 12
    assert heard[0].answer.trouble == f"it cannot be run: no such user{AGAIN_IN_1_S}"
    one.expire(now + FORGIVEN + 1)
    assert one.deadline() == now + FORGIVEN + 1 + REST_LEAST
    with_loop.forget()


def test_an_answer_for_nobody_is_not_told(desk: Desk) -> None:
    """After `forget`, with the agent that had asked; what comes late is ended all the same."""
    desk.ask()
    desk.advisor.forget()
    turn_until(desk.loop, lambda: desk.advisor.deadline() is None)
    desk.ask("sleep")
    pid = desk.advisor.pid
    assert pid is not None
    desk.advisor.forget()
    turn_until(desk.loop, lambda: not alive(pid))
    assert desk.heard == []
    assert LATE == REST_LEAST
    turn_for(desk.loop, 1.2)
    assert desk.advisor.pid is None


def test_the_process_ends_with_its_parent(desk: Desk) -> None:
    """And when it is closed."""
    desk.ask()
    desk.answers()
    pid = desk.advisor.pid
    assert pid is not None
    desk.advisor.close()
    until(lambda: not alive(pid), 5)

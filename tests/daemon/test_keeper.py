"""Tests of the keeper: what becomes of a configuration, without any process around it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from linkbalancer.clock import SECOND, Instant
from linkbalancer.daemon import configurations as store
from linkbalancer.daemon import logs
from linkbalancer.daemon.catalogue import who
from linkbalancer.daemon.configurations import Configurations, Entry, Facts, NotKeptError, digest
from linkbalancer.daemon.deeds import Deeds
from linkbalancer.daemon.keeper import AGAIN, Heard, Keeper, Ways
from linkbalancer.daemon.requests import Request

PATH = "/etc/linkbalancer/linkbalancer.yaml"
TEXTS = {PATH: "node: b1\n", "/etc/linkbalancer/l1.key": "1 00\n"}


class World:
    """A keeper, its store, and what it asks for."""

    def __init__(self, directory: Path) -> None:
        """Begin with one good configuration in force."""
        self.kept = Configurations(directory / "configurations")
        self.asked: list[dict[str, Any]] = []
        self.now: Instant = 1000 * SECOND
        self.status: dict[str, Any] | None = {"links": {"l1": {"open": True, "reason": "proven"}}}
        self.listens = True
        self.told: list[str] = []
        self.add(store.GOOD)
        self.keeper = self.born(1)

    def add(self, state: str, **changes: Any) -> Entry:
        """Keep a configuration."""
        entry = Entry(
            number=0, at=1.0, who="root", how="apply", digest=digest(PATH, TEXTS), path=PATH, state=state, **changes
        )
        return self.kept.add(entry, Facts(("changed",), PATH, {}), TEXTS, ())

    def notice(self, number: int | None, *lines: str) -> dict[str, Any]:
        """Return what the api is told of a configuration in force."""
        about = {"at": 1.0, "who": "root", "how": "apply", "source": "files", "path": PATH, "rules": PATH}
        return {"entry": number, **about, "sums": {}, "boot": "boot-1", "lines": list(lines), "grace_ms": {"l1": 3000}}

    def born(self, number: int | None, *lines: str) -> Keeper:
        """Return a keeper as a new api process has it."""
        ways = Ways(reload=self.reload, agent=self.agent, log=logs.start(), deeds=Deeds(self.tell))
        self.keeper = Keeper(self.kept, self.notice(number, *lines), ways, lambda: self.now)
        return self.keeper

    def tell(self, _kind: str, text: str, **_more: Any) -> None:
        """Take what the history is told."""
        self.told.append(text)

    def reload(self, request: dict[str, Any]) -> bool:
        """Note what the supervisor is asked for."""
        if self.listens:
            self.asked.append(request)
        return self.listens

    def agent(self, _verb: str, heard: Heard) -> None:
        """Answer as the agent."""
        heard(self.status, "" if self.status else "nobody listens there")

    def later(self, seconds: float) -> None:
        """Let time pass, ticking every second."""
        end = self.now + int(seconds * SECOND)
        while self.now < end:
            self.now += SECOND
            self.keeper.tick(self.now)

    def outcome(self, result: str, number: int | None = 1, *lines: str) -> None:
        """Tell how the newest request ended."""
        notice = self.notice(number, *lines)
        told = {"id": self.asked[-1]["id"], "result": result, "lines": list(lines), "notice": notice, "took_ms": 5}
        self.keeper.outcome(self.now, told)

    def ask(self, verb: str, **arguments: Any) -> "Answer":
        """Ask the keeper."""
        answer = Answer()
        request = Request(verb, arguments, "root", cast("Callable[[Request, bytes], None]", answer))
        self.keeper.verbs()[verb].take(self.now, request)
        return answer

    def states(self) -> list[str]:
        """Return the states on disk."""
        return [entry.state for entry in self.kept.entries()]

    def trial(self, seconds: int = 300) -> None:
        """Have a configuration come into force on trial."""
        self.ask("apply", confirm_s=seconds)
        wish = self.asked[-1]
        self.add(
            store.APPLYING, before=1, confirm_s=seconds, until=self.now + seconds * SECOND, open=tuple(wish["open"])
        )
        self.outcome("applied", 2)


class Answer:
    """What a request is answered."""

    def __init__(self) -> None:
        self.text = b""

    def __call__(self, _request: Request, text: bytes) -> None:
        """Take the answer."""
        self.text = text

    @property
    def fields(self) -> dict[str, Any]:
        """Return the answer, or the error."""
        reply = json.loads(self.text)
        return dict(reply["answer"] if reply["ok"] else reply["error"])


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world."""
    return World(tmp_path)


def test_what_was_started_with_is_good_when_the_agent_answers(world: World) -> None:
    """Not before."""
    world.add(store.APPLYING)
    world.born(2)
    world.status = None
    world.later(3)
    assert world.states() == [store.GOOD, store.APPLYING]
    world.status = {"links": {}}
    world.later(1)
    assert world.states() == [store.GOOD, store.GOOD]


def test_apply(world: World) -> None:
    """The answer comes with the outcome, which makes the configuration good."""
    answer = world.ask("apply", sudo_user="anna", id="mine")
    assert world.asked[-1]["who"] == "root (sudo by anna)"
    assert (world.asked[-1]["id"], world.asked[-1]["source"], answer.text) == ("mine", "files", b"")
    world.add(store.APPLYING, id="mine")
    world.outcome("applied", 2)
    assert (answer.fields["result"], answer.fields["entry"], answer.fields["state"]) == ("applied", 2, store.GOOD)
    assert world.states() == [store.GOOD, store.GOOD]


@pytest.mark.parametrize("result", ["refused", "failed"])
def test_an_apply_that_fails(world: World, result: str) -> None:
    """All its lines are told, and what was kept of it is marked."""
    answer = world.ask("apply", id="mine")
    world.add(store.APPLYING, id="mine")
    world.outcome(result, 1, "one", "two")
    assert (answer.fields["kind"], answer.fields["what"], answer.fields["lines"]) == ("refused", "one", ["one", "two"])
    assert world.states() == [store.GOOD, store.FAILED]
    assert world.keeper.configuration(world.now)["entry"] == 1


def test_a_trial_is_kept_before_it_is_asked_for(world: World) -> None:
    """Until it has ended, one way or the other; where it cannot be kept it is refused."""
    world.ask("apply", confirm_s=300, id="mine")
    wish = world.kept.intended()
    assert (wish["until"], wish["boot"], wish["open"], wish["id"]) == (1300 * SECOND, "boot-1", ["l1"], "mine")
    world.outcome("refused", 1, "a line")
    assert world.kept.intended() == {}
    world.ask("apply", confirm_s=300)
    world.born(1)
    assert world.kept.intended() == {}


def test_a_trial_is_confirmed(world: World) -> None:
    """Then it stays."""
    world.trial()
    assert world.states() == [store.GOOD, store.PENDING]
    assert world.keeper.configuration(world.now)["confirm_left_ms"] == 300_000
    assert "taken back in 5 min 00 s unless" in world.keeper.findings(world.now)[0]
    assert world.ask("confirm").fields["state"] == store.GOOD
    world.later(400)
    assert len(world.asked) == 1
    assert world.told[-1] == "configuration 2 confirmed by root"
    assert world.states() == [store.GOOD, store.GOOD]
    assert world.ask("confirm").fields["what"] == "no configuration awaits its confirmation"


def test_a_trial_is_not_confirmed(world: World) -> None:
    """At its end what was before comes back."""
    world.trial()
    world.later(299)
    assert len(world.asked) == 1
    world.later(1)
    wish = world.asked[-1]
    assert (wish["source"], wish["entry"], wish["how"], wish["who"]) == ("entry", 1, "revert", "linkbalancer")
    assert world.ask("confirm").fields["what"] == "it is being taken back"
    world.outcome("applied", 1)
    assert world.states() == [store.GOOD, store.REVERTED]
    assert world.kept.entries()[1].reason == "it was not confirmed within 5 min 00 s"
    world.later(100)
    assert len(world.asked) == 2
    assert world.told == [
        "configuration 2 came into force (apply by root, on trial for 5 min 00 s)",
        "configuration 2 is taken back: it was not confirmed within 5 min 00 s",
        "configuration 1 is in force again",
    ]


def test_a_trial_that_costs_a_link(world: World) -> None:
    """Is taken back at once, within a minute; after that a lost link is somebody else's doing."""
    world.trial()
    assert world.asked[0]["open"] == ["l1"]
    world.later(10)
    world.status = {"links": {"l1": {"open": False, "reason": "silent", "drained": None}}}
    world.later(5)
    assert "the link l1 was open before and is closed: silent" in world.asked[-1]["reason"]
    world.outcome("applied", 1)
    assert world.states() == [store.GOOD, store.REVERTED]


def test_a_link_that_is_lost_much_later(world: World) -> None:
    """Takes nothing back."""
    world.trial()
    world.later(61)
    world.status = {"links": {"l1": {"open": False, "reason": "silent", "drained": None}}}
    world.later(100)
    assert len(world.asked) == 1


def test_taking_back_is_tried_again(world: World) -> None:
    """Until it succeeds."""
    world.trial(10)
    world.listens = False
    world.later(10)
    assert len(world.asked) == 1
    world.listens = True
    world.later(AGAIN // SECOND)
    world.outcome("failed", 2, "no memory")
    world.later(AGAIN // SECOND + 1)
    assert [wish["how"] for wish in world.asked] == ["apply", "revert", "revert"]
    world.outcome("applied", 1)
    assert world.states() == [store.GOOD, store.REVERTED]


def test_a_killed_keeper(world: World) -> None:
    """Its successor goes on with the trial; one that is over already is taken back by it."""
    world.trial()
    world.now += 100 * SECOND
    world.born(2)
    assert world.keeper.configuration(world.now)["confirm_left_ms"] == 200_000
    world.now += 1000 * SECOND
    world.born(2)
    world.later(1)
    assert world.asked[-1]["how"] == "revert"


def test_a_keeper_killed_while_it_applied(world: World) -> None:
    """The trial that it could not begin is begun; that it was taken back is noted, too."""
    world.add(store.APPLYING, before=1, confirm_s=300, until=world.now + 300 * SECOND)
    world.born(2)
    assert world.states() == [store.GOOD, store.PENDING]
    world.born(1)
    assert world.states() == [store.GOOD, store.REVERTED]


def test_during_a_trial(world: World) -> None:
    """Nothing else is applied; a rollback without a number ends it at once, with who it was."""
    world.trial()
    refused = world.ask("apply").fields
    assert (refused["what"], refused["remedy"]) == (
        "configuration 2 awaits its confirmation",
        "`linkbalancer confirm` it, or `linkbalancer rollback`, first",
    )
    answer = world.ask("rollback")
    assert world.ask("rollback").fields["kind"] == "busy"
    world.outcome("applied", 1)
    assert answer.fields["entry"] == 1
    assert world.kept.entries()[1].reason == "rolled back by root"


def test_rollback(world: World) -> None:
    """To what was before, or to a number; the first configuration has nothing before it."""
    assert world.ask("rollback").fields["what"] == "no configuration is kept from before this one"
    world.ask("rollback", entry=7)
    assert (world.asked[-1]["entry"], world.asked[-1]["how"]) == (7, "rollback")
    world.outcome("refused", 1, "there is no configuration 7")
    world.add(store.GOOD, before=1)
    world.born(2)
    world.ask("rollback")
    assert world.asked[-1]["entry"] == 1


def test_a_rollback_to_another_during_a_trial(world: World) -> None:
    """Ends the trial."""
    world.trial()
    world.ask("rollback", entry=1)
    world.add(store.APPLYING, before=2)
    world.outcome("applied", 3)
    assert world.states() == [store.GOOD, store.REVERTED, store.GOOD]
    assert world.kept.entries()[1].reason == "configuration 3 took its place"


def test_reasons_are_moot_when_the_files_are_what_is_in_force(world: World, tmp_path: Path) -> None:
    """After files were put back, nothing is left to be said; while they differ, both are."""
    file = tmp_path / "apps.conf"
    notice = {**world.notice(1, "taken back"), "source": "entry", "sums": {str(file): "a digest"}}
    world.keeper._adopt(world.now, notice)
    assert len(world.keeper.findings(world.now)) == 2
    world.keeper._adopt(world.now, {**notice, "sums": {}})
    assert world.keeper.findings(world.now) == []


def test_tell_without_secrets(world: World) -> None:
    """Texts, but no keys."""
    told = world.ask("configuration").fields
    assert (set(told["texts"]), told["entry"], told["shown"]) == ({PATH}, 1, 1)
    assert "there is no configuration 9" in world.ask("configuration", entry=9).fields["what"]
    world.born(None)
    assert "could not be kept" in world.ask("configuration").fields["what"]
    assert world.keeper.configuration(world.now)["state"] == "unkept"


def test_list(world: World) -> None:
    """Newest first, and which is in force."""
    world.add(store.FAILED, reason="why")
    told = world.ask("configurations").fields
    assert [one["number"] for one in told["entries"]] == [2, 1]
    assert (told["in_force"], told["entries"][0]["reason"]) == (1, "why")


@pytest.mark.parametrize("wrong", [1, 9, 86401, "5m", 12.5])
def test_a_wrong_time(world: World, wrong: object) -> None:
    """Is refused."""
    assert world.ask("apply", confirm_s=wrong).fields["kind"] == "usage"


def test_nobody_listens(world: World) -> None:
    """Is said; so are too many at once, and one name twice."""
    world.listens = False
    assert world.ask("apply").fields["kind"] == "unavailable"
    world.listens = True
    world.ask("apply", id="same")
    assert world.ask("apply", id="same").fields["kind"] == "busy"


def test_the_outcome_of_a_signal(world: World) -> None:
    """Counts like any other."""
    world.add(store.APPLYING)
    told = {"id": "SIGHUP-1", "result": "applied", "lines": [], "notice": world.notice(2), "took_ms": 5}
    world.keeper.outcome(world.now, told)
    assert world.states() == [store.GOOD, store.GOOD]
    assert world.keeper.configuration(world.now)["entry"] == 2


def test_a_state_that_cannot_be_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is written later; what is said is right at once."""
    world.trial()
    with monkeypatch.context() as broken:
        broken.setattr(Configurations, "change", _broken)
        assert world.ask("confirm").fields["state"] == store.GOOD
    assert world.states() == [store.GOOD, store.PENDING]
    world.later(1)
    assert world.states() == [store.GOOD, store.GOOD]


def test_a_trial_that_cannot_be_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is refused before anything is asked for."""
    monkeypatch.setattr(Configurations, "intend", _broken)
    assert "the trial cannot be kept: the disk is gone" in world.ask("apply", confirm_s=300).fields["what"]
    assert world.asked == []


def _broken(*_arguments: Any, **_changes: Any) -> None:
    raise NotKeptError("the disk is gone")


@pytest.mark.parametrize(
    ("user", "told", "shown"),
    [
        ("root", "anna", "root (sudo by anna)"),
        ("root", None, "root"),
        ("root", "root", "root"),
        ("root", "a\x1b[31m\nb c" + "d" * 100, "root (sudo by a31mbc" + "d" * 26 + ")"),
        ("root", "\x00", "root"),
        ("root", 5, "root"),
        ("anna", "root", "anna"),
    ],
)
def test_who(user: str, told: object, shown: str) -> None:
    """The kernel's word counts; what a caller tells is a hint, made harmless."""
    assert who(Request("apply", {"sudo_user": told}, user, lambda _request, _text: None)) == shown

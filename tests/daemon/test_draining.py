"""The verbs `drain` and `resume`, against an agent that the test plays."""

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.clock import Instant
from linkbalancer.daemon import logs
from linkbalancer.daemon.deeds import Deeds
from linkbalancer.daemon.drainfile import DrainFile, remembered
from linkbalancer.daemon.draining import Draining
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.overview import FRESH, Overview
from linkbalancer.daemon.questions import PATIENCE, Questions
from linkbalancer.daemon.requests import Request
from linkbalancer.daemon.server import RequestServer
from linkbalancer.engine.drain import LIMIT, Drained
from tests.daemon.waiting import until
from tests.engine.statuses import group, link, status

MS = 1_000_000
LOG = logs.start(process="test")


class World:
    """The api's part of it, and an agent whose status the test sets; time passes by the test's word."""

    def __init__(self, directory: Path) -> None:
        """Listen as the agent, be ready as the api."""
        self.now: Instant = 10**12
        self.loop = Loop(lambda: self.now)
        self.directory = directory
        self.status: dict[str, Any] | None = status(links={"l1": link(), "l2": link()})
        self.told: list[Any] = []
        self.remembered: list[str] = []
        self.asked = 0
        self.replies: list[dict[str, Any]] = []
        self.follows = True
        self.far = "held"
        self.server = RequestServer(self.loop, directory / "agent.sock", self._agent)
        self.questions = Questions(self.loop, directory / "agent.sock")
        self.overview = Overview(self.questions, self.loop.clock)
        self.start()

    def start(self) -> None:
        """Start the api's part anew."""
        file = DrainFile(self.directory)
        deeds = Deeds(lambda _kind, text, **_more: self.remembered.append(text))
        self.draining = Draining(self.loop, self.questions, file, LOG, self.overview.forget, deeds=deeds)
        self.overview.parts = [self.draining.part]

    def _agent(self, _now: Instant, request: Request) -> None:
        if request.verb == "drained":
            self.told.append(request.arguments["drained"])
            if self.follows and self.status is not None and request.arguments["drained"]:
                self.hand_over()
            request.answer({})
        elif self.status is not None:
            self.asked += 1
            request.answer(self.status)

    def hand_over(self) -> None:
        """Let another gateway have VID 1."""
        assert self.status is not None
        peer = {"state": self.far, "priority": 0}
        self.status["groups"]["1"] |= {"master": "192.0.2.2", "state": "fault", "peer": peer, "drained": "drained"}

    def request(self, verb: str, **arguments: Any) -> Request:
        """Hand a verb in, as somebody called ann."""
        request = Request(verb, arguments, "ann", lambda _request, data: self.replies.append(json.loads(data)))
        verbs = {**self.draining.verbs(), "status": self.overview.verb()}
        verbs[verb].take(self.now, request)
        return request

    def ask(self, verb: str, *, step: int = 20 * MS, **arguments: Any) -> dict[str, Any]:
        """Ask, and let time pass until there is an answer."""
        before = len(self.replies)
        self.request(verb, **arguments)
        for _ in range(2000):
            if len(self.replies) > before:
                reply = self.replies[-1]
                return dict(reply["answer"] if reply["ok"] else reply["error"])
            self.pass_time(step)
        raise AssertionError("no answer came")

    def pass_time(self, step: int = 20 * MS) -> None:
        """Let some time pass; never wait for it."""
        self.now += step
        source = self.loop.every(1, lambda _now: None)
        source.at = self.now
        self.loop.turn()
        self.loop._sources.remove(source)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return such a world."""
    world = World(tmp_path)
    yield world
    world.questions.close()
    world.server.close()
    world.loop.forget()


def kept(world: World) -> list[str]:
    """Return what stands on disk."""
    return [f"{one['kind']} {one['name']}" for one in DrainFile(world.directory).read()]


def test_a_drain_counts_once_another_gateway_has_it(world: World) -> None:
    """It says who has what, it is on disk, and the status shows it at once."""
    answer = world.ask("drain", what="l1", reason="new cable")
    assert answer["moved"] == [{"vid": 1, "to": "192.0.2.2"}]
    assert (answer["unserved"], answer["following"], answer["drained"]["who"]) == ([], [], "ann")
    assert kept(world) == ["link l1"]
    assert remembered(world.directory, LOG) == Drained({"l1": "by ann: new cable"})
    shown = world.ask("status")
    assert [(one["name"], one["known"]) for one in shown["drained"]] == [("l1", True)]
    assert "link l1 is drained by ann since" in shown["findings"][-1]
    assert world.ask("resume", what="l1")["drained"] == []
    assert (kept(world), world.told[-1]) == ([], [])


def test_a_drain_that_nobody_follows_is_taken_back(world: World) -> None:
    """Two intervals and a second later the agent is told the old set, and nothing is on disk."""
    world.follows = False
    begin = world.now
    assert world.ask("drain", what="1")["what"] == "no other gateway took VID 1; it is taken back"
    assert world.remembered == ["VID 1 is not drained: no other gateway took VID 1; it is taken back"]
    assert 1400 * MS <= world.now - begin < 2000 * MS
    assert kept(world) == []
    world.pass_time()
    world.pass_time()
    assert world.told[-1] == []


def test_a_forced_drain_counts_anyway(world: World) -> None:
    """It says what is served by nobody."""
    world.follows = False
    assert world.ask("drain", what="vid 1", force=True)["unserved"] == [1]
    assert kept(world) == ["vid 1"]


def test_the_far_end_may_lag_behind(world: World) -> None:
    """The drain counts, and says where the far end still is Master."""
    world.far = "master"
    assert world.ask("drain", what="l1")["following"] == [1]


def test_what_cannot_move_is_refused_beforehand(world: World) -> None:
    """No other member answers: nothing is tried; nor is anything that is not there, or unclear."""
    world.status = status(lans={"eth0": {"members": {"192.0.2.2": False}, "targets": {}}})
    refused = world.ask("drain", what="l1")
    assert refused["what"].startswith("VID 1 (web) has no other gateway")
    assert world.ask("drain", what="l9")["what"] == "there is no link, VID or gateway 'l9'"
    assert world.ask("drain", what="l9")["remedy"] == "there are link l1, VID 1, VID 2, gateway b1"
    assert world.ask("drain", what="l1", reason="two\nlines")["kind"] == "usage"
    assert all(not told for told in world.told)
    assert world.ask("drain", what="l1", preview=True)["alone"] == ["1"]


def test_one_at_a_time(world: World) -> None:
    """A second drain, or a resume, waits its turn; a preview may be asked for meanwhile."""
    world.follows = False
    world.request("drain", what="l1")
    for verb, arguments in (("drain", {"what": "l2"}), ("resume", {"all": True})):
        assert world.ask(verb, **arguments)["kind"] == "busy"
    assert world.ask("drain", what="l2", preview=True)["kind"] == "link"
    while len(world.replies) < 4:
        world.pass_time()
    assert "taken back" in world.replies[-1]["error"]["what"]
    world.follows = True
    assert world.ask("drain", what="l1")["moved"]


def test_a_drain_survives_its_agent(world: World) -> None:
    """Replaced in the middle of a trial, the new one is told as well; one that stays away ends the trial."""
    world.follows = False
    world.request("drain", what="l1")
    for _ in range(10):
        world.pass_time()
    world.server.close()
    world.pass_time()
    world.server = RequestServer(world.loop, world.directory / "agent.sock", world._agent)
    world.follows = True
    while not world.replies:
        world.pass_time()
    assert world.replies[-1]["answer"]["moved"]
    assert world.ask("resume", all=True)["drained"] == []
    world.server.close()
    assert world.ask("drain", what="l2")["kind"] == "unavailable"
    world.server = RequestServer(world.loop, world.directory / "agent.sock", world._agent)
    assert world.ask("drain", what="l2")["drained"]["name"] == "l2"


def test_an_agent_that_dies_for_good(world: World) -> None:
    """The trial ends with the time, and is taken back."""
    world.follows = False
    world.request("drain", what="l1")
    for _ in range(10):
        world.pass_time()
    world.server.close()
    while not world.replies:
        world.pass_time(100 * MS)
    assert world.replies[-1]["error"]["what"].startswith("no agent answers: ")
    assert kept(world) == []


def test_a_new_api_tells_what_counts(world: World) -> None:
    """Killed in the middle of a trial, its successor takes the trial back: the file has the last word."""
    world.follows = False
    world.request("drain", what="l1")
    for _ in range(10):
        world.pass_time()
    assert world.told[-1] != []
    world.loop._sources.remove(world.draining)
    world.start()
    for _ in range(10):
        world.pass_time()
    assert world.told[-1] == []


def test_a_file_that_cannot_be_read(world: World) -> None:
    """It is said in the status, it drains nothing, and the next drain replaces it."""
    (world.directory / "drained.json").write_text('{"schema": 1, "drained": [7]}')
    assert remembered(world.directory, LOG) == Drained()
    world.start()
    assert world.ask("status")["notices"][0].startswith("what was drained cannot be read, so nothing is: ")
    (world.directory / "drained.json").write_text("nonsense")
    assert remembered(world.directory, LOG) == Drained()
    (world.directory / "drained.json").write_text("[]")
    world.start()
    assert world.ask("drain", what="l1")["moved"]
    assert world.ask("status")["notices"] == []


@pytest.mark.parametrize("step", ["prepare", "commit"])
def test_a_full_disk(world: World, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """What cannot be remembered is refused: before anything moves where it shows before, else it is taken back."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(DrainFile, step, full)
        refused = world.ask("drain", what="l1")
        assert refused["what"].startswith("it could not be remembered: No space left on device")
    for _ in range(3):
        world.pass_time()
    assert all(not told for told in world.told) or world.told[-1] == []
    assert world.status is not None
    world.status["groups"]["1"] = group()
    assert world.ask("drain", what="l1")["moved"]
    monkeypatch.setattr(DrainFile, step, full)
    assert world.ask("resume", what="l1")["kind"] == "refused"
    assert [one["name"] for one in world.ask("status")["drained"]] == ["l1"]


def test_resume_says_what_there_is(world: World) -> None:
    """Something, or all; and only what is drained."""
    assert world.ask("resume")["what"] == "say what is to be resumed, or all"
    assert world.ask("resume", what="l1", all=True)["kind"] == "usage"
    assert world.ask("resume", what="l1")["remedy"] == "drained: nothing"
    assert world.ask("resume", all=True)["resumed"] == []
    world.ask("drain", what="node b1")
    assert world.ask("resume", what="l1")["remedy"] == "drained: gateway b1"
    world.server.close()
    assert world.ask("resume", what="b1")["what"].startswith("it is written down, but the agent does not answer")
    assert kept(world) == []


def test_entries_are_bounded_and_gone_things_are_kept(world: World) -> None:
    """What this gateway has no longer is shown as such, and can be resumed."""
    entry = {"who": "ann", "reason": "", "at": "then", "forced": False, "kind": "link"}
    file = DrainFile(world.directory)
    file.prepare([{**entry, "name": f"old{number}"} for number in range(LIMIT)])
    file.commit()
    world.start()
    assert world.ask("drain", what="l1")["what"] == f"{LIMIT} entries are drained already"
    assert not world.ask("status")["drained"][0]["known"]
    assert world.ask("status")["health"] == "good"
    assert world.ask("resume", what="old0")["resumed"][0]["name"] == "old0"


def test_who_asks_at_once_shares_an_answer(world: World) -> None:
    """The agent is asked once; a moment later again; and when it does not answer, everybody is told."""
    for _ in range(5):
        world.request("status")
    while len(world.replies) < 5:
        world.pass_time(1)
    assert world.asked == 1
    world.request("status")
    assert (len(world.replies), world.asked) == (6, 1)
    world.pass_time(FRESH)
    world.status = None
    for _ in range(2):
        world.request("status")
    while len(world.replies) < 8:
        world.pass_time(PATIENCE // 2)
    assert [reply["error"]["kind"] for reply in world.replies[-2:]] == ["unavailable"] * 2


def told(world: World) -> list[Any]:
    """Let time pass; return what the agent was told since it was last looked at."""
    world.pass_time()
    return world.told


def test_an_agent_that_took_over_during_a_drain_is_told_of_it(world: World) -> None:
    """Its predecessor was told, and it read the disk before the drain was there."""
    until(lambda: told(world))
    world.ask("drain", what="l1")
    world.told.clear()
    until(lambda: told(world))
    assert [one["name"] for one in world.told[0]] == ["l1"]


def test_what_arrives_late_is_set_right(world: World) -> None:
    """What an agent had no time for is asked of the next one, perhaps after what was said since."""
    world.ask("drain", what="l1")
    late = world.draining._entries
    assert world.ask("resume", what="l1")["drained"] == []
    world.pass_time()
    world.told.clear()
    world.draining._told(late, {}, "")
    until(lambda: told(world))
    assert world.told == [[]]

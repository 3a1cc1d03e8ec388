"""The supervisor with tiny workers: real forks, real signals, a real NOTIFY_SOCKET."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkbalancer import __version__
from linkbalancer.daemon.zygote import LITTER
from tests.daemon.waiting import alive, until

ROOT = Path(__file__).parents[2]


class Service:
    """A running `tests.daemon.tiny` and what it leaves in its directory."""

    def __init__(
        self, directory: Path, workers: tuple[str, ...] = ("agent", "app:a", "app:b"), watchdog: int = 0
    ) -> None:
        """Start it, with a service manager's socket."""
        self.directory = directory
        self.configure(*workers)
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(directory / "notify"))
        self.manager.settimeout(10)
        self.told: list[str] = []
        environment = dict(os.environ, NOTIFY_SOCKET=str(directory / "notify"))
        if watchdog:
            environment["WATCHDOG_USEC"] = str(watchdog)
        self.log, self._environment = directory / "log", environment
        self.start()

    def start(self) -> None:
        """Start it, again perhaps."""
        command = [sys.executable, "-m", "tests.daemon.tiny", str(self.directory)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stderr=log, env=self._environment)

    def configure(self, *workers: str) -> None:
        """Write the configuration."""
        (self.directory / "conf").write_text("\n".join(workers))

    def hear(self, wanted: str) -> str:
        """Read what the service manager is told until a datagram with `wanted` comes, and return that."""
        while True:
            message = self.manager.recv(4096).decode()
            self.told.append(message)
            if wanted in message.split("\n") or message.startswith(wanted):
                return message

    def pids(self, name: str) -> list[int]:
        """Return the process ids that a worker has had."""
        path = self.directory / f"{name}.pids"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def heard(self, name: str) -> list[str]:
        """Return the words that a worker has heard."""
        path = self.directory / f"{name}.heard"
        return path.read_text().split() if path.exists() else []

    def births(self) -> list[str]:
        """Return how zygotes came up."""
        return (self.directory / "births").read_text().split()

    def zygote(self) -> int:
        """Return the process id of the zygote that is alive."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return next(int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text() == "lb:zygote\n")

    def zygotes(self) -> list[int]:
        """Return the process ids of the zygotes that are alive, a candidate included."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text() == "lb:zygote\n"]

    def said(self, text: str) -> bool:
        """Return whether the log has a text."""
        return text in self.log.read_text()

    def ask(self, kind: str, **fields: object) -> None:
        """Have the api ask for something."""
        fresh = self.directory / "asking"
        fresh.write_text(f"{kind} {json.dumps(fields)}\n")
        fresh.replace(self.directory / "asked")

    def outcomes(self) -> list[dict[str, Any]]:
        """Return the outcomes that the api was told."""
        path = self.directory / "outcomes"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def living(self) -> list[int]:
        """Return the workers that are alive."""
        every = [int(line) for path in self.directory.glob("*.pids") for line in path.read_text().split()]
        return [pid for pid in every if alive(pid)]

    def close(self) -> None:
        """End it, whatever state it is in, and its orphans."""
        self.process.kill()
        self.process.wait()
        self.manager.close()
        for pid in self.living():
            os.kill(pid, signal.SIGKILL)


def sockets(pid: int) -> frozenset[str]:
    """Return the sockets that a process has."""
    found = (str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir())
    return frozenset(one for one in found if one.startswith("socket:"))


@pytest.fixture
def aside(tmp_path: Path) -> Iterator[Service]:
    """Return a service with an api that is ready."""
    running = Service(tmp_path, ("agent", "api", "app:a"))
    running.hear("READY=1")
    yield running
    running.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Return a service that is ready."""
    running = Service(tmp_path)
    running.hear("READY=1")
    yield running
    running.close()


def test_ready_is_told_when_every_worker_works(service: Service) -> None:
    """READY=1 comes after the agent and all applications have said that they are ready."""
    assert all(len(service.pids(name)) == 1 for name in ("agent", "app:a", "app:b"))


def test_workers_that_are_forked_together_share_nothing(tmp_path: Path) -> None:
    """More than are forked by one process in between: each is the supervisor's child, and no other has its line."""
    names = [f"app:{number}" for number in range(2 * LITTER + 3)]
    service = Service(tmp_path, ("agent", *names))
    try:
        service.hear("READY=1")
        workers = [service.pids(name)[0] for name in names]
        children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
        assert set(map(str, workers)) <= set(children)
        lines = [sockets(pid) for pid in workers]
        own = [line - frozenset.intersection(*lines) for line in lines]
        assert [len(one) for one in own] == [1] * len(names)
        assert len(frozenset.union(*own)) == len(names)
    finally:
        service.close()


def test_a_killed_worker_is_back_at_once(service: Service) -> None:
    """After kill -9 of the agent another one runs, forked from the same zygote, and nobody else is touched."""
    zygote = service.zygote()
    os.kill(service.pids("agent")[0], signal.SIGKILL)
    until(lambda: len(service.pids("agent")) == 2)
    assert service.zygote() == zygote
    assert len(service.pids("app:a")) == 1


def test_a_stopped_worker_is_killed_before_its_replacement_starts(service: Service) -> None:
    """A worker under SIGSTOP is found by its silence, and is gone for good when the new one starts."""
    first = service.pids("app:a")[0]
    os.kill(first, signal.SIGSTOP)
    until(lambda: len(service.pids("app:a")) == 2)
    assert not alive(first)
    assert service.said("app:a silent for")


def test_a_dead_zygote_is_replaced_and_nobody_else(service: Service) -> None:
    """After kill -9 of the zygote there is a new one of the same configuration, and every worker is the old process."""
    before = service.zygote()
    service.configure("agent", "bad")
    os.kill(before, signal.SIGKILL)
    until(lambda: service.births() == ["anew", "again"])
    os.kill(service.pids("app:b")[0], signal.SIGKILL)
    until(lambda: len(service.pids("app:b")) == 2)
    assert len(service.pids("agent")) == len(service.pids("app:a")) == 1


def test_agent_and_applications_outlive_the_supervisor(aside: Service) -> None:
    """After kill -9 of the supervisor they go on; zygote and api end, even stopped; the next agent succeeds."""
    zygote, api, agent, app = aside.zygote(), *(aside.pids(name)[0] for name in ("api", "agent", "app:a"))
    os.kill(api, signal.SIGSTOP)
    os.kill(zygote, signal.SIGSTOP)
    aside.process.kill()
    aside.process.wait()
    until(lambda: not alive(api) and not alive(zygote))
    until(lambda: aside.heard("agent") == aside.heard("app:a") == ["hangup"])
    assert alive(agent)
    assert alive(app)
    aside.start()
    aside.hear("READY=1")
    until(lambda: not alive(agent))


def test_restart_leaves_agent_and_applications(aside: Service) -> None:
    """SIGUSR2: STOPPING=1, the supervisor ends with 0 at once, and they are orphans for the next one."""
    agent = aside.pids("agent")[0]
    aside.process.send_signal(signal.SIGUSR2)
    aside.hear("STOPPING=1")
    assert aside.process.wait(5) == 0
    assert alive(agent)
    until(lambda: not alive(aside.pids("api")[0]))
    aside.start()
    aside.hear("READY=1")
    until(lambda: not alive(agent))


def test_upgrade_in_place(aside: Service) -> None:
    """The same process id becomes the new program: RELOADING=1, READY=1, everybody replaced, no zombie, told once."""
    before = [aside.pids(name)[0] for name in ("agent", "api", "app:a")]
    aside.configure("bad")
    aside.ask("upgrade", id="u1", who="root", how="upgrade")
    aside.hear("RELOADING=1")
    aside.hear("READY=1")
    assert aside.process.poll() is None
    assert [len(aside.pids(name)) for name in ("agent", "api", "app:a")] == [2, 2, 2]
    until(lambda: aside.outcomes() != [])
    outcome = aside.outcomes()[0]
    assert (outcome["id"], outcome["result"]) == ("u1", "applied")
    assert outcome["lines"] == [f"version {__version__}, as before: started again in place"]
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in before), what="old children are gone, and reaped")
    assert aside.births() == ["anew", "again", "again"]
    aside.configure("agent", "api", "app:b")
    aside.process.send_signal(signal.SIGHUP)
    until(lambda: aside.outcomes()[-1]["id"] == "SIGHUP-1")
    assert aside.outcomes()[-1]["lines"] == ["added: app:b", "removed: app:a"]


def test_a_frozen_child_is_ended_by_an_upgrade(aside: Service) -> None:
    """What was merely stopped does not outlive the new program's being ready."""
    app = aside.pids("app:a")[0]
    os.kill(app, signal.SIGSTOP)
    aside.ask("upgrade", id="u1", who="root", how="upgrade")
    until(lambda: len(aside.outcomes()) == 1)
    until(lambda: not Path(f"/proc/{app}").exists())


def test_a_program_that_fails_its_trial_changes_nothing(aside: Service) -> None:
    """It is refused with the program's own words; nobody was touched, systemd heard nothing."""
    (aside.directory / "flaw").write_text("no module named linkbalancer.vrrp")
    aside.ask("upgrade", id="u1", who="root", how="upgrade")
    until(lambda: aside.outcomes() != [])
    assert aside.outcomes()[0]["result"] == "refused"
    assert aside.outcomes()[0]["lines"] == ["no module named linkbalancer.vrrp", "everything is as it was"]
    assert [len(aside.pids(name)) for name in ("agent", "api", "app:a")] == [1, 1, 1]
    aside.process.terminate()
    aside.hear("STOPPING=1")
    assert not any("RELOADING" in message for message in aside.told)


def test_what_waits_is_done_by_the_new_program(aside: Service) -> None:
    """A reload that was asked for while the trial went on is not lost."""
    aside.ask("upgrade", id="u1", who="root", how="upgrade")
    until(lambda: aside.said("upgrade (upgrade by root) is asked for"))
    aside.process.send_signal(signal.SIGHUP)
    until(lambda: [outcome["id"] for outcome in aside.outcomes()] == ["u1", "SIGHUP-1"])
    assert aside.outcomes()[1]["result"] == "unchanged"


def test_signals_during_an_upgrade_are_not_lost(aside: Service) -> None:
    """SIGTERM at any instant of it ends the service in order."""
    aside.ask("upgrade", id="u1", who="root", how="upgrade")
    aside.hear("RELOADING=1")
    aside.process.terminate()
    assert aside.process.wait(10) == 0
    assert aside.living() == []


def test_a_worker_that_crashes_again_and_again_is_left_down(service: Service) -> None:
    """A crash loop ends after the limit: said loudly, the others go on, and so does the supervisor."""
    (service.directory / "mood").write_text("app:a")
    os.kill(service.pids("app:a")[0], signal.SIGKILL)
    until(lambda: service.said("! app:a ended with status 3; died 5 times"))
    assert len(service.pids("app:a")) == 5
    assert len(service.pids("agent")) == 1


def test_stopping_asks_the_agent_first_and_ends_with_status_0(service: Service) -> None:
    """SIGTERM: STOPPING=1, the agent is asked to leave, then the applications are ended, and nobody is left."""
    zygote = service.zygote()
    service.process.terminate()
    service.hear("STOPPING=1")
    assert service.process.wait(10) == 0
    assert service.heard("agent") == ["leave"]
    assert service.heard("app:a") == service.heard("app:b") == ["end"]
    assert not alive(zygote)


def test_reload_replaces_what_changed(service: Service) -> None:
    """SIGHUP: RELOADING=1 with the time, a new agent beside the old one, others renewed, added and ended, READY=1."""
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    service.configure("agent=2", "app:b", "app:c")
    service.process.send_signal(signal.SIGHUP)
    told = service.hear("RELOADING=1").split("\n")
    service.hear("READY=1")
    stamp = int(next(line for line in told if line.startswith("MONOTONIC_USEC=")).partition("=")[2])
    assert before <= stamp <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    workers = ("agent", "agent+", "app:a", "app:b", "app:c")
    assert [len(service.pids(name)) for name in workers] == [1, 1, 1, 1, 1]
    assert service.heard("app:a") == ["end"]
    assert service.heard("agent") == service.heard("app:b") == []
    assert service.births() == ["anew", "anew"]
    os.kill(service.pids("agent+")[0], signal.SIGKILL)
    until(lambda: len(service.pids("agent")) == 2, what="the successor is the agent: its successor is called so")


def test_reload_of_nothing_new(aside: Service) -> None:
    """SIGHUP with the same configuration replaces nobody; the api hears `unchanged`."""
    aside.process.send_signal(signal.SIGHUP)
    until(lambda: [outcome["result"] for outcome in aside.outcomes()] == ["unchanged"])
    assert aside.outcomes()[0]["notice"] == {"read": "agent\napi\napp:a"}
    assert [len(aside.pids(name)) for name in ("agent", "api", "app:a")] == [1, 1, 1]
    aside.process.terminate()
    aside.hear("STOPPING=1")
    assert not any("RELOADING" in message for message in aside.told)


def test_reload_of_a_bad_configuration_changes_nothing(aside: Service) -> None:
    """SIGHUP with errors: every one is told, RELOADING=1 is not, and the old processes stay."""
    zygote = aside.zygote()
    aside.configure("agent", "bad")
    aside.process.send_signal(signal.SIGHUP)
    aside.hear("STATUS=ready: 4 processes at work; reload (SIGHUP): refused: conf:1:1: bad is bad; write good")
    until(lambda: aside.outcomes() != [])
    assert aside.outcomes()[0]["result"] == "refused"
    assert aside.outcomes()[0]["lines"] == ["conf:1:1: bad is bad; write good", "everything is as it was"]
    assert aside.zygote() == zygote
    aside.process.terminate()
    aside.hear("STOPPING=1")
    assert not any("RELOADING" in message for message in aside.told)
    assert [len(aside.pids(name)) for name in ("agent", "api", "app:a")] == [1, 1, 1]


def _until_outcomes(aside: Service, many: int) -> None:
    until(lambda: len(aside.outcomes()) == many)


def test_a_candidate_is_a_fork_of_the_zygote_unless_that_has_code_of_others(aside: Service) -> None:
    """What a zygote has read is known to the next one; where a newer version of something may be, it begins anew."""
    kin = []
    for reloads, workers in enumerate([("agent",), ("agent", "foreign"), ("agent",), ("agent", "app:b")], start=1):
        aside.configure(*workers, "api", "app:a")
        aside.process.send_signal(signal.SIGHUP)
        _until_outcomes(aside, reloads)
        kin = (aside.directory / "kin").read_text().split()
    assert kin == ["0", "1", "2", "0", "1"]
    assert [one["result"] for one in aside.outcomes()] == ["unchanged", "unchanged", "unchanged", "applied"]
    assert len(aside.zygotes()) == 1


def test_a_zygote_works_ahead_once_when_nobody_asks_for_anything(aside: Service) -> None:
    """Then it forks as before: whoever replaces it does so as well."""
    ahead = aside.directory / "ahead"
    for many in (1, 2):
        until(lambda: ahead.exists() and ahead.read_text() == f"{os.SCHED_OTHER}\n")
        ahead.unlink()
        aside.configure("agent", "api", "app:a", f"app:b{many}")
        aside.process.send_signal(signal.SIGHUP)
        _until_outcomes(aside, many)
    assert [one["result"] for one in aside.outcomes()] == ["applied", "applied"]


def test_a_zygote_that_dies_before_it_forks_the_candidate_has_a_successor(aside: Service) -> None:
    """The reload is said to have failed, at once; the next one is a fork of the new zygote."""
    zygote = aside.zygote()
    os.kill(zygote, signal.SIGSTOP)
    aside.process.send_signal(signal.SIGHUP)
    time.sleep(0.1)
    os.kill(zygote, signal.SIGKILL)
    until(lambda: len(aside.outcomes()) == 1)
    assert aside.outcomes()[0]["result"] == "failed"
    until(lambda: aside.zygotes() not in ([], [zygote]))
    aside.configure("agent", "api", "app:a", "app:b")
    aside.process.send_signal(signal.SIGHUP)
    until(lambda: len(aside.outcomes()) == 2)
    assert aside.outcomes()[1]["result"] == "applied"


def test_two_requests_at_once_are_one_run(aside: Service) -> None:
    """Both are told."""
    aside.configure("agent", "api", "app:b")
    lines = [f'reload {{"id": "r{number}", "how": "apply", "who": "anna"}}' for number in range(4)]
    (aside.directory / "asking").write_text("\n".join(lines))
    (aside.directory / "asking").replace(aside.directory / "asked")
    until(lambda: len(aside.outcomes()) == 4)
    assert [outcome["result"] for outcome in aside.outcomes()] == ["applied", *["unchanged"] * 3]
    assert aside.births() == ["anew"] * 3


@pytest.mark.parametrize(
    "word",
    [
        "reload nonsense",
        'reload ["id"]',
        "upgrade {}",
        'nothing {"id": "x"}',
        'reload {"id": "x", "who": {}}',
        'reload {"id": "x", "how": ["apply"]}',
        "reload " + "[" * 30_000,
        'configured {"specs": {}, "notice": {}}',
        "refused nonsense",
        "spawned\0agent\0one {}",
        "spawned\0agent\x001 {}",
        "failed\0agent\0tired {}",
    ],
)
def test_words_of_the_api_that_mean_nothing(aside: Service, word: str) -> None:
    """They are said, and nothing else happens."""
    (aside.directory / "asking").write_text(word)
    (aside.directory / "asking").replace(aside.directory / "asked")
    until(lambda: aside.said("! api "))
    assert aside.births() == ["anew"]
    assert aside.process.poll() is None
    assert len(aside.pids("agent")) == 1


def test_a_successor_that_hangs_changes_nothing(aside: Service) -> None:
    """It is killed when its time is over; the old agent works on, the old configuration stays in force."""
    (aside.directory / "mood").write_text("deaf")
    aside.configure("agent=2", "api", "app:a")
    aside.process.send_signal(signal.SIGHUP)
    until(lambda: aside.outcomes() != [], 15)
    assert aside.outcomes()[0]["result"] == "failed"
    assert not alive(aside.pids("agent+")[0])
    assert alive(aside.pids("agent")[0])
    os.kill(aside.pids("agent")[0], signal.SIGKILL)
    until(lambda: len(aside.pids("agent")) == 2)


@pytest.mark.parametrize("victim", ["candidate", "agent+", "agent"])
def test_kill_9_while_a_successor_comes_up(aside: Service, victim: str) -> None:
    """Whoever dies, an agent works in the end, and the outcome is told once."""
    (aside.directory / "mood").write_text("deaf")
    aside.configure("agent=2", "api", "app:a")
    zygote = aside.zygote()
    aside.process.send_signal(signal.SIGHUP)
    until(lambda: len(aside.pids("agent+")) == 1)
    candidate = next(pid for pid in aside.zygotes() if pid != zygote)
    (aside.directory / "mood").unlink()
    os.kill(candidate if victim == "candidate" else aside.pids(victim)[0], signal.SIGKILL)
    until(lambda: aside.outcomes() != [], 15)
    result = aside.outcomes()[0]["result"]
    assert result == {"candidate": "failed", "agent+": "failed", "agent": "applied"}[victim]
    until(lambda: aside.said("service ready"))
    until(lambda: len([pid for pid in aside.living() if pid in {*aside.pids("agent"), *aside.pids("agent+")}]) == 1)


def test_a_bad_configuration_at_the_start_ends_with_status_1(tmp_path: Path) -> None:
    """The first zygote tells the errors, and the service ends with the status of a refusal."""
    service = Service(tmp_path, ("agent", "bad"))
    try:
        assert service.process.wait(10) == 1
        assert service.said("conf:1:1: bad is bad; write good")
    finally:
        service.close()


def test_a_supervisor_that_fails_does_not_look_like_a_refusal() -> None:
    """An exception of its own is told and ends with 70: status 1 would keep the service manager from trying again."""
    program = (
        "import sys\n"
        "from linkbalancer.daemon.supervisor import Supervisor\n"
        "def say(name, text, *, grave): raise ValueError('no voice')\n"
        "sys.exit(Supervisor(lambda texts: sys.exit(3), say).run())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 70
    assert "no voice" in done.stderr


def test_the_watchdog_is_fed_while_the_agent_can_be_had(tmp_path: Path) -> None:
    """WATCHDOG=1 comes within the period asked for, and stops when the agent had to be left down."""
    service = Service(tmp_path, ("agent", "app:a"), watchdog=400_000)
    try:
        service.hear("READY=1")
        for _ in range(3):
            service.hear("WATCHDOG=1")
        (service.directory / "mood").write_text("agent")
        os.kill(service.pids("agent")[0], signal.SIGKILL)
        until(lambda: service.said("left down for"))
        heard = list[int]()
        for seconds in (0.01, 0.8):  # what was on its way by then, and what comes after
            service.manager.settimeout(seconds)
            with pytest.raises(TimeoutError):
                service.hear("this never comes")
            heard.append(len(service.told))
        assert "WATCHDOG=1" not in service.told[heard[0] :]
    finally:
        service.close()

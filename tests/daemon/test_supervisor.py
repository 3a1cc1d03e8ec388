"""The supervisor with tiny workers: real forks, real signals, a real NOTIFY_SOCKET."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

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
        self.log = directory / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.daemon.tiny", str(directory)], cwd=ROOT, stderr=log, env=environment
            )

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

    def said(self, text: str) -> bool:
        """Return whether the log has a text."""
        return text in self.log.read_text()

    def close(self) -> None:
        """End it, whatever state it is in."""
        self.process.kill()
        self.process.wait()
        self.manager.close()


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


def test_children_end_with_the_supervisor(service: Service) -> None:
    """After kill -9 of the supervisor nobody is left, not even a worker that was stopped and could hear nothing."""
    children = [service.zygote(), *(service.pids(name)[0] for name in ("agent", "app:a", "app:b"))]
    os.kill(children[-1], signal.SIGSTOP)
    os.kill(service.process.pid, signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in children))


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


def test_reload_renews_every_worker_from_the_new_configuration(service: Service) -> None:
    """SIGHUP with a good configuration: RELOADING=1 with the time, workers renewed, added and ended, then READY=1."""
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    service.configure("agent", "app:b", "app:c")
    service.process.send_signal(signal.SIGHUP)
    told = service.hear("RELOADING=1").split("\n")
    service.hear("READY=1")
    stamp = int(next(line for line in told if line.startswith("MONOTONIC_USEC=")).partition("=")[2])
    assert before <= stamp <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert [len(service.pids(name)) for name in ("agent", "app:a", "app:b", "app:c")] == [2, 1, 2, 1]
    assert service.heard("agent") == service.heard("app:b") == ["renew"]
    assert service.heard("app:a") == ["end"]
    assert service.births() == ["anew", "anew"]


def test_reload_of_a_bad_configuration_changes_nothing(service: Service) -> None:
    """SIGHUP with errors: every one is told, RELOADING=1 is not, and the old processes stay."""
    zygote = service.zygote()
    service.configure("agent", "bad")
    service.process.send_signal(signal.SIGHUP)
    until(lambda: service.said("the old configuration stays in force"))
    assert service.said("conf:1:1: bad is bad; write good")
    assert service.zygote() == zygote
    service.process.terminate()
    service.hear("STOPPING=1")
    assert not any("RELOADING" in message for message in service.told)
    assert [len(service.pids(name)) for name in ("agent", "app:a", "app:b")] == [1, 1, 1]


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
        service.manager.settimeout(0.6)
        with pytest.raises(TimeoutError):
            service.hear("this never comes")
        last = max(number for number, told in enumerate(service.told) if told.startswith("STATUS="))
        assert "WATCHDOG=1" not in service.told[last + 1 :]
    finally:
        service.close()

"""Agents and applications of a real gateway without zygote and supervisor, so that a test decides who starts when."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from linkbalancer.daemon.lifeline import Hangup, Lifeline, Spoken
from tests.daemon.gateway import CONFIG, ROOT, RULES
from tests.daemon.waiting import until
from tests.namespaces import Namespace


class Worker:
    """One process, and the supervisor's end of its line."""

    def __init__(self, office: "Office", name: str) -> None:
        """Start it."""
        self.name = name
        self.line, theirs = Lifeline.pair()
        directories = [
            str(office.directory / "linkbalancer.yaml"),
            str(office.run_dir),
            str(office.directory / "state"),
        ]
        command = [sys.executable, "-m", "tests.daemon.worker", *directories, str(theirs.fileno()), name]
        with office.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", office.namespace.name, *command],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
            )
        theirs.close()

    @property
    def pid(self) -> int:
        """Its process id (`ip netns exec` becomes the program)."""
        return self.process.pid

    def hears(self) -> str | None:
        """Return the next word that it says, `hangup` at its end."""
        spoken = self.line.hear()
        if isinstance(spoken, Hangup):
            return "hangup"
        return spoken.word if isinstance(spoken, Spoken) else None

    def ready(self) -> "Worker":
        """Wait until it says that it is ready."""
        words: list[str] = []

        def said() -> bool:
            while (word := self.hears()) is not None and words[-1:] != ["hangup"]:
                words.append(word)
            return "ready" in words or "hangup" in words

        until(said, 30)
        assert "ready" in words, f"{self.name} ended"
        return self

    def status(self) -> int:
        """Wait for its end; return its exit status."""
        return self.process.wait(20)

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait(10)
        self.line.close()


class Office:
    """One gateway: its files, and whoever works for it."""

    def __init__(self, namespace: Namespace, directory: Path, **texts: str) -> None:
        """Write the files."""
        self.namespace, self.directory = namespace, directory
        self.run_dir, self.log = directory / "run", directory / "log"
        for folder in (directory, self.run_dir, directory / "state"):
            folder.mkdir()
        self.config, self.rules = directory / "linkbalancer.yaml", directory / "apps.conf"
        self.config.write_text(CONFIG.format(**texts))
        self.rules.write_text(RULES)
        (directory / "l1.key").write_text("1 000102030405060708090a0b0c0d0e0f\n")
        self._texts = {path: path.read_text() for path in (self.config, self.rules, directory / "l1.key")}
        self.agent: Worker
        self.workers: list[Worker] = []
        self.applications: dict[str, Worker] = {}

    def start(self, name: str = "agent") -> Worker:
        """Start a worker."""
        worker = Worker(self, name)
        self.workers.append(worker)
        return worker

    def begin(self) -> None:
        """Start an agent and the applications, and wait until they work."""
        self.agent = self.start().ready()
        for name in ("web", "rest"):
            self.applications[name] = self.start(name)
        for worker in self.applications.values():
            worker.ready()

    def succeed(self) -> Worker:
        """Have a new agent succeed the present one, by the files as they are; return the old one."""
        old = self.agent
        self.agent = self.start().ready()
        assert old.status() == 0
        return old

    def renew(self, *names: str) -> None:
        """Have new processes for applications, as a supervisor does after a reload."""
        for name in names:
            old = self.applications.pop(name, None)
            if old is not None:
                old.line.say("renew")
                old.status()
            self.applications[name] = self.start(name).ready()

    def reset(self) -> None:
        """Be as at the beginning: the files, and everybody at work."""
        (self.run_dir / "orphan").unlink(missing_ok=True)
        edited = {path for path, text in self._texts.items() if path.read_text() != text}
        for path in edited:
            path.write_text(self._texts[path])
        if self.agent.process.poll() is not None:
            self.begin()
            return
        if edited:
            self.succeed()
        for name in [name for name in self.applications if name not in {"web", "rest"}]:
            self.applications.pop(name).end()
        dead = [name for name, worker in self.applications.items() if worker.process.poll() is not None]
        self.renew(*({"web", "rest"} if self.rules in edited else dead))

    def edit(self, old: str, new: str, path: Path | None = None) -> None:
        """Change the configuration (or the file at a path)."""
        path = path or self.config
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def status(self) -> dict[str, Any]:
        """Return the agent's own status, empty while it does not answer."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(5)
            received = b""
            try:
                asking.connect(str(self.run_dir / "agent.sock"))
                asking.sendall(b'{"verb": "status"}\n')
                while not received.endswith(b"\n") and (data := asking.recv(1 << 16)):
                    received += data
                return dict(json.loads(received)["answer"])
            except (OSError, ValueError):
                return {}

    def settled(self, web: int = 2) -> bool:
        """Return whether this end masters every VID over its link, and both applications are steered."""
        status = self.status()
        return (
            bool(status)
            and all(group["next_hop"] == "l1" and group["works"] for group in status["groups"].values())
            and [status["applications"][name]["vid"] for name in ("web", "rest")] == [web, 1]
        )

    def trimmed(self) -> bool:
        """Return whether the kernel holds nothing of another configuration any more."""
        chains = re.findall(r"chain (forward_|staged_|vid_)", self.namespace("nft list table inet linkbalancer"))
        return sorted(chains) == ["forward_", "vid_", "vid_"] and "20003" not in self.namespace("ip rule")

    def addresses(self) -> set[str]:
        """Return the addresses of the LAN device."""
        shown = json.loads(self.namespace("ip -j -4 address show dev eth0"))
        return {entry["local"] for entry in shown[0]["addr_info"]}

    def kernel(self) -> str:
        """Return everything of ours in the kernel, but who was ever pointed elsewhere: that only grows."""
        commands = ("ip rule", "ip route show table all proto 112", "nft list table inet linkbalancer")
        told = "".join(self.namespace(command) for command in commands)
        return re.sub(r"(set moved {[^{}]*?)\s+elements = {[^{}]*}", r"\1", told) + str(sorted(self.addresses()))

    def lines(self) -> str:
        """Return the log."""
        return self.log.read_text()

    def close(self) -> None:
        """End everybody."""
        for worker in self.workers:
            worker.end()


class Adverts:
    """The adverts that a LAN hears while it lasts, with the kernel's time stamps."""

    def __init__(self, namespace: Namespace, device: str, path: Path) -> None:
        """Listen."""
        self._path = path
        self._file = path.open("wb")
        command = ["ip", "netns", "exec", namespace.name, "tcpdump", "-ttlni", device, "proto", "112"]
        self._process = subprocess.Popen(command, stdout=self._file, stderr=subprocess.PIPE)
        assert self._process.stderr is not None
        until(lambda: b"listening" in os.read(self._process.stderr.fileno(), 4096))  # type: ignore[union-attr]

    def gaps(self) -> dict[int, float]:
        """End; return the longest pause between two adverts of each VID, in milliseconds."""
        self._process.terminate()
        self._process.communicate()
        self._file.close()
        last: dict[int, float] = {}
        gaps: dict[int, float] = {}
        for line in self._path.read_text().splitlines():
            found = re.match(r"(\d+\.\d+) .* vrid (\d+), prio (\d+)", line)
            if found:
                at, vid = float(found[1]), int(found[2])
                gaps[vid] = max(gaps.get(vid, 0), (at - last.get(vid, at)) * 1000)
                last[vid] = at
        return gaps


class Deletions:
    """Records what is deleted in a gateway's namespace while it lasts: addresses, rules, routes."""

    def __init__(self, office: Office) -> None:
        """Watch a gateway."""
        self._path = office.directory / "deletions"
        self._file = self._path.open("wb")
        command = ["ip", "netns", "exec", office.namespace.name, "ip", "-4", "monitor", "address", "rule", "route"]
        self._process = subprocess.Popen(command, stdout=self._file, stderr=subprocess.DEVNULL)
        until(lambda: Path(f"/proc/{self._process.pid}/comm").read_text() == "ip\n")

    def deleted(self) -> list[str]:
        """End; return what was deleted."""
        self._process.terminate()
        self._process.wait()
        self._file.close()
        return [line for line in self._path.read_text().splitlines() if line.startswith("Deleted")]

    @staticmethod
    def names(line: str, pattern: str) -> bool:
        """Return whether a deletion is of something expected."""
        return bool(pattern) and re.search(pattern, line) is not None


SEND = """
import select, socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect(("203.0.113.1", 443))
number = 0
while not number or not select.select([sys.stdin], [], [], 0.003)[0]:
    sock.send(number.to_bytes(4, "big"))
    number += 1
    if number == 1:
        print("under way", flush=True)
print(number)
"""

RECEIVE = """
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("203.0.113.1", 443))
print("ready", flush=True)
found = set()
while (number := int.from_bytes(sock.recv(9), "big")) != 0xFFFFFFFF:
    found.add(number)
print(*found)
"""


class Flow:
    """Numbered datagrams from a near host to a far one, for as long as it lasts."""

    def __init__(self, host: Namespace, server: Namespace) -> None:
        """Begin."""
        self._server = server
        self._sink = self._run(server, RECEIVE)
        assert self._sink.stdout is not None
        assert self._sink.stdout.readline() == "ready\n"
        self._source = self._run(host, SEND)
        assert self._source.stdout is not None
        assert self._source.stdout.readline() == "under way\n"

    @staticmethod
    def _run(namespace: Namespace, program: str) -> "subprocess.Popen[str]":
        command = ["ip", "netns", "exec", namespace.name, sys.executable, "-c", program]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def lost(self) -> set[int]:
        """End it; return the numbers that did not arrive."""
        sent = int(self._source.communicate(timeout=60)[0])
        end = "import socket; socket.socket(2, 2).sendto(b'\\xff' * 4, ('203.0.113.1', 443))"
        until(self._is_idle, 5)
        self._run(self._server, end).communicate(timeout=10)
        received = set(map(int, self._sink.communicate(timeout=20)[0].split()))
        assert received
        return set(range(sent)) - received

    def _is_idle(self) -> bool:
        """Return whether the sink has read all (its socket's queue is empty)."""
        rows = self._server("cat /proc/net/udp").splitlines()[1:]
        return all(row.split()[4].endswith(":00000000") for row in rows)

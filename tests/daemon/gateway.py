"""A real gateway's daemon in a network namespace, for tests."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from linkbalancer.cli.client import RefusedError, ask
from linkbalancer.cli.outcome import carry_out
from tests.daemon.waiting import alive, until
from tests.namespaces import Namespace

ROOT = Path(__file__).parents[2]

CONFIG = """\
node: {node}
role: {role}
links:
  l1: {{device: eth1, local: {local}, peer: {peer}, key_file: l1.key, probe: {{interval: [50ms, 100ms], misses: 6}},
       on_probe_loss: demote}}
groups:
  1: {{device: eth0, link: l1, virtual_ips: [{lan}.251/24], priority: 150, advert_interval: 200ms}}
  2: {{device: eth0, link: l1, virtual_ips: [{lan}.252/24], priority: 100, advert_interval: 200ms}}
applications: apps.conf
"""

RULES = """\
App=* * * * 443 tcp [2 1] name=web
App=* * * * * * [1 2] name=rest
"""


@contextmanager
def joined(directory: Path, lan: Namespace, more: str = "") -> Iterator[tuple["Gateway", "Gateway"]]:
    """Join a near and a far gateway by a link, let them settle, and stop them; `lan` is what their LANs are.

    `more` are lines for both configurations.
    """
    ends = {
        "near": {"node": "b1", "role": "controller", "local": "10.1.0.1", "peer": "10.1.0.2", "lan": "192.0.2"},
        "far": {"node": "f1", "role": "controlled", "local": "10.1.0.2", "peer": "10.1.0.1", "lan": "198.51.100"},
    }
    with Namespace("near") as near, Namespace("far") as far:
        near.connect("eth1", far, "eth1")
        for (name, texts), namespace in zip(ends.items(), (near, far), strict=True):
            namespace.connect("eth0", lan, name)
            namespace(f"ip addr add {texts['lan']}.1/24 dev eth0", f"ip addr add {texts['local']}/24 dev eth1")
        pair = Gateway(near, directory / "near", **ends["near"]), Gateway(far, directory / "far", **ends["far"])
        for gateway in pair:
            gateway.config.write_text(gateway.config.read_text() + more)
            gateway.start()
        until(lambda: all(gateway.settled() for gateway in pair), 20)
        yield pair
        for gateway in pair:
            gateway.stop()


class Gateway:
    """One gateway: its namespace, its files, and its daemon while that runs."""

    def __init__(self, namespace: Namespace, directory: Path, **texts: str) -> None:
        """Write the files."""
        self.namespace, self.directory = namespace, directory
        self.run_dir, self.log = directory / "run", directory / "log"
        self.root = ROOT
        directory.mkdir()
        self.config = directory / "linkbalancer.yaml"
        self.config.write_text(CONFIG.format(**texts))
        (directory / "apps.conf").write_text(RULES)
        key = directory / "l1.key"
        key.write_text("1 000102030405060708090a0b0c0d0e0f\n")
        key.chmod(0o600)
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """Return the daemon's command line, from outside the namespace."""
        daemon = [sys.executable, "-m", "linkbalancer", "run", str(self.config)]
        directories = ["--run-dir", str(self.run_dir), "--state-dir", str(self.directory / "state")]
        return ["ip", "netns", "exec", self.namespace.name, *daemon, *directories]

    def start(self) -> None:
        """Start the daemon."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command(), cwd=self.root, stdout=log, stderr=log)

    def pids(self) -> dict[str, int]:
        """Return the daemon's processes by name: supervisor, zygote, agent, and the applications."""
        assert self.process is not None
        supervisor = self.process.pid
        found = {"supervisor": supervisor}
        for pid in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
            try:
                found[Path(f"/proc/{pid}/comm").read_text().strip().removeprefix("lb:")] = int(pid)
            except OSError:
                continue
        return found

    def stop(self) -> int:
        """End the daemon as systemd does; return its exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(20)

    def reload(self) -> dict[str, Any]:
        """Have the configuration read again; return the outcome, which is to be good."""
        return self._carried_out("reload")

    def upgrade(self) -> dict[str, Any]:
        """Have the program replaced by itself; return the outcome, which is to be good."""
        return self._carried_out("upgrade")

    def _carried_out(self, verb: str) -> dict[str, Any]:
        outcome = carry_out(self.run_dir, verb)
        assert outcome["result"] in {"applied", "unchanged"}, outcome
        return outcome

    def restart(self) -> None:
        """Restart as systemd does: the supervisor ends at once, the next one takes over what it left at work."""
        assert self.process is not None
        self.process.send_signal(signal.SIGUSR2)
        assert self.process.wait(10) == 0
        self.start()

    def kill(self, *names: str) -> None:
        """Kill processes by name, and wait until they are gone."""
        pids = self.pids()
        self._kill([pids[name] for name in names])

    def kill_all(self) -> None:
        """Kill every process that there is, one that has no name yet included."""
        self._kill(list(self.namespace.pids()))

    def _kill(self, victims: Collection[int]) -> None:
        for pid in victims:
            with suppress(ProcessLookupError):  # it has ended by itself
                os.kill(pid, signal.SIGKILL)
        if self.process is not None and self.process.pid in victims:
            self.process.wait(10)
        until(lambda: not any(alive(pid) for pid in victims))

    def status(self) -> dict[str, Any]:
        """Return the daemon's status, empty while it does not answer."""
        try:
            return dict(ask(self.run_dir, "status"))
        except RefusedError:
            return {}

    def settled(self) -> bool:
        """Return whether this end masters VID 1 and 2 over its link, and every application is steered."""
        status = self.status()
        return (
            bool(status)
            and all(group["next_hop"] == "l1" and group["works"] for group in status["groups"].values())
            and [status["applications"][name]["vid"] for name in ("web", "rest")] == [2, 1]
        )

    def addresses(self) -> set[str]:
        """Return the addresses of the LAN device."""
        shown = json.loads(self.namespace("ip -j -4 address show dev eth0"))
        return {entry["local"] for entry in shown[0]["addr_info"]}

    def kernel(self) -> str:
        """Return everything of ours in the kernel, as text that is the same while nothing changes."""
        return "".join(
            self.namespace(command)
            for command in ("ip rule", "ip route show table all proto 112", "nft list map inet linkbalancer app2vid")
        ) + str(sorted(self.addresses()))

    def lines(self) -> str:
        """Return the log."""
        return self.log.read_text()


class Watch:
    """Records what is deleted in a namespace while it lasts: addresses, rules, routes."""

    def __init__(self, gateway: Gateway) -> None:
        """Watch a gateway."""
        self._path = gateway.directory / "monitor"
        self._file = self._path.open("wb")
        command = ["ip", "netns", "exec", gateway.namespace.name, "ip", "-4", "monitor", "address", "rule", "route"]
        self._process = subprocess.Popen(command, stdout=self._file)
        until(lambda: Path(f"/proc/{self._process.pid}/comm").read_text() == "ip\n")

    def deleted(self) -> list[str]:
        """End; return what was deleted."""
        self._process.terminate()
        self._process.wait()
        self._file.close()
        return [line for line in self._path.read_text().splitlines() if line.startswith("Deleted")]

"""The hosts' traffic processes, as the drill sees them: tasks and commands in, notebooks out."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.lab.arrivals import Kind, Record, Schedule, Trace, read_records, traces
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.flows import Flow
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.service import daemon_environment
from linkbalancer.lab.topology import SIDES

INTERVAL: Final[Duration] = 5 * MILLISECOND
"""How often every flow sends: a tenth of the tightest outage that is judged (50 ms), so that is seen for what it is."""

_CONNECT_LIMIT: Final = 10 * SECOND
_ECHO_LIMIT: Final = 1 * SECOND


class HostProcess:
    """One host's traffic process."""

    def __init__(self, namespace: str, task: dict[str, Any], notebook: Path, log: Path) -> None:
        self._notebook = notebook
        notebook.touch()
        words = ["ip", "netns", "exec", namespace, sys.executable, "-m", "linkbalancer.lab.traffic"]
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stderr=errors, cwd="/", env=daemon_environment(), start_new_session=True
            )
        self._log = log
        self.command(json.dumps({**task, "notebook": str(notebook)}))

    def command(self, line: str) -> None:
        """Hand it a line; LabError when the process has died."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise LabError(f"a host's traffic process has ended: {self._log.read_text().strip()[-300:]}") from error

    def records(self) -> list[Record]:
        """Return all that it has written down so far."""
        return list(read_records(self._notebook.read_bytes()))

    def end(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(5)


class Traffic:
    """All flows of a drill: both hosts, one schedule."""

    def __init__(self, lab: Lab, flows: Sequence[Flow]) -> None:
        self.flows: Final = tuple(flows)
        self.schedule = Schedule(0, INTERVAL)
        self._echoes = 0
        self._hosts = {side: self._launch(lab, side) for side in SIDES}

    def _launch(self, lab: Lab, side: str) -> HostProcess:
        sends = "out" if side == "near" else "back"
        outgoing = [flow for flow in self.flows if flow.direction == sends]
        answering = {flow.app: flow.number for flow in self.flows if flow.direction != sends}
        ends = [
            {
                "protocol": flow.protocol,
                "local": [str(flow.source), flow.source_port],
                "remote": [str(flow.destination), flow.destination_port],
                "tos": flow.tos,
                "sends": flow.number,
                "receives": answering[flow.app],
                "connects": side == "near",
            }
            for flow in outgoing
        ]
        name = lab.topology.host(side).name
        return HostProcess(
            lab.run.namespace(name),
            {"interval_ns": INTERVAL, "ends": ends},
            lab.run.directory / f"{name}.arrivals",
            lab.run.directory / f"{name}.log",
        )

    def start(self) -> None:
        """Open the TCP connections, then let all numbers begin; LabError when no connection comes about."""
        for host in self._hosts.values():
            host.command("connect")
        connections = sum(flow.protocol == "tcp" for flow in self.flows)
        deadline = time.monotonic_ns() + _CONNECT_LIMIT
        while sum(record.kind is Kind.CONNECTED for record in self._records()) < connections:
            if time.monotonic_ns() > deadline:
                raise LabError(f"no TCP connection between the hosts within {_CONNECT_LIMIT // SECOND} s")
            time.sleep(0.05)
        self.schedule = Schedule(time.monotonic_ns() + 100 * MILLISECOND, INTERVAL)
        for host in self._hosts.values():
            host.command(f"start {self.schedule.start}")

    def traces(self) -> dict[int, Trace]:
        """Return what is known of every flow, by its number."""
        found = traces(self._records())
        return {flow.number: found.get(flow.number, Trace()) for flow in self.flows}

    def _records(self) -> list[Record]:
        return [record for host in self._hosts.values() for record in host.records()]

    def answers(self, side: str, address: str) -> bool:
        """Whether an address answers an ICMP echo from a side's host."""
        host = self._hosts[side]
        deadline: Instant = time.monotonic_ns() + _ECHO_LIMIT
        first = self._echoes + 1
        while time.monotonic_ns() < deadline:
            self._echoes += 1
            host.command(f"echo {address} {self._echoes}")
            time.sleep(0.1)
            if any(record.kind is Kind.ECHO and record.number >= first for record in host.records()):
                return True
        return False

    def end(self) -> None:
        """Let both hosts end."""
        for host in self._hosts.values():
            host.end()

"""The hosts' traffic processes, as the drill sees them: tasks and commands in, notebooks out."""

import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.lab.arrivals import ARP_EVERY, ECHO_EVERY, Kind, Notes, Record, Schedule, Trace
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.flows import Echo, Flow
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.service import daemon_environment
from linkbalancer.lab.topology import SIDES

INTERVAL: Final[Duration] = 5 * MILLISECOND
"""How often every flow sends: a tenth of the tightest outage that is judged (50 ms), so that is seen for what it is."""

MOST_PACKETS: Final = 4000
"""How many packets all flows together send in a second: a computer with two cores has more to do than to carry them.
Of more than twenty flows each sends less often, and its outages are seen that much less exactly."""

_CONNECT_LIMIT: Final = 10 * SECOND


def period_of(flows: int) -> int:
    """Return in how many intervals a flow sends once, of so many."""
    return max(1, math.ceil(flows * SECOND / (MOST_PACKETS * INTERVAL)))


class HostProcess:
    """One host's traffic process."""

    def __init__(self, namespace: str, task: dict[str, Any], notebook: Path, log: Path) -> None:
        notebook.touch()
        self._notes = Notes(notebook)
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

    def news(self) -> Iterator[Record]:
        """Return what it has written down since the last time."""
        return self._notes.read()

    def end(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(5)


class Traffic:
    """All flows of a drill: both hosts, one schedule."""

    def __init__(self, lab: Lab, flows: Sequence[Flow], echoes: Sequence[Echo] = ()) -> None:
        self.flows: Final = tuple(flows)
        self.echoes: Final = tuple(echoes)
        self.schedule = Schedule(0, INTERVAL)
        self.period: Final = period_of(len(self.flows))
        self._connected = 0
        numbers = range(len(flows) + 2 * len(echoes))
        self._traces = {number: Trace(lab.topology.most_gateways) for number in numbers}
        self._hosts = {side: self._launch(lab, side) for side in SIDES}

    def _launch(self, lab: Lab, side: str) -> HostProcess:
        sends = "out" if side == "near" else "back"
        outgoing = [flow for flow in self.flows if flow.direction == sends]
        ends = [
            {
                "protocol": flow.protocol,
                "local": [str(flow.source), flow.source_port],
                "remote": [str(flow.destination), flow.destination_port],
                "tos": flow.tos,
                "sends": flow.number,
                "receives": flow.answer,
                "turn": flow.conversation % self.period,
                "connects": side == "near",
            }
            for flow in outgoing
        ]
        name = lab.topology.host(side).name
        return HostProcess(
            lab.run.namespace(name),
            {
                "interval_ns": INTERVAL,
                "period": self.period,
                "most_gateways": lab.topology.most_gateways,
                "ends": ends,
                "echoes": [
                    {"address": str(echo.address), "flow": echo.number, "arp": echo.arp}
                    for echo in self.echoes
                    if echo.side == side
                ],
                "device": next(port.device for _, port in lab.topology.ports(name)),
            },
            lab.run.directory / f"{name}.arrivals",
            lab.run.directory / f"{name}.log",
        )

    def start(self) -> None:
        """Open the TCP connections, then let all numbers begin; LabError when no connection comes about."""
        for host in self._hosts.values():
            host.command("connect")
        connections = sum(flow.protocol == "tcp" for flow in self.flows)
        deadline = time.monotonic_ns() + _CONNECT_LIMIT
        while self._connected < connections:
            if time.monotonic_ns() > deadline:
                raise LabError(f"no TCP connection between the hosts within {_CONNECT_LIMIT // SECOND} s")
            time.sleep(0.05)
            self._take_notes()
        self.schedule = Schedule(time.monotonic_ns() + 100 * MILLISECOND, INTERVAL)
        for host in self._hosts.values():
            host.command(f"start {self.schedule.start}")

    def schedules(self) -> dict[int, Schedule]:
        """Return when each flow's numbers are sent, by its own number."""
        return {flow.number: self.schedule.turn(flow.conversation, self.period) for flow in self.flows}

    @property
    def echo_schedule(self) -> Schedule:
        """When the numbers of the echoes are sent."""
        return Schedule(self.schedule.start, ECHO_EVERY * self.schedule.interval)

    @property
    def arp_schedule(self) -> Schedule:
        """When the numbers of the ARP requests are sent."""
        return Schedule(self.schedule.start, ARP_EVERY * self.schedule.interval)

    def traces(self) -> Mapping[int, Trace]:
        """Return what is known of every flow by now, by its number."""
        self._take_notes()
        return self._traces

    def _take_notes(self) -> None:
        for host in self._hosts.values():
            for record in host.news():
                if record.kind is Kind.CONNECTED:
                    self._connected += 1
                else:
                    self._traces[record.flow].add(record)

    def end(self) -> None:
        """Let both hosts end."""
        for host in self._hosts.values():
            host.end()

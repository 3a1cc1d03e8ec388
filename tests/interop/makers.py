"""A gateway of either maker, told in one language what it is to be: configuration, start, end, and its own words."""

import os
import re
import shutil
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from linkbalancer.cli.client import RefusedError, ask
from linkbalancer.links import Vid
from tests.daemon.waiting import alive, until
from tests.namespaces import Namespace

ROOT = Path(__file__).parents[2]
STOP_LIMIT_S = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A gateway's part in one group; `source` and `peer` are addresses, `virtual` has prefix lengths."""

    vid: Vid
    virtual: tuple[str, ...]
    source: str
    peer: str
    priority: int
    interval_ms: int
    version: int = 3
    device: str = "eth0"
    preempt: bool = True
    virtual_mac: bool = False
    unicast: bool = False
    password: str | None = None

    @property
    def ipv6(self) -> bool:
        """Whether the group is of IPv6."""
        return ":" in self.virtual[0]


class Gateway(ABC):
    """A gateway: its files, and its program while that runs in a namespace."""

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        self.namespace, self.directory = namespace, directory
        self.process: subprocess.Popen[bytes] | None = None
        self.leaving = False
        directory.mkdir(parents=True)

    @abstractmethod
    def configure(self, parts: Sequence[Part], *, together: bool = False) -> None:
        """Write the configuration; the parts may be members of one sync group."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the program's command line."""

    @abstractmethod
    def state(self, part: Part) -> str | None:
        """Return what it says that its state in a group is (`master`, `backup`, ...), None while it says nothing."""

    @abstractmethod
    def complaints(self) -> list[str]:
        """Return what it has to say against packets that it received."""

    def start(self) -> None:
        """Start the program, when an earlier run of it has ended."""
        self.wait()
        words = ["ip", "netns", "exec", self.namespace.name, *self.command()]
        environment = os.environ | {"TMPDIR": str(self.directory)}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )

    def stop(self) -> None:
        """Ask it to leave, without waiting."""
        if self.process is not None:
            self.process.terminate()
            self.leaving = True

    def wait(self) -> None:
        """Wait until it has left, if it was asked to."""
        if self.process is not None:
            assert self.leaving, "it runs already"
            self.process.wait(STOP_LIMIT_S)
        self.process, self.leaving = None, False

    def reload(self) -> None:
        """Have it read its configuration again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        """Kill all its processes at one instant, so that none of them notices that another has died."""
        victims = set[int]()
        while found := set(self.namespace.pids()) - victims:  # what was born meanwhile, too
            victims |= found
            _signal(found, signal.SIGSTOP)
        _signal(victims, signal.SIGKILL)
        if self.process is not None:
            self.process.wait(STOP_LIMIT_S)
            self.process = None
        until(lambda: not any(alive(pid) for pid in victims), STOP_LIMIT_S, "the killed are gone")

    def restart(self) -> None:
        """Restart it as its unit does: here, by stopping and starting."""
        self.stop()
        self.start()

    @abstractmethod
    def forget(self) -> None:
        """Remove what does not outlive a boot: what is below /run."""

    @property
    def lines(self) -> str:
        """Everything that it has logged."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def _log(self) -> Path:
        return self.directory / "log"


class Keepalived(Gateway):
    """Debian's Keepalived."""

    _ENTERING = re.compile(r"\((\w+)\) Entering (\w+) STATE")
    _COMPLAINT = re.compile(
        r".*(?:checksum|mismatch|invalid|expected|ignor|discard|drop|wrong|bogus|not present|error|unknown|differ"
        r"|incorrect|received an? ).*",
        re.IGNORECASE,
    )
    _HARMLESS = re.compile(
        r"Kernel is reporting|received lower prio|lower priority advert|Received advert with|errors? *:|rxbuf|"
        r"received a? ?higher|Lower prio|Netlink"
    )
    _COUNTED = re.compile(
        r"^ {4}(Packet length|TTL|Invalid Type|Advertisement Interval|Address List|"
        r"Invalid Type|Type Mismatch|Failure): (\d+)",
        re.MULTILINE,
    )

    def configure(self, parts: Sequence[Part], *, together: bool = False) -> None:
        """Write keepalived.conf."""
        text = "global_defs {\n    router_id lan\n    vrrp_version 3\n    vrrp_higher_prio_send_advert true\n}\n"
        if together:
            names = "\n".join(f"        {_instance(part)}" for part in parts)
            text += f"vrrp_sync_group all {{\n    group {{\n{names}\n    }}\n}}\n"
        (self.directory / "keepalived.conf").write_text(text + "".join(map(_keepalived_instance, parts)))

    def command(self) -> list[str]:
        """Return the command line: in the foreground, VRRP alone, everything in the gateway's own directory."""
        program = shutil.which("keepalived")
        assert program, "keepalived is missing (Debian package keepalived)"
        words = [program, "--dont-fork", "--vrrp", "--log-console", "--log-detail", "--no-syslog"]
        words += [f"--use-file={self.directory / 'keepalived.conf'}"]
        return words + [f"--{kind}={self.directory / kind}" for kind in _PID_FILES]

    def state(self, part: Part) -> str | None:
        """Return the state that it logged last for the group."""
        if self.process is None or self.leaving:
            return None
        name = _instance(part)
        entered = [state for instance, state in self._ENTERING.findall(self._latest) if instance == name]
        return entered[-1].lower() if entered else None

    def start(self) -> None:
        """Start; what an earlier run logged does not count as its state."""
        with self._log.open("a") as log:
            log.write(f"{_STARTED}\n")
        super().start()

    def complaints(self) -> list[str]:
        """Return lines of its log, and of the statistics that it writes on request, that speak of refused packets."""
        lines = (line for line in self.lines.splitlines() if self._COMPLAINT.match(line))
        found = [line for line in lines if not self._HARMLESS.search(line)]
        if self.process is not None and not self.leaving:
            statistics = self.directory / "keepalived.stats"
            statistics.unlink(missing_ok=True)
            for pid in self.namespace.pids():
                if pid != self.process.pid:
                    os.kill(pid, signal.SIGUSR2)
            until(lambda: statistics.exists() and "Priority Zero" in statistics.read_text(), 5, "its statistics")
            found += [f"{what}: {count}" for what, count in self._COUNTED.findall(statistics.read_text()) if int(count)]
        return found

    def kill(self) -> None:
        """Kill it, and remove its pid files: who is dead but not yet buried looks alive to a new Keepalived."""
        super().kill()
        self.forget()

    def forget(self) -> None:
        """Remove its pid files."""
        for kind in _PID_FILES:
            (self.directory / kind).unlink(missing_ok=True)

    @property
    def _latest(self) -> str:
        return self.lines.rpartition(_STARTED)[2]


_PID_FILES = ("pid", "vrrp_pid", "checkers_pid", "bfd_pid")
_STARTED = "-- started --"


def _instance(part: Part) -> str:
    return f"{'V6' if part.ipv6 else 'V4'}_{part.vid}"


def _keepalived_instance(part: Part) -> str:
    """Return the `vrrp_instance` of a part."""
    lines = [
        "state BACKUP",
        f"interface {part.device}",
        f"version {part.version}",
        f"virtual_router_id {part.vid}",
        f"priority {part.priority}",
        f"advert_int {part.interval_ms / 1000:g}",
        "virtual_ipaddress {",
        *(f"    {address}" for address in part.virtual),
        "}",
    ]
    if not part.preempt:
        lines.append("nopreempt")
    if part.virtual_mac:
        lines.append("use_vmac")
    if part.unicast:
        lines += [f"unicast_src_ip {part.source}", "unicast_peer {", f"    {part.peer}", "}"]
    if part.password:
        lines += ["authentication {", "    auth_type PASS", f"    auth_pass {part.password}", "}"]
    return f"vrrp_instance {_instance(part)} {{\n" + "".join(f"    {line}\n" for line in lines) + "}\n"


class Ours(Gateway):
    """This project's daemon, standalone: a plain VRRP router."""

    _COMPLAINT = re.compile(r".*\b(?:error|warning|critical|traceback)\b.*", re.IGNORECASE)

    def configure(self, parts: Sequence[Part], *, together: bool = False) -> None:
        """Write linkbalancer.yaml and what it names."""
        groups = {(f"{part.vid}/ipv6" if part.ipv6 else part.vid): self._group(part) for part in parts}
        document: dict[str, Any] = {"node": "gateway", "role": "standalone", "groups": groups}
        if together:
            document["sync_groups"] = {"all": {"groups": list(groups)}}
        (self.directory / "linkbalancer.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    def _group(self, part: Part) -> dict[str, Any]:
        group: dict[str, Any] = {
            "device": part.device,
            "virtual_ips": list(part.virtual),
            "priority": part.priority,
            "advert_interval": f"{part.interval_ms}ms",
            "version": part.version,
            "preempt": part.preempt,
            "virtual_mac": part.virtual_mac,
            "checksum": "auto",
        }
        if part.unicast:
            group["unicast"] = {"peers": [part.peer], "source": part.source}
            if part.ipv6:
                group["unicast"]["ttl"] = [64, 255]  # Keepalived 2.2.7 sends these with the hop limit of any packet
        if part.password:
            file = self.directory / "password"
            file.write_text(part.password + "\n")
            file.chmod(0o600)
            group["password_file"] = file.name
        return group

    def command(self) -> list[str]:
        """Return the command line."""
        words = [sys.executable, "-m", "linkbalancer", "run", str(self.directory / "linkbalancer.yaml")]
        return [*words, "--run-dir", str(self._run_dir), "--state-dir", str(self.directory / "state")]

    def state(self, part: Part) -> str | None:
        """Return what its status says of the group."""
        group = self.status().get("groups", {}).get(f"{part.vid}/ipv6" if part.ipv6 else str(part.vid), {})
        state: str | None = group.get("state")
        return state

    def status(self) -> dict[str, Any]:
        """Return its status, empty while it does not answer."""
        try:
            return dict(ask(self._run_dir, "status"))
        except RefusedError:
            return {}

    def complaints(self) -> list[str]:
        """Return what it counted as refused, and its warnings."""
        found = [f"{name}: {count}" for name, count in refusals(self.status()).items() if count]
        return found + [line for line in self.lines.splitlines() if self._COMPLAINT.match(line)]

    def restart(self) -> None:
        """Restart it as its unit does: by a signal that leaves everything at work for the next one."""
        assert self.process is not None
        self.process.send_signal(signal.SIGUSR2)
        self.leaving = True
        self.start()

    def forget(self) -> None:
        """Remove the run directory."""
        shutil.rmtree(self._run_dir, ignore_errors=True)

    @property
    def _run_dir(self) -> Path:
        return self.directory / "run"


def _signal(pids: Iterable[int], word: signal.Signals) -> None:
    """Signal processes; those that have ended by themselves need it no more."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, word)


def refusals(status: dict[str, Any]) -> dict[str, int]:
    """Return every counter of refused packets that a status has, by its path."""
    found: dict[str, int] = {}

    def look(path: str, value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                look(f"{path}/{name}", inner)
        elif isinstance(value, int) and ("rejected" in path or path.endswith("errors")):
            found[path] = value

    look("", status)
    return found

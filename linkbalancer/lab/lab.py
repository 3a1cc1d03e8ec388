"""A lab: a topology in namespaces with the real daemon on every gateway, from nothing to nothing."""

import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from linkbalancer.config.rendering import places, rendered
from linkbalancer.lab.directory import Directory, read_directory
from linkbalancer.lab.keepalived import LabKeepalived
from linkbalancer.lab.network import Network
from linkbalancer.lab.rights import check_rights
from linkbalancer.lab.run import Run, clear_dead_runs
from linkbalancer.lab.service import Service
from linkbalancer.lab.status import Statuses, ask
from linkbalancer.lab.topology import Topology
from linkbalancer.links import NodeName

_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class Lab:
    """One running lab; made by `opened`."""

    def __init__(self, directory: Directory, run: Run) -> None:
        self.run: Final = run
        self.directory: Final = directory
        self.network: Final = Network(directory.topology, run)
        self.services: Final = {node: self._service(node) for node in directory.topology.gateways}

    @property
    def topology(self) -> Topology:
        """What it is made of."""
        return self.directory.topology

    def _service(self, node: NodeName) -> Service:
        files = self.run.directory / node
        files.mkdir()
        return Service(
            self.run.namespace(node),
            self.directory.config_path(node),
            files / "run",
            files / "state",
            files / "log",
            keepalived=self._keepalived(node, files),
        )

    def _keepalived(self, node: NodeName, files: Path) -> LabKeepalived | None:
        """Return the Keepalived that runs groups of a gateway, None where they are all its own."""
        loaded = self.directory.loaded(node)
        text = rendered(loaded, str(files / "run"))
        if text is None:
            return None
        _, track_dir = places(loaded, str(files / "run"))
        return LabKeepalived(self.run.namespace(node), text, files / "keepalived", Path(track_dir))

    def start(self) -> None:
        """Build the network and start every daemon."""
        self.network.build()
        for service in self.services.values():
            service.start()

    def statuses(self) -> Statuses:
        """Ask every gateway for its status."""
        return {node: ask(service.run_dir) for node, service in self.services.items()}

    def last_words(self, node: NodeName, lines: int = 5) -> str:
        """Return the end of a gateway's log, under its name."""
        log = self.services[node].log
        said = log.read_text(errors="replace").splitlines()[-lines:] if log.exists() else []
        return "\n".join([f"--- {node}", *said])

    def stop(self) -> None:
        """End the daemons without a farewell and remove everything."""
        for service in self.services.values():
            service.abandon()
        self.run.clear()


def opened(path: Path) -> AbstractContextManager[Lab]:
    """Read a configuration directory, and have the lab of it (see `lab_of`); LabError when the directory is wrong."""
    return lab_of(read_directory(path))


@contextmanager
def lab_of(directory: Directory) -> Iterator[Lab]:
    """Clear what dead runs left, and yield the lab of a configuration directory, not yet started.

    Everything is removed at the end, however it comes: an error, Ctrl-C, or a signal that asks to end (these three
    arrive as KeyboardInterrupt).

    Raises:
        LabError: A command failed; MissingError names a right or feature that is missing.
    """
    with _interruptible():
        check_rights()
        clear_dead_runs()
        run = Run.mine()
        lab = None
        try:
            lab = Lab(directory.copy_to(run.directory / "conf"), run)
            yield lab
        finally:
            # A second Ctrl-C must not stop the clearing half-way.
            for number in _ENDING:
                signal.signal(number, signal.SIG_IGN)
            if lab is not None:
                lab.stop()
            run.clear()


@contextmanager
def _interruptible() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Who started us deaf to a hang-up (nohup) meant it.
    heeded = [number for number in _ENDING if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, signal.default_int_handler) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

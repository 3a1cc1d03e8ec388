"""A Debian Keepalived as another gateway of the LAN."""

import re
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Self

from linkbalancer.links import Vid
from tests.interop.site import INTERVAL_MS, Site, virtual_ip

PRIORITY = 100
"""Between a good gateway's of ours with its link (170 and more) and without (1)."""

_ENTERING = re.compile(r"\(VI_(\d+)\) Entering (\w+) STATE")
_STOP_LIMIT_S = 10

_INSTANCE = """
vrrp_instance VI_{vid} {{
    state BACKUP
    interface eth0
    version 3
    virtual_router_id {vid}
    priority {priority}
    advert_int {interval}
    virtual_ipaddress {{
        {address}/24
    }}
}}
"""


class Keepalived:
    """One Keepalived on a site's near LAN, for the length of a `with` block; its log says what it did."""

    def __init__(self, site: Site, files: Path, vids: Collection[Vid]) -> None:
        self._site = site
        self._files = files
        self._vids = vids
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        program = shutil.which("keepalived")
        assert program, "keepalived is missing (Debian package keepalived)"
        self._files.mkdir()
        config = self._files / "keepalived.conf"
        config.write_text("global_defs {\n    router_id stranger\n    vrrp_version 3\n}\n" + "".join(self._instances()))
        words = ["ip", "netns", "exec", self._site.stranger.name, program]
        words += ["--dont-fork", "--vrrp", "--log-console", "--log-detail", "--no-syslog", f"--use-file={config}"]
        words += [f"--{kind}={self._files / kind}" for kind in ("pid", "vrrp_pid", "checkers_pid", "bfd_pid")]
        with (self._files / "log").open("wb") as log:
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask it to leave (SIGTERM), and wait until it has; what does not leave goes with the namespace."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_STOP_LIMIT_S)
            self._process = None

    def _instances(self) -> list[str]:
        return [
            _INSTANCE.format(vid=vid, priority=PRIORITY, interval=INTERVAL_MS / 1000, address=virtual_ip(vid))
            for vid in self._vids
        ]

    @property
    def log(self) -> str:
        """Everything that it has logged."""
        return (self._files / "log").read_text()

    def states(self, vid: Vid) -> list[str]:
        """Return the states that it has entered in a VID, in order: BACKUP, MASTER, FAULT."""
        return [state for number, state in _ENTERING.findall(self.log) if int(number) == vid]

    def is_in(self, vid: Vid, state: str) -> bool:
        """Whether this is its state in a VID."""
        return self.states(vid)[-1:] == [state]

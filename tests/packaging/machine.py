"""A clean Debian with systemd as its first process, in namespaces of its own: the service as it really runs."""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.daemon.waiting import until
from tests.namespaces import Namespace
from tests.packaging.cleanroot import CleanRoot

# The least that systemd asks of who starts it in a container: proc, sysfs, a tree of control groups, and /run.
_BOOT = """
set -e
root=$1
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
cd "$root"
exec env -i PATH="$PATH" container=linkbalancer-test chroot "$root" /lib/systemd/systemd systemd.unit=basic.target
"""


class Machine:
    """Booted while the `with` block lasts."""

    def __init__(self, root: CleanRoot, namespace: Namespace) -> None:
        self.root, self.namespace = root, namespace

    def __enter__(self) -> Self:
        spaces = ["--pid", "--mount", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child"]
        words = ["ip", "netns", "exec", self.namespace.name, "unshare", *spaces, "sh", "-c", _BOOT, "sh"]
        self._process = subprocess.Popen(
            [*words, str(self.root.path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            until(self._first, 10)
            until(lambda: self.run("systemctl", "is-active", "basic.target").stdout == "active\n", 30)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._process.kill()  # and with it, by --kill-child, the first process, and so every one
        self._process.wait()
        words = ["ip", "netns", "pids", self.namespace.name]
        until(lambda: not subprocess.run(words, capture_output=True, text=True, check=True).stdout, 10)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run words in it to their end."""
        enter = ["nsenter", "--target", self._first(), "--pid", "--mount", "--uts", "--ipc", "--net", "--cgroup"]
        environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]
        return subprocess.run(
            [*enter, "--root", "--wd", *environment, "DEBIAN_FRONTEND=noninteractive", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def __call__(self, *words: str) -> str:
        """Run words in it; return what they wrote. Words that fail fail the test."""
        done = self.run(*words)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def _first(self) -> str:
        """Return its first process as the host counts, empty while there is none."""
        pid = self._process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                return child
        return ""

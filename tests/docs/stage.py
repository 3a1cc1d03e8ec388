"""A gateway as a page's reader sees it: files where pages say they are, and programs that are not ours, played."""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from linkbalancer.lab.lab import Lab
from tests.docs.page import Command

_ROOT: Final = Path(__file__).parents[2]

# What a command writes elsewhere below /etc is kept for the same gateway's next command, and never reaches this host.
_STAGE: Final = """\
set -e
mkdir -p {scratch}/lab
mount --rbind {lab} {scratch}/lab
for place in /etc /run /var/lib; do
    mkdir -p {scratch}/over$place {scratch}/work$place
    mount -t overlay overlay -o lowerdir=$place,upperdir={scratch}/over$place,workdir={scratch}/work$place $place
done
getent group linkbalancer >/dev/null || echo linkbalancer:x:64999: >>/etc/group
mkdir -p /etc/linkbalancer /run/linkbalancer /var/lib/linkbalancer
mount --rbind {scratch}/lab {lab}
mount --bind {config} /etc/linkbalancer
mount --bind {run_dir} /run/linkbalancer
mount --bind {state_dir} /var/lib/linkbalancer
export PATH={scratch}/bin:$PATH
cd /etc/linkbalancer
set +e
eval "$COMMAND"
"""
_LINKBALANCER: Final = """\
#!/bin/sh
exec {python} -m linkbalancer "$@"
"""
_SYSTEMCTL: Final = """\
#!/bin/sh
case "$1" in
reload) kill -HUP {pid} ;;
is-active) if [ {pid} = 0 ]; then echo inactive; exit 3; else echo active; fi ;;
start|stop|restart) echo "$1" >>{scratch}/asked ;;
*) echo "systemctl $* is not played here" >&2; exit 1 ;;
esac
"""
_JOURNALCTL: Final = """\
#!/bin/sh
exec cat {log}
"""
_SCP: Final = """\
#!/bin/bash
# scp FILE ... HOST:FOLDER: the last word says where to, the others what.
target=${{@: -1}}; host=${{target%%:*}}; folder=${{target#*:}}
mkdir -p {configs}/$host/${{folder#/etc/linkbalancer/}}
cp -p "${{@:1:$#-1}}" {configs}/$host/${{folder#/etc/linkbalancer/}}
"""


class Stage:
    """The gateways of a lab, one scratch directory each."""

    def __init__(self, lab: Lab, scratch: Path) -> None:
        """Prepare nothing yet."""
        self.lab, self.scratch = lab, scratch

    def run(self, command: Command) -> tuple[int, str]:
        """Run a command where its reader would; return its exit status and what it said, by a real gateway's names."""
        pid = self.lab.services[command.node].processes().get("supervisor", 0)
        service, scratch = self.lab.services[command.node], self.scratch / command.node
        config = self.config(command.node)
        (scratch / "bin").mkdir(parents=True, exist_ok=True)
        facts = {
            "scratch": scratch,
            "python": sys.executable,
            "pid": pid if Path(f"/proc/{pid}").exists() else 0,
            "log": service.log,
            "configs": config.parent,
            "lab": self.lab.run.directory,
            "config": config,
            "run_dir": service.run_dir,
            "state_dir": self.state_dir(command.node),
        }
        for name, text in [
            ("linkbalancer", _LINKBALANCER),
            ("systemctl", _SYSTEMCTL),
            ("journalctl", _JOURNALCTL),
            ("scp", _SCP),
        ]:
            (scratch / "bin" / name).write_text(text.format(**facts))
            (scratch / "bin" / name).chmod(0o755)
        namespace = self.lab.run.namespace(command.node)
        words = ["ip", "netns", "exec", namespace, "unshare", "--mount", "bash", "-c", _STAGE.format(**facts)]
        environment = {**os.environ, "COMMAND": command.text, "PYTHONPATH": str(_ROOT)}
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=120, env=environment, stdin=subprocess.DEVNULL
        )
        said = done.stdout + done.stderr
        for real, name in [
            (config, "/etc/linkbalancer"),
            (service.run_dir, "/run/linkbalancer"),
            (self.state_dir(command.node), "/var/lib/linkbalancer"),
        ]:
            said = said.replace(str(real), name)
        return done.returncode, said

    def config(self, node: str) -> Path:
        """Return what is /etc/linkbalancer of a gateway."""
        return self.lab.directory.path / node

    def state_dir(self, node: str) -> Path:
        """Return what is /var/lib/linkbalancer of a gateway."""
        return self.lab.services[node].run_dir.parent / "state"

    def fill(self, node: str) -> None:
        """Fill the disk that /var/lib/linkbalancer is on."""
        with contextlib.suppress(OSError), (self.state_dir(node) / "ballast").open("wb", buffering=0) as ballast:
            while ballast.write(bytes(65536)):
                pass

    def asked(self, node: str) -> list[str]:
        """Return what the last command asked of systemd, once."""
        file = self.scratch / node / "asked"
        words = shlex.split(file.read_text()) if file.exists() else []
        file.unlink(missing_ok=True)
        return words

    def empty(self, node: str) -> None:
        """Leave a gateway with nothing of ours, as one that was just installed."""
        for directory in (self.config(node), self.state_dir(node), self.lab.services[node].run_dir):
            directory.mkdir(exist_ok=True)
            for entry in directory.iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        (self.config(node) / "keys").mkdir(mode=0o750)

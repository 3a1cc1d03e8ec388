"""Forgetting a namespace's connections: `python -m linkbalancer.lab.conntrack` does it in the one that it runs in."""

import subprocess
import sys

from pyroute2.netlink.nfnetlink.nfctsocket import NFCTSocket

from linkbalancer.lab.errors import LabError
from linkbalancer.lab.service import daemon_environment


def forget_flows(namespace: str) -> None:
    """Have connection tracking forget every flow of a namespace: the next packet of each begins it anew."""
    words = ["ip", "netns", "exec", namespace, sys.executable, "-m", "linkbalancer.lab.conntrack"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd="/", env=daemon_environment())
    if done.returncode:
        raise LabError(f"cannot forget the flows in {namespace}: {done.stderr.strip()[-300:]}")


if __name__ == "__main__":
    with NFCTSocket() as conntrack:
        conntrack.flush()

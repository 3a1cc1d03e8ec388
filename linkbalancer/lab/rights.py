"""What a lab needs of this host, asked before anything is built: the first thing missing is named in one sentence."""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Final

from linkbalancer.lab.commands import ip, nft
from linkbalancer.lab.errors import LabError, MissingError
from linkbalancer.lab.run import start_of

_CAPABILITIES: Final = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_ADMIN": 21}
_PROGRAMS: Final = {"ip": "iproute2", "nft": "nftables"}


def check_rights() -> None:
    """Return when a lab can be built here; else raise MissingError, one sentence that names what is missing."""
    for program, package in _PROGRAMS.items():
        if shutil.which(program) is None:
            raise MissingError(f"the program {program} is missing (Debian package {package})")
    effective = _effective_capabilities()
    missing = [name for name, bit in _CAPABILITIES.items() if not effective >> bit & 1]
    if missing:
        raise MissingError(f"the lab needs root, or at least the capabilities {', '.join(missing)}")
    _probe_kernel()


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _probe_kernel() -> None:
    """Try in a namespace of its own what every lab does."""
    pid = os.getpid()
    namespace = f"lb-{pid}-{start_of(pid)}-probe"
    try:
        try:
            ip([f"netns add {namespace}"])
        except LabError as error:
            raise MissingError(f"network namespaces cannot be made here: {_last_line(error)}") from error
        _attempt("bridges", ["link add br0 type bridge"], namespace)
        _attempt("veth devices", ["link add v0 type veth peer name v1"], namespace)
        _attempt("policy routing", ["rule add pref 20 fwmark 0x10000/0xff0000 table 20000"], namespace)
        try:
            nft("table bridge lab { chain forward { type filter hook forward priority 0; }\n}\n", namespace)
        except LabError as error:
            raise MissingError(f"the kernel lacks nftables for bridges: {_last_line(error)}") from error
        try:
            nft(
                "table inet lab { chain pre { type filter hook prerouting priority mangle; ct mark 1; }\n}\n", namespace
            )
        except LabError as error:
            raise MissingError(f"the kernel lacks nftables with conntrack: {_last_line(error)}") from error
    finally:
        with contextlib.suppress(LabError):
            ip([f"netns del {namespace}"])


def _attempt(feature: str, lines: list[str], namespace: str) -> None:
    try:
        ip(lines, namespace)
    except LabError as error:
        raise MissingError(f"the kernel lacks {feature}: {_last_line(error)}") from error


def _last_line(error: LabError) -> str:
    return str(error).splitlines()[0]

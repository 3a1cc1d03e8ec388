"""The service as systemd would start it, without systemd: as its user, with its groups and capabilities alone."""

from collections import defaultdict
from pathlib import Path

SYSTEMD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def settings(path: Path) -> dict[str, list[str]]:
    """Return what a unit sets, every value of a key in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in path.read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith(("#", ";")):
            found[key].append(value)
    return found


def words_to_start(path: Path) -> list[str]:
    """Return the command that starts the unit's program with what the unit leaves it of rights."""
    unit = settings(path)
    (user,), (group,), (groups,) = unit["User"], unit["Group"], unit["SupplementaryGroups"]
    (ambient,), (bounding,) = unit["AmbientCapabilities"], unit["CapabilityBoundingSet"]
    return [
        *("setpriv", "--reuid", user, "--regid", group, "--groups", ",".join([group, *groups.split()])),
        *(f"--ambient-caps={_only(ambient)}", f"--inh-caps={_only(ambient)}", f"--bounding-set={_only(bounding)}"),
        *(
            "--no-new-privs",
            "--",
            "env",
            "--ignore-environment",
            f"PATH={SYSTEMD_PATH}",
            "sh",
            "-c",
            f"umask {unit['UMask'][0]}; exec {unit['ExecStart'][0]}",
        ),
    ]


def _only(capabilities: str) -> str:
    return ",".join(["-all", *(f"+{name.lower().removeprefix('cap_')}" for name in capabilities.split())])

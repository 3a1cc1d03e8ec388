"""The account that the installed service runs as, where this host has it."""

import grp
import os

from linkbalancer.config.keyfile import SERVICE


def service_group() -> int | None:
    """Return the group of the service, None where it is not installed."""
    try:
        return grp.getgrnam(SERVICE).gr_gid
    except KeyError:
        return None


def own_group() -> int | None:
    """Return the group by which this process, being the service, may read keys; root's processes need none."""
    return os.getegid() if os.geteuid() != 0 else service_group()

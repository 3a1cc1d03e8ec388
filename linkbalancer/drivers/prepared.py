"""What comparing the skeleton with the kernel did."""

from dataclasses import dataclass

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.sysctl import Change


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `Kernel.prepare` did: switches that it set, and what it was refused (each is worth a line in the log).

    `made` are lines of what was done to devices of our own and routes to far ends, `failed` what was refused of that.
    `laid` are the rules and tables that were missing: a word for the kind, and which.
    """

    changed: tuple[Change, ...]
    refused: tuple[DriverError, ...]
    made: tuple[str, ...] = ()
    failed: tuple[DriverError, ...] = ()
    laid: tuple[tuple[str, str], ...] = ()

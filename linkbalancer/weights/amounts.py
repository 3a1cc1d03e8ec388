"""Amounts with units as operators write them, and their words: `100Mbit` a second, `50GB`, `5%`, `20ms`.

Inside, a rate is bits per second, a volume is bytes, a share is 0..1, a time is seconds (in metrics: nanoseconds).
"""

import re
from typing import Final

from linkbalancer.clock import Duration, in_words

RATES: Final = {"bit": 1.0, "kbit": 1e3, "Mbit": 1e6, "Gbit": 1e9, "Tbit": 1e12}
VOLUMES: Final = {
    "B": 1.0,
    "kB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
    "TB": 1e12,
    "KiB": float(1 << 10),
    "MiB": float(1 << 20),
    "GiB": float(1 << 30),
    "TiB": float(1 << 40),
}
SHARES: Final = {"%": 0.01}
TIMES: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0}

AMOUNT: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?) ?([A-Za-z%]+)", re.ASCII)
"""A number and a unit."""


def rate_in_words(rate: float) -> str:
    """Write bits per second."""
    return f"{_scaled(rate, RATES)}/s"


def volume_in_words(volume: float) -> str:
    """Write bytes."""
    return _scaled(volume, {unit: VOLUMES[unit] for unit in ("B", "kB", "MB", "GB", "TB")})


def share_in_words(share: float) -> str:
    """Write a share as a percentage."""
    return f"{share * 100:.3g} %"


def time_in_words(duration: Duration) -> str:
    """Write a time in nanoseconds."""
    return in_words(duration)


def _scaled(value: float, units: dict[str, float]) -> str:
    unit = max((unit for unit in units if units[unit] <= value), key=units.__getitem__, default=next(iter(units)))
    return f"{value / units[unit]:.3g} {unit}"

"""The one error of the drivers: which operation the kernel refused, and whether asking again can help."""

import errno as codes
import os

_PASSING = frozenset({codes.EAGAIN, codes.EBUSY, codes.EINTR, codes.ENOBUFS, codes.ENOMEM, codes.ETIMEDOUT})
"""Refusals that say nothing against the request itself."""


class DriverError(Exception):
    """The kernel refused something.

    Attributes:
        operation: what was tried, in words, with the kernel's own reason where it gave one.
        errno: the kernel's error number (0 when a program refused and gave words alone).
        retry: whether the same request may succeed later although nothing else changes.
    """

    def __init__(self, operation: str, errno: int, retry: bool | None = None) -> None:  # noqa: FBT001 - part of a record
        super().__init__(operation, errno)
        self.operation = operation
        self.errno = errno
        self.retry = errno in _PASSING if retry is None else retry

    def __str__(self) -> str:
        return f"{self.operation}: {os.strerror(self.errno)}" if self.errno else self.operation

"""The drivers' one error."""

import errno

import pytest

from linkbalancer.drivers.errors import DriverError


def test_an_error_reads_as_operation_and_reason() -> None:
    """The operation comes first, the kernel's reason after it."""
    assert str(DriverError("add the address", errno.EPERM)) == "add the address: Operation not permitted"


def test_words_without_a_number_stand_alone() -> None:
    """A program's own words are not followed by a reason that nobody gave."""
    assert str(DriverError("load: syntax error", 0)) == "load: syntax error"


@pytest.mark.parametrize(("code", "retry"), [(errno.EBUSY, True), (errno.ENOBUFS, True), (errno.EINVAL, False)])
def test_only_passing_refusals_are_worth_a_retry(code: int, retry: bool) -> None:  # noqa: FBT001 - a table's column
    """A busy kernel may say yes later; an invalid request never becomes valid."""
    assert DriverError("x", code).retry is retry


def test_the_caller_may_know_better() -> None:
    """An explicit word on retrying wins."""
    assert DriverError("x", errno.EINVAL, retry=True).retry

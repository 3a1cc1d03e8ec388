"""Expressions in the form that the kernel takes."""

from linkbalancer.drivers.netlink.codec import attribute, nested
from linkbalancer.drivers.nftables.headeroptions import acceptable


def expression(name: bytes, *parts: bytes) -> bytes:
    """Return one as a rule has it."""
    return nested(1, attribute(1, name), nested(2, *parts))


WRITTEN = (attribute(2, b"\2"), attribute(5, bytes(4)), attribute(7, b"\0\0\0\1"))


def test_what_the_kernel_refuses_is_left_out() -> None:
    """The flags of an option that is written, and nothing else."""
    before = expression(b"exthdr\0", *WRITTEN) + expression(b"rt\0", attribute(5, b"keep"))
    assert acceptable(before) == expression(b"exthdr\0", WRITTEN[0], WRITTEN[2]) + expression(
        b"rt\0", attribute(5, b"keep")
    )


def test_what_it_takes_stays() -> None:
    """An option that is read has flags; other expressions are not looked into."""
    read = expression(b"exthdr\0", attribute(1, b"\0\0\0\1"), attribute(5, bytes(4)))
    assert acceptable(read) == read
    other = expression(b"meta\0", attribute(5, bytes(4)))
    assert acceptable(other) == other

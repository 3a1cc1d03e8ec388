"""A decoder that is not as it should be: the test of those who look for such."""

SEEDS = [b"good"]


def take(data: bytes) -> None:
    """Raise where an input begins with F."""
    if data[:1] == b"F":
        raise IndexError("found by its first byte")

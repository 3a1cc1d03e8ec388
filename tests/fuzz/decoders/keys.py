"""A key file of a link."""

from linkbalancer.config.keyfile import content

SEEDS = [b"1 000102030405060708090a0b0c0d0e0f\n", b"# why\n1 00\n2 " + b"ab" * 32 + b"\n"]


def take(data: bytes) -> None:
    """Read it; what is wrong with it is said without a word of it."""
    text = data.decode(errors="replace")
    doubt = content(text)
    assert doubt is None or doubt.what

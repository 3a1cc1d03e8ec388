"""The table of VIDs."""

from linkbalancer.feed.table import Table, VidEntry


def test_working() -> None:
    """A table knows which of its VIDs work."""
    entries = (VidEntry(1, works=True, master="self", reason=""), VidEntry(2, works=False, master="none", reason=""))
    assert Table(1, 1, {}, {}, entries).working == frozenset({1})

"""What gateways tell each other of their links, byte for byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MICROSECOND, MILLISECOND
from linkbalancer.engine.assurance.figures import NOTHING, Figures
from linkbalancer.engine.assurance.tidings import PAGE, Tiding, pages, read
from linkbalancer.engine.company import LONGEST, Herald, decode, elements, encode

FIGURES = st.builds(
    Figures,
    st.none() | st.integers(0, 10**6).map(lambda parts: parts / 10**6),
    st.none() | st.integers(0, 10**7).map(lambda time: time * MICROSECOND),
    st.none() | st.integers(0, 10**7).map(lambda time: time * MICROSECOND),
)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,62}", fullmatch=True)
TIDINGS = st.builds(Tiding, NAMES, FIGURES, st.frozensets(st.integers(1, 255)))
MANY = [Tiding(f"link-{number:058}", NOTHING, frozenset(range(1, 256))) for number in range(5)]


@given(st.lists(TIDINGS, max_size=6))
def test_what_is_told_is_heard(told: list[Tiding]) -> None:
    """Whatever the names and figures, in whatever number of datagrams."""
    assert [one for page in pages(told) for one in read(page)] == told


@given(st.binary(max_size=200))
def test_any_bytes_are_tidings_or_refused(data: bytes) -> None:
    """Nothing else is ever raised, though an element promises much."""
    for noise in (data, bytes.fromhex("20000d") + data[:13], b"\x20" + len(data).to_bytes(2) + data):
        try:
            found = list(read(noise))
        except ValueError:
            continue
        assert all(one.link for one in found)


def test_more_than_fits_comes_in_several_heralds() -> None:
    """Each of which a LAN carries whole, beside the longest name."""
    head = encode(Herald("n" * 63, b"d" * 32))

    assert len(pages(MANY)) == 3
    assert all(len(page) <= PAGE and len(head + page) <= LONGEST for page in pages(MANY))
    assert [one for page in pages(MANY) for one in read(elements(head + page))] == MANY
    assert decode(head + pages(MANY)[0]) == Herald("n" * 63, b"d" * 32)


def test_what_is_no_herald_has_no_elements() -> None:
    """Another version, or too much of it."""
    assert elements(b"LH\x02" + bytes(9)) == b""
    assert elements(b"LH\x01" + bytes(LONGEST)) == b""


def test_on_the_wire() -> None:
    """The element, and after it its figures: parts per million and microseconds."""
    tiding = Tiding("l1", Figures(0.05, 80 * MILLISECOND, None), frozenset((3, 1)))

    (page,) = pages([tiding])
    assert page.hex() == "200011" + "0000c350" + "00013880" + "ffffffff" + "02" + "6c31" + "0103"


@pytest.mark.parametrize("value", ["", "00" * 12, "00" * 13, "00" * 12 + "01" + "0a"])
def test_what_is_cut_short_or_nameless_is_refused(value: str) -> None:
    """Figures that are not whole, and a name that is none."""
    data = bytes.fromhex(value)
    with pytest.raises(ValueError, match=r"a tiding must be|a name must be"):
        list(read(b"\x20" + len(data).to_bytes(2) + data))

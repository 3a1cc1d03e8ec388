"""What may fail, and how it is named."""

import pytest

from linkbalancer.engine.foresight.failure import Failure, Kind, UnknownFailureError, failures, pairs, read_failures
from tests.engine.foresight.sites import ALONE, ALONE_RULES, site, small


def test_everything_that_may_fail_is_there_once() -> None:
    """Links, gateways, LAN legs; plain gateways where there are some."""
    assert [one.word for one in failures(small())] == [
        *("link:l1", "link:l2"),
        *("gateway:b1", "gateway:b2", "gateway:f1", "gateway:f2"),
        *("leg:b1/eth0", "leg:b2/eth0", "leg:f1/eth0", "leg:f2/eth0"),
    ]
    words = [one.word for one in failures(site({"gw": ALONE}, ALONE_RULES))]
    assert words[0] == "gateway:gw"
    assert words[-2:] == ["upstream:203.0.113.1", "upstream:192.0.2.1"]
    assert len(list(pairs(small()))) == 45


def test_words_are_read() -> None:
    """Each once, in their order."""
    found = read_failures(["leg:b1/eth0", "link:l2", "leg:b1/eth0"], small())
    assert found == (Failure(Kind.LEG, "b1/eth0"), Failure(Kind.LINK, "l2"))
    assert [str(one) for one in found] == ["leg b1/eth0", "link l2"]


def test_a_name_alone_is_enough_where_it_is_one_things() -> None:
    """As somebody types it at night; else both meanings are named."""
    assert read_failures(["l1", "b2", "f1/eth0"], small()) == read_failures(
        ["link:l1", "gateway:b2", "leg:f1/eth0"], small()
    )
    both = small(*((name, "l1", "b2") for name in ("b1", "f1")))
    with pytest.raises(UnknownFailureError, match="b2 may be link:b2 or gateway:b2; write one of them"):
        read_failures(["b2"], both)
    assert read_failures(["link:b2"], both) == (Failure(Kind.LINK, "b2"),)


def test_a_word_that_names_nothing_is_refused_with_the_likely_one() -> None:
    """As everywhere."""
    with pytest.raises(UnknownFailureError, match="nothing here is called link:l3; did you mean link:l"):
        read_failures(["link:l3"], small())

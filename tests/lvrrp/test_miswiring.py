"""The fault of hearing another link's end."""

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.lvrrp.miswiring import ALARM_INTERVAL, FAULT_MEMORY, Miswiring


def test_the_first_is_an_alarm_and_the_next_are_not() -> None:
    """The same stranger again changes nothing but how long the fault lasts."""
    miswiring = Miswiring("l1")

    assert miswiring.heard(0, "l2") == "miswired: this is link l1, the other end says l2"
    assert miswiring.heard(SECOND, "l2") is None
    assert miswiring.clear_at() == SECOND + FAULT_MEMORY


def test_another_stranger_is_news_but_not_at_once() -> None:
    """Names that change quickly update the fault without an alarm each."""
    miswiring = Miswiring("l1")
    miswiring.heard(0, "l2")

    assert miswiring.heard(MILLISECOND, "l3") is None
    assert miswiring.fault == "miswired: this is link l1, the other end says l3"
    assert miswiring.heard(ALARM_INTERVAL, "l4") == miswiring.fault


def test_it_ends_with_a_word() -> None:
    """When nothing more is heard for long enough the fault is over, and that is said once."""
    miswiring = Miswiring("l1")
    miswiring.heard(0, "l2")

    assert miswiring.expire(FAULT_MEMORY - 1) is None
    assert miswiring.expire(FAULT_MEMORY) == "miswiring of link l1 is no longer heard"
    assert miswiring.fault is None
    assert miswiring.expire(FAULT_MEMORY) is None

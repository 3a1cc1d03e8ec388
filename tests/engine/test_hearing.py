"""Hearing: what is accepted is counted, remembered and followed; what is refused leaves a count."""

import json
from dataclasses import replace

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.engine.events import AdvertReceived
from linkbalancer.engine.hearing import PEERS_MAX, Forms
from linkbalancer.engine.refusals import PAUSE
from linkbalancer.vrrp.ip import MULTICAST
from linkbalancer.vrrp.packet import ChecksumForm, Rejection
from tests.engine.hears import (
    ADDRESSES,
    DEVICE,
    GROUP,
    GROUP_2,
    GROUP_6,
    MAC,
    OTHER,
    OWN,
    THIRD,
    UNICAST,
    Ear,
    packet,
)
from tests.vrrp.adverts import headed

NEW, OLD, OLDEST = ChecksumForm.RFC9568, ChecksumForm.RFC5798, ChecksumForm.OLD_UNICAST


def numbered(data: bytes, number: int) -> bytes:
    """Give an IPv4 packet an identification, as kernels count them."""
    return headed(data[:4] + number.to_bytes(2) + data[6:])


def test_what_is_accepted_is_counted_and_nothing_is_said() -> None:
    """Adverts of both families, each for its own group."""
    ear = Ear()
    assert ear.hear(packet(GROUP)) == ear.hear(packet(GROUP, priority=0)) == ear.hear(packet(GROUP_6)) == []
    assert (ear.count("adv_rcvd"), ear.count("priority_zero_rcvd"), ear.count("adv_rcvd", GROUP_6.id)) == (2, 1, 1)


def test_what_is_refused_leaves_a_count_and_a_word() -> None:
    """No router hears of it, no form is learned, and it is no Master whose coming would re-arm anything."""
    ear = Ear()
    bad = packet(GROUP, ttl=64, form=NEW)
    assert not ear.accepts(bad)
    assert ear.hear(bad) == []
    assert (ear.of_device("ip_ttl_errors"), ear.count("adv_rcvd")) == (2, 0)
    assert ear.hearing.form(GROUP, MULTICAST) is OLD
    assert ear.hearing.snapshot()["forms"] == {}


def test_a_new_master_or_state_lets_it_be_said_again() -> None:
    """After a pause; refused packets never do."""
    ear = Ear()
    bad = packet(GROUP, ttl=64)
    assert len(ear.hear(bad)) == 1
    ear.now += PAUSE
    assert ear.hear(bad) == []
    ear.hear(packet(GROUP))
    assert len(ear.hear(bad)) == 1
    ear.now += PAUSE
    ear.hear(packet(GROUP))
    ear.hear(packet(GROUP, THIRD, priority=0))
    assert ear.hear(bad) == []
    ear.hearing.moved(DEVICE, GROUP.id)
    assert len(ear.hear(bad)) == 1


def test_differences_are_counted_every_time_and_said_once() -> None:
    """Also while the same advert repeats."""
    ear = Ear()
    other = packet(GROUP, addresses=(THIRD,))
    assert [len(ear.hear(numbered(other, number))) for number in range(5)] == [1, 0, 0, 0, 0]
    assert (ear.count("adv_rcvd"), ear.count("address_list_errors")) == (5, 5)


def test_a_repeated_advert_is_judged_once_and_heard_each_time() -> None:
    """Equal but for the kernel's counting of packets; a bit that makes a difference is seen."""
    ear = Ear()
    good = packet(GROUP)
    verdicts = {
        id(ear.hearing._verdict(AdvertReceived(DEVICE, numbered(good, number), MAC), ADDRESSES)) for number in range(9)
    }
    assert len(verdicts) == 1
    damaged = bytearray(numbered(good, 9))
    damaged[5] ^= 1
    assert not ear.accepts(bytes(damaged))
    assert not ear.accepts(packet(GROUP, ttl=254))
    assert ear.accepts(packet(GROUP, priority=7))
    assert ear.accepts(good)
    assert len(ear.hearing._repeated) == 1


def test_what_was_heard_is_judged_anew_when_the_judge_has_changed() -> None:
    """Another configuration of the group, and an address that has become our own."""
    ear = Ear()
    good, six = packet(GROUP), packet(GROUP_6)
    assert ear.accepts(good)
    assert ear.accepts(six)
    ear.groups[GROUP.id] = replace(GROUP, version=2)
    assert not ear.accepts(good)
    ear.groups[GROUP.id] = GROUP
    assert ear.accepts(good)
    event = AdvertReceived(DEVICE, good, MAC)
    assert ear.hearing.hear(ear.now, event, frozenset({OWN, OTHER}))[0].reason is Rejection.LOOPED


def test_the_checksum_follows_the_peers() -> None:
    """RFC 5798's until another form is verified, then that one; said when it changes, not otherwise."""
    ear = Ear()
    assert ear.hearing.form(GROUP, MULTICAST) is OLD
    (record,) = ear.hear(packet(GROUP, form=NEW))
    assert "form rfc9568 from now on: 192.0.2.2 sends it" in record.text
    assert ear.hearing.form(GROUP, MULTICAST) is NEW
    assert ear.hear(packet(GROUP, form=NEW)) == ear.hear(packet(GROUP, THIRD, form=NEW)) == []
    assert len(ear.hear(packet(GROUP, THIRD, form=OLD))) == 1
    assert ear.hearing.form(GROUP, MULTICAST) is OLD
    assert ear.hearing.snapshot()["forms"] == {"1": "rfc5798"}


def test_a_unicast_peer_is_spoken_to_in_its_own_form() -> None:
    """Whatever the others send; one that was never heard gets the last."""
    group = replace(UNICAST, peers=(OTHER, THIRD))
    ear = Ear(group)
    ear.hear(packet(group, form=OLDEST))
    assert (ear.hearing.form(group, OTHER), ear.hearing.form(group, THIRD)) == (OLDEST, OLDEST)
    ear.hear(packet(group, THIRD, form=NEW))
    assert (ear.hearing.form(group, OTHER), ear.hearing.form(group, THIRD)) == (OLDEST, NEW)


def test_a_configured_form_is_kept() -> None:
    """Whatever is heard; and nothing is said of it."""
    fixed = replace(GROUP, checksum=NEW)
    ear = Ear(fixed)
    assert ear.hear(packet(fixed, form=OLD)) == []
    assert ear.hearing.form(fixed, MULTICAST) is NEW


@pytest.mark.parametrize("group", [GROUP_2, GROUP_6])
def test_where_there_is_one_form_nothing_is_learned(group: object) -> None:
    """Version 2 and IPv6."""
    ear = Ear()
    assert isinstance(group, type(GROUP))
    ear.hear(packet(group))
    assert ear.hearing.snapshot()["forms"] == {}


def test_a_successor_speaks_in_the_form_that_was_understood() -> None:
    """A restart must not make two Masters of a group whose other router cannot read RFC 5798's form."""
    before, after = Ear(), Ear()
    before.hear(packet(GROUP, form=NEW))
    left = json.loads(json.dumps(before.hearing.snapshot()))
    after.hearing.recall({**left, "forms": {**left["forms"], "77": "rfc9568"}})
    assert after.count("adv_rcvd") == 1
    assert after.hearing.form(GROUP, MULTICAST) is NEW
    assert len(after.hear(packet(GROUP, form=OLD))) == 1
    assert after.hearing.form(GROUP, MULTICAST) is OLD


INFINITE = {"forms": {}, "counters": {"interfaces": {"eth0": {"looped": float("inf")}}, "groups": {}}}


@pytest.mark.parametrize(
    "left", [{}, {"forms": 1}, {"forms": {"1": "rfc1"}}, {"forms": {}, "counters": {"groups": 7}}, INFINITE]
)
def test_what_nobody_wrote_is_forgotten(left: dict[str, object]) -> None:
    """It must never stop a start."""
    ear = Ear()
    ear.hearing.recall(left)
    assert ear.hearing.form(GROUP, MULTICAST) is OLD
    assert ear.accepts(packet(GROUP))


def test_forms_are_remembered_of_the_latest_peers_alone() -> None:
    """Sources cost an attacker nothing."""
    forms = Forms()
    for number in range(PEERS_MAX + 1):
        forms.learn(OTHER + number, OLD)
    forms.learn(OTHER + 1, OLD)
    assert len(forms._of) == PEERS_MAX
    forms.learn(OTHER + 99, NEW)
    assert forms.form(OTHER + 1) is OLD
    assert forms.form(OTHER) is NEW


def test_time_alone_says_nothing() -> None:
    """A long silence changes neither form nor what was said."""
    ear = Ear()
    ear.hear(packet(GROUP, form=OLD))
    ear.now += 10**6 * SECOND
    assert ear.hear(packet(GROUP, form=OLD)) == []

"""What an agent knows beside its machines."""

from dataclasses import replace
from ipaddress import IPv4Address

from linkbalancer.engine.events import ApplicationSteers, DeviceChanged, NeighbourHeard
from linkbalancer.engine.knowledge import MEMBERS_MAX, Knowledge
from linkbalancer.sim.shape import LAN_DEVICE, Shape, lan_address, loaded
from linkbalancer.sim.wire import NEAR

MS = 1_000_000


def knowledge() -> Knowledge:
    """Return what a new agent of b1 knows."""
    return Knowledge(loaded(Shape(links=3), "b1"), {"app1": 2}, session=7, boot=0)


def test_a_device_is_dead_until_it_is_seen_alive() -> None:
    """Every reason has its sentence."""
    known = knowledge()
    assert (known.fault(LAN_DEVICE), known.primary(LAN_DEVICE)) == ("eth0 has no carrier", None)
    known.device(DeviceChanged(LAN_DEVICE, carrier=True, primary=None))
    assert known.fault(LAN_DEVICE) == "eth0 has no address"
    known.device(DeviceChanged(LAN_DEVICE, carrier=True, primary=lan_address(NEAR, 1)))
    assert known.fault(LAN_DEVICE) is None
    known.leg(LAN_DEVICE, alive=False)
    assert known.fault(LAN_DEVICE) == "eth0 hears nobody"
    known.leg(LAN_DEVICE, alive=True)
    assert known.fault(LAN_DEVICE) is None


def test_only_configured_addresses_make_members_but_all_are_witnesses() -> None:
    """A target that answers is no gateway."""
    known = knowledge()
    assert known.neighbour(NeighbourHeard(LAN_DEVICE, lan_address(NEAR, 2), b"\2" * 6))
    assert not known.neighbour(NeighbourHeard(LAN_DEVICE, lan_address(NEAR, 99), b"\3" * 6))
    assert (set(known.members(LAN_DEVICE)), known.witnesses(LAN_DEVICE)) == ({b"\2" * 6}, 2)
    assert not known.neighbour(NeighbourHeard(LAN_DEVICE, lan_address(NEAR, 2), None))
    assert known.witnesses(LAN_DEVICE) == 1


def test_a_member_with_a_new_network_card_is_known_by_that_alone() -> None:
    """Its last answer counts."""
    known = knowledge()
    for mac in (b"\2" * 6, b"\4" * 6):
        assert known.neighbour(NeighbourHeard(LAN_DEVICE, lan_address(NEAR, 2), mac))
    assert known.members(LAN_DEVICE) == {b"\4" * 6}


def test_no_flood_of_adverts_makes_more_members_than_a_lan_has() -> None:
    """The set in the kernel has a limit; the first met is the first forgotten, and that is counted."""
    known = knowledge()
    for number in range(MEMBERS_MAX + 5):
        assert known.meet(LAN_DEVICE, number.to_bytes(6, "big"))
    assert len(known.members(LAN_DEVICE)) == MEMBERS_MAX
    assert bytes(6) not in known.members(LAN_DEVICE)
    assert known.counters["vrrp:members-forgotten"] == 5


def test_a_member_with_a_virtual_mac_is_known_by_its_own_too() -> None:
    """Packets that it forwards come from that one; who is asked for this reason alone is no witness."""
    known, virtual = knowledge(), bytes.fromhex("00005e000107")
    stranger, member = lan_address(NEAR, 77), lan_address(NEAR, 2)
    assert known.meet(LAN_DEVICE, virtual, stranger)
    assert not known.meet(LAN_DEVICE, virtual, member)
    assert known.neighbour(NeighbourHeard(LAN_DEVICE, stranger, b"\5" * 6))
    assert (set(known.members(LAN_DEVICE)), known.witnesses(LAN_DEVICE)) == ({virtual, b"\5" * 6}, 0)
    assert known.neighbour(NeighbourHeard(LAN_DEVICE, member, b"\2" * 6))
    assert (set(known.members(LAN_DEVICE)), known.witnesses(LAN_DEVICE)) == ({virtual, b"\5" * 6, b"\2" * 6}, 1)
    assert known.neighbour(NeighbourHeard("eth9", stranger, b"\6" * 6)) is False
    assert known.meet("eth9", virtual, stranger)
    assert known.neighbour(NeighbourHeard("eth9", stranger, b"\7" * 6))
    assert known.members("eth9") == {virtual, b"\7" * 6}


def test_no_flood_of_virtual_macs_has_more_asked_for_than_a_lan_has() -> None:
    """Who advertises twice stands once; from the first over the limit on, an answer makes no member."""
    known, virtual, own = knowledge(), bytes.fromhex("00005e000107"), b"\5" * 6
    speakers = [IPv4Address("198.51.100.0") + number for number in range(MEMBERS_MAX + 1)]
    for speaker in (*speakers, *speakers):
        known.meet(LAN_DEVICE, virtual, speaker)
    known.neighbour(NeighbourHeard(LAN_DEVICE, speakers[-1], own))
    assert known.members(LAN_DEVICE) == {virtual}
    known.neighbour(NeighbourHeard(LAN_DEVICE, speakers[-2], own))
    assert known.members(LAN_DEVICE) == {virtual, own}


def test_members_survive_in_what_a_successor_reads() -> None:
    """Whether they answered or advertised."""
    known, successor = knowledge(), knowledge()
    known.meet(LAN_DEVICE, b"\5" * 6)
    known.neighbour(NeighbourHeard(LAN_DEVICE, lan_address(NEAR, 2), b"\2" * 6))
    left = {device: frozenset(map(bytes.fromhex, macs)) for device, macs in known.all_members().items()}
    successor.recall(left, ())
    assert successor.members(LAN_DEVICE) == known.members(LAN_DEVICE)


def test_where_an_application_goes_is_news_when_it_moves() -> None:
    """Another reason is kept, but only another VID unsettles."""
    known = knowledge()
    known.steers(5, ApplicationSteers("app1", 1, 1, "first choice"))
    assert (known.steering["app1"].since, known.changed_at) == (5, 5)
    known.steers(6, ApplicationSteers("app1", 1, 2, "another reason"))
    known.steers(7, ApplicationSteers("app1", 1, 3, "another reason"))
    steering = known.steering["app1"]
    assert (steering.since, steering.reason, steering.sequence, known.changed_at) == (5, "another reason", 3, 5)
    known.steers(8, ApplicationSteers("nobody", 1, 1, ""))
    assert known.counters["feed:unknown-application"] == 1


def test_tables_are_numbered_within_a_session() -> None:
    """The newest wins."""
    known = knowledge()
    tables = [known.table(()) for _ in range(2)]
    assert [(table.session, table.sequence) for table in tables] == [(7, 1), (7, 2)]
    assert tables[0].applications == {"app1": 2}
    assert set(tables[0].definitions) == {"app1"}


def test_settled_means_three_adverts_a_skew_and_a_detect_time() -> None:
    """Of the slowest group and link (design 4.4)."""
    assert knowledge().settle_time == 3 * 200 * MS + 255 * 200 * MS // 256 + 600 * MS


def test_where_applications_went_is_taken_over() -> None:
    """Since when and why too; of an application that is no more, nothing."""
    known = knowledge()
    known.recall_steering({"app1": (2, 5, "as before"), "gone": (1, 1, "")})
    assert known.places() == {"app1": 2}
    assert (known.steering["app1"].since, known.steering["app1"].reason) == (5, "as before")
    assert "gone" not in known.steering


def test_an_answer_that_changes_nothing_is_known() -> None:
    """Somebody who answers from the same MAC again, or is still silent; everything else is news."""
    known, there = knowledge(), NeighbourHeard(LAN_DEVICE, lan_address(NEAR, 2), b"\2" * 6)
    gone, moved = replace(there, mac=None), replace(there, mac=b"\4" * 6)
    assert (known.knows(there), known.knows(gone)) == (False, False)
    known.neighbour(there)
    assert (known.knows(there), known.knows(gone), known.knows(moved)) == (True, False, False)
    known.neighbour(gone)
    assert (known.knows(there), known.knows(gone)) == (False, True)


def test_who_answers_after_a_silence_returns() -> None:
    """Not who answers for the first time, nor who answers again."""
    known, there = knowledge(), NeighbourHeard(LAN_DEVICE, lan_address(NEAR, 2), b"\2" * 6)
    assert not known.returns(there)
    known.neighbour(there)
    assert not known.returns(there)
    known.neighbour(replace(there, mac=None))
    assert known.returns(there)
    assert not known.returns(replace(there, mac=None))
    known.neighbour(there)
    assert not known.returns(there)

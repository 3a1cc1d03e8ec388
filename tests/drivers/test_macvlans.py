"""Virtual MACs on a real LAN: who answers, what is forwarded, and what never leaves."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, IPv6Interface

import pytest

from linkbalancer.drivers import addresses
from linkbalancer.drivers.kernel import Kernel
from linkbalancer.drivers.macvlan import Macvlan
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.engine.effects import AddAddresses, Announce, RemoveAddresses, SetMembers
from linkbalancer.links import Interface, Role
from linkbalancer.routing.marks import Marks
from tests.daemon.waiting import until
from tests.drivers.lan import Lan, Tap, lan, mac_of, ping
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

MAC4, MAC6 = bytes.fromhex("00005e000133"), bytes.fromhex("00005e000233")
VIP, VIP_IPV6, LOCAL = (
    IPv4Interface("192.0.2.251/24"),
    IPv6Interface("2001:db8::251/64"),
    IPv6Interface("fe80::251/64"),
)
DEVICES = (Macvlan("vr4-51", "eth0", MAC4, ipv6=False), Macvlan("vr6-51", "eth0", MAC6, ipv6=True))
LAYOUT = Layout(
    marks=Marks(), role=Role.CONTROLLER, lan_devices=("eth0",), link_devices=(), vids=(51,), macvlans=DEVICES
)
VIPS: dict[str, tuple[Interface, ...]] = {"vr4-51": (VIP,), "vr6-51": (LOCAL, VIP_IPV6)}
PLAIN = replace(LAYOUT, macvlans=())


@dataclass(frozen=True)
class Site:
    """A gateway, in whose namespace the test runs, a host of its LAN, and what the switch hears of the gateway."""

    net: Lan
    here: Namespace
    host: Namespace
    tap: Tap

    def virtual(self) -> list[bytes]:
        """Return the frames that came from the virtual MACs since the last look."""
        return [frame for frame in self.tap.frames() if frame[6:12] in {MAC4, MAC6}]


@pytest.fixture
def site() -> Iterator[Site]:
    """Yield the site; the gateway forwards both families."""
    with lan() as net:
        here = net.join("here", "192.0.2.2/24", "2001:db8::2/64", "fe80::2/64")
        host = net.join("host", "192.0.2.100/24", "2001:db8::100/64", "fe80::100/64")
        here("sysctl -qw net.ipv6.conf.all.forwarding=1")
        with here.entered(), net.tap(here) as tap:
            yield Site(net, here, host, tap)


@contextmanager
def prepared(layout: Layout = LAYOUT) -> Iterator[Kernel]:
    """Run with the kernel of a gateway in Backup."""
    with closing(Kernel(layout, VIPS)) as kernel:
        kernel.prepare()
        yield kernel


def _lead(kernel: Kernel) -> None:
    """Do what an agent does that becomes Master."""
    for device, interfaces in VIPS.items():
        kernel.apply(AddAddresses(device, interfaces))
    for device, interfaces, mac in (("vr4-51", VIPS["vr4-51"], MAC4), ("vr6-51", VIPS["vr6-51"], MAC6)):
        kernel.apply(Announce(device, tuple(one.ip for one in interfaces), mac))


def _step_down(kernel: Kernel) -> None:
    for device, interfaces in VIPS.items():
        kernel.apply(RemoveAddresses(device, interfaces))


def _is_down(here: Namespace, device: str) -> bool:
    return "UP" not in here(f"ip -o link show dev {device}").partition(">")[0]


def test_hosts_see_one_mac_for_a_virtual_ip_and_one_for_the_gateway(site: Site) -> None:
    """By ARP and by neighbour discovery, whoever asks first, whatever the gateway itself asks meanwhile."""
    with prepared() as kernel:
        _lead(kernel)
        mine = mac_of(site.here).hex(":")
        wanted = {"192.0.2.251": MAC4.hex(":"), "2001:db8::251": MAC6.hex(":"), "fe80::251": MAC6.hex(":")}
        wanted |= {"192.0.2.2": mine, "2001:db8::2": mine, "fe80::2": mine}
        for _again in range(2):
            for address in wanted:
                assert ping(site.host, address), address
            known = site.host("ip neigh show dev eth0")
            missing = {one for one, mac in wanted.items() if f"{one} lladdr {mac}" not in known}
            assert missing == set(), known
            # The gateway must ask for the host to answer it: as whom it asks is what the host learns.
            site.host("ip neigh flush all")
            site.here("ip neigh flush all")
        answers = [
            frame for frame in site.tap.frames() if frame[12:14] == b"\x08\x06" and frame[28:32] == VIP.ip.packed
        ]
        assert answers
        assert {(frame[6:12], frame[22:28]) for frame in answers} == {(MAC4, MAC4)}


def test_nothing_leaves_with_a_virtual_mac_while_backup(site: Site) -> None:
    """Neither at the start, nor when it steps down, nor afterwards: no report, no solicitation, no good-bye."""
    with prepared() as kernel:
        site.host("ip -6 neigh flush all")
        assert not ping(site.host, str(VIP.ip), 1.2)
        assert not ping(site.host, str(VIP_IPV6.ip), 0.3)
        assert site.virtual() == []
        _lead(kernel)
        assert ping(site.host, str(VIP.ip))
        assert site.virtual() != []
        _step_down(kernel)
        until(lambda: _is_down(site.here, "vr4-51") and _is_down(site.here, "vr6-51"))
        late = site.virtual()
        # What was on its way when it was still Master may be heard: an answer, a report of who listens; no leave.
        assert not [frame for frame in late if frame[12:14] == b"\x86\xdd" and _leaves(frame)], late
        assert not ping(site.host, str(VIP.ip), 1.2)
        assert not ping(site.host, str(VIP_IPV6.ip), 0.3)
        assert site.virtual() == []
        assert "inet" not in site.here("ip addr show dev vr4-51") + site.here("ip addr show dev vr6-51")


def _leaves(frame: bytes) -> bool:
    """Return whether a frame is a report of MLDv2 (behind a hop-by-hop option) that leaves a group, or MLDv1's."""
    icmp = frame[62:]
    return frame[20] == 0 and (icmp[:1] == b"\x84" or (icmp[:1] == b"\x8f" and icmp[8] in {3, 6}))


@pytest.mark.parametrize("vip", ["192.0.2.251", "2001:db8::251"])
def test_a_master_forwards_what_is_sent_to_the_virtual_mac_and_a_backup_drops_it(site: Site, vip: str) -> None:
    """Frames for somebody behind the gateway, not only for the virtual IP."""
    ipv6 = ":" in vip
    beyond, mac = ("2001:db8:1::2", MAC6) if ipv6 else ("198.51.100.2", MAC4)
    with Namespace("far") as far, prepared() as kernel:
        site.here.connect("link0", far, "eth0")
        site.here("ip addr add 198.51.100.1/24 dev link0", "ip -6 addr add 2001:db8:1::1/64 dev link0 nodad")
        site.here("ip -6 addr add fe80::1/64 dev link0 nodad")
        far("ip addr add 198.51.100.2/24 dev eth0", "ip -6 addr add 2001:db8:1::2/64 dev eth0 nodad")
        site.host(f"ip {'-6' if ipv6 else '-4'} route add {beyond} via {vip}")
        site.host(f"ip neigh replace {vip} lladdr {mac.hex(':')} dev eth0 nud permanent")
        with far.entered():
            listener = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
            listener.bind((beyond, 7000))
        with site.host.entered():
            sender = socket.socket(listener.family, socket.SOCK_DGRAM)
        with listener, sender:
            for message, act, arrives in ((b"1", None, False), (b"2", _lead, True), (b"3", _step_down, False)):
                if act is not None:
                    act(kernel)
                if not arrives:
                    until(lambda: _is_down(site.here, "vr4-51") and _is_down(site.here, "vr6-51"))
                sender.sendto(message, (beyond, 7000))
                listener.settimeout(5 if arrives else 0.3)
                if arrives:
                    assert listener.recv(10) == message
                else:
                    with pytest.raises(TimeoutError):
                        listener.recv(10)


def test_switches_are_set_kept_and_given_back(site: Site) -> None:
    """What the administrator had on the group's device comes back with the last virtual MAC, unless he changed it."""
    site.here("sysctl -qw net.ipv4.conf.eth0.arp_ignore=2")
    shown = "sysctl -n net.ipv4.conf.eth0.arp_ignore net.ipv4.conf.eth0.arp_announce"
    with prepared() as kernel:
        assert site.here(shown).split() == ["2", "2"]  # stricter than needed is fine
        above = "sysctl -n net.ipv4.conf.vr4-51.arp_ignore net.ipv6.conf.vr4-51.disable_ipv6"
        assert site.here(above).split() == ["1", "1"]
        above = "sysctl -n net.ipv6.conf.vr6-51.addr_gen_mode net.ipv6.conf.vr6-51.forwarding"
        assert site.here(above).split() == ["1", "1"]
        site.here("sysctl -qw net.ipv4.conf.eth0.arp_announce=0 net.ipv4.conf.vr4-51.arp_ignore=0")
        assert kernel.mend().made == (
            "set net/ipv4/conf/eth0/arp_announce: 0 -> 2",
            "set net/ipv4/conf/vr4-51/arp_ignore: 0 -> 1",
        )
        assert kernel.mend().made == ()
    with prepared(replace(LAYOUT, macvlans=DEVICES[:1])):
        assert "vr6-51" not in site.here("ip link")
        assert site.here(shown).split() == ["2", "2"]
    with prepared(PLAIN):
        assert "vr4-51" not in site.here("ip link")
        assert site.here(shown).split() == ["2", "0"]


def test_a_successor_adopts_what_works(site: Site) -> None:
    """Neither device nor address is touched, nobody says anything; both are found, and it may step down."""
    with prepared() as kernel:
        _lead(kernel)
    numbers = [socket.if_nametoindex(device) for device in VIPS]
    site.virtual()
    with prepared() as successor:
        wanted = {(device, one) for device, interfaces in VIPS.items() for one in interfaces}
        assert successor.found().addresses == wanted
        assert successor.mend().made == ()
        assert [socket.if_nametoindex(device) for device in VIPS] == numbers
        assert ping(site.host, str(VIP.ip))
        assert ping(site.host, str(VIP_IPV6.ip))
        _step_down(successor)
        until(lambda: _is_down(site.here, "vr4-51") and _is_down(site.here, "vr6-51"))


def test_what_is_up_for_nobody_goes_down_but_not_a_living_predecessors(site: Site) -> None:
    """A device without virtual IPs that is up was left by somebody who died, unless somebody lives."""
    with prepared() as kernel:
        site.here("ip link set vr4-51 up")
        assert kernel.mend(trim=False).made == ()
        assert kernel.mend().made == ("took down the device vr4-51",)
        until(lambda: _is_down(site.here, "vr4-51"))


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("ip link del vr4-51", "made the device vr4-51 on eth0"),
        ("ip link set vr4-51 down", "brought up the device vr4-51"),
        ("ip link set vr4-51 address 02:00:00:00:00:01", "made the device vr4-51 on eth0"),
        ("ip link set vr4-51 type macvlan mode bridge", "made the device vr4-51 on eth0"),
    ],
)
def test_what_others_do_to_a_masters_device_is_mended(site: Site, deed: str, said: str) -> None:
    """It is as it was; addresses that went with it are put back by who knows what is wanted."""
    with prepared() as kernel:
        _lead(kernel)
        site.here(deed)
        assert said in kernel.mend().made
        kernel.apply(AddAddresses("vr4-51", (VIP,)))
        assert ping(site.host, str(VIP.ip))
        assert kernel.mend().made == ()
        kernel.apply(Announce("vr4-51", (VIP.ip,), MAC4))  # by a device that may be a new one


def test_a_device_below_that_comes_again_gets_them_again(site: Site) -> None:
    """While there is none, nothing is refused; an address that is wanted first makes the device."""
    with prepared() as kernel:
        site.here("ip link del eth0")
        mended = kernel.mend()
        assert (mended.made, mended.failed) == ((), ())
        site.net.switch.connect("again", site.here, "eth0")
        site.net.switch("ip link set again master br0")
        site.here("ip addr add 192.0.2.2/24 dev eth0")
        kernel.apply(AddAddresses("vr4-51", (VIP,)))
        assert ping(site.host, str(VIP.ip))
        assert kernel.mend().made == ("made the device vr6-51 on eth0",)
        assert site.here("sysctl -n net.ipv4.conf.eth0.arp_ignore").strip() == "1"


def test_a_name_that_is_somebody_elses_is_left_alone(site: Site) -> None:
    """It is said, the other group has its device, and a start that wants neither removes only ours."""
    site.here("ip link add link eth0 name vr4-51 type macvlan mode bridge")
    with prepared() as kernel:
        assert [str(error) for error in kernel.mend().failed] == [
            "make the device vr4-51 (that name is somebody else's): File exists"
        ]
        assert "vr6-51" in site.here("ip link")
    with prepared(PLAIN):
        assert "vr4-51" in site.here("ip link")
        assert "vr6-51" not in site.here("ip link")


def test_a_virtual_ip_that_changes_its_device_is_answered_for_by_one(site: Site) -> None:
    """With a successor that wants no virtual MAC, and back: as soon as it is there it is nowhere else."""
    plain: dict[str, tuple[Interface, ...]] = {"eth0": (VIP, LOCAL, VIP_IPV6)}
    with prepared() as kernel:
        _lead(kernel)
        with closing(Kernel(PLAIN, plain)) as successor:
            successor.mend(trim=False)
            successor.found()
            successor.apply(AddAddresses("eth0", plain["eth0"]))
            until(lambda: _is_down(site.here, "vr4-51") and _is_down(site.here, "vr6-51"))
            assert ping(site.host, str(VIP.ip))
            assert f"{VIP.ip} lladdr {mac_of(site.here).hex(':')}" in site.host("ip neigh show dev eth0")
            with prepared() as third:
                third.found()
                for device, interfaces in VIPS.items():
                    third.apply(AddAddresses(device, interfaces))
                assert not [one for one in addresses.read(third._netlink, "eth0") if one.ours]


def test_many_step_down_at_once_and_come_back(site: Site) -> None:
    """More than are taken down one by one: all fall silent, and each leads again as soon as it is told to."""
    macs = {f"vr6-{vid}": bytes.fromhex("00005e0002") + bytes([vid]) for vid in range(1, 31)}
    vips: dict[str, tuple[Interface, ...]] = {
        device: (IPv6Interface(f"2001:db8::1:{mac[5]:x}/64"),) for device, mac in macs.items()
    }
    layout = replace(LAYOUT, macvlans=tuple(Macvlan(device, "eth0", mac, ipv6=True) for device, mac in macs.items()))
    with closing(Kernel(layout, vips)) as kernel:
        kernel.prepare()
        for device, interfaces in vips.items():
            kernel.apply(AddAddresses(device, interfaces))
        assert ping(site.host, "2001:db8::1:1e")
        for device, interfaces in vips.items():
            kernel.apply(RemoveAddresses(device, interfaces))
        kernel.apply(AddAddresses("vr6-7", vips["vr6-7"]))
        assert ping(site.host, "2001:db8::1:7")
        others = [device for device in macs if device != "vr6-7"]
        until(lambda: all(f"{device}@" in site.here("ip -br link") for device in others))
        until(lambda: all(_is_down(site.here, device) for device in others))
        assert not ping(site.host, "2001:db8::1:1e", 0.3)
        kernel.mend()
        assert site.here("sysctl -n net.ipv6.conf.vr6-9.addr_gen_mode").strip() == "1"
        assert not _is_down(site.here, "vr6-7")


def test_members_are_members_on_the_devices_above_too(site: Site) -> None:
    """What another gateway sends to the virtual MAC comes in there, and must meet the loop guard."""
    member = b"\x02\0\0\0\0\x07"
    with prepared() as kernel:
        kernel.apply(SetMembers("eth0", frozenset({member})))
        found = site.here("nft list set inet linkbalancer members")
        for device in ("eth0", "vr4-51", "vr6-51"):
            assert f'"{device}" . {member.hex(":")}' in found
        assert 'iifname { "eth0", "vr4-51", "vr6-51" }' in site.here("nft list chain inet linkbalancer prerouting")


def test_virtual_ips_left_on_a_device_that_is_not_wanted_go_with_it(site: Site) -> None:
    """Nobody says good-bye for them."""
    with prepared() as kernel:
        _lead(kernel)
    site.virtual()
    with prepared(PLAIN) as successor:
        assert successor.found().addresses == frozenset()
        assert "vr6-51" not in site.here("ip link")
        assert not [frame for frame in site.virtual() if _leaves(frame)]
        assert addresses.read(successor._netlink, "vr6-51") == ()

"""What the meter reads of devices, in a real kernel: bytes, queues that fill, drops, speeds, devices that go."""

import ctypes
import fcntl
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from linkbalancer.host import meter as meter_module
from linkbalancer.host.meter import MEGABIT, Meter
from linkbalancer.links import DeviceName
from linkbalancer.weights.gauge import Reading
from tests.namespaces import Namespace

PACKET = 1000
FRAME = 14 + 20 + 8 + PACKET


@pytest.fixture
def gateway() -> Iterator[Namespace]:
    """Return a namespace with `eth0`, 192.0.2.1/24, whose other end knows itself, and enter it."""
    with Namespace("gw") as gw, Namespace("far") as far:
        gw.connect("eth0", far, "eth0")
        gw("sysctl -qw net.ipv6.conf.all.disable_ipv6=1", "ip addr add 192.0.2.1/24 dev eth0")
        mac = far("cat /sys/class/net/eth0/address").strip()
        gw(f"ip neigh add 192.0.2.2 lladdr {mac} dev eth0 nud permanent")
        with gw.entered():
            yield gw


def send(count: int, address: str = "192.0.2.2") -> None:
    """Send packets; the queue may drop them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _packet in range(count):
            try:
                sender.sendto(bytes(PACKET), (address, 9))
            except OSError:  # the queue is full
                continue


def read(meter: Meter, device: DeviceName = "eth0") -> Reading:
    """Return one device's reading."""
    reading = meter.read([device])[device]
    assert reading is not None
    return reading


@pytest.mark.lab
def test_bytes_are_counted_each_way(gateway: Namespace) -> None:
    """What is sent, as frames; without a queue of its own nothing is said of waiting."""
    with closing(Meter()) as meter:
        before = read(meter)
        send(100)
        after = read(meter)
    assert after.sent - before.sent == 100 * FRAME
    assert (after.received - before.received, after.dropped, after.backlog) == (0, 0, None)
    assert after.index == before.index == int(gateway("cat /sys/class/net/eth0/ifindex"))


@pytest.mark.lab
@pytest.mark.parametrize(
    "queues",
    [
        ["tc qdisc add dev eth0 root tbf rate 80kbit burst 2kb limit 20kb"],
        [
            "tc qdisc add dev eth0 root handle 1: htb default 1",
            "tc class add dev eth0 parent 1: classid 1:1 htb rate 80kbit burst 2kb cburst 2kb",
            "tc qdisc add dev eth0 parent 1:1 bfifo limit 20kb",
        ],
    ],
    ids=["tbf", "htb"],
)
def test_a_queue_fills_and_drops(gateway: Namespace, queues: list[str]) -> None:
    """The root's backlog is what waits, in bytes, and every packet is sent, waits, or was dropped."""
    gateway(*queues)
    with closing(Meter()) as meter:
        before = read(meter)
        assert before.backlog == 0
        send(100)
        after = read(meter)
    assert after.backlog is not None
    assert 15_000 < after.backlog <= 20 * 1024
    dropped = after.dropped - before.dropped
    assert 70 <= dropped <= 82
    waiting, sent = after.backlog // FRAME, (after.sent - before.sent) // FRAME
    # The queue goes on sending between the kernel's answers: one packet may be in either place.
    assert 99 <= waiting + sent + dropped <= 101


@pytest.mark.lab
def test_the_queues_of_a_device_with_many_are_one_sum(gateway: Namespace) -> None:
    """The root of mq waits and drops for all below it."""
    gateway(
        "ip link add many numtxqueues 2 numrxqueues 2 type veth peer name other",
        "ip link set many up",
        "ip link set other up",
        "ip addr add 198.51.100.1/24 dev many",
        "ip neigh add 198.51.100.2 lladdr 02:00:00:00:00:02 dev many nud permanent",
        "tc qdisc replace dev many root handle 1: mq",
        "tc qdisc replace dev many parent 1:1 tbf rate 80kbit burst 2kb limit 20kb",
        "tc qdisc replace dev many parent 1:2 tbf rate 80kbit burst 2kb limit 20kb",
    )
    with closing(Meter()) as meter:
        assert read(meter, "many").backlog == 0
        for _flow in range(20):  # each from another port: both queues have their share
            send(10, "198.51.100.2")
        after = read(meter, "many")
    assert after.backlog is not None
    assert after.backlog > 15_000
    assert after.dropped > 100


@pytest.mark.lab
def test_a_device_that_was_made_again_is_another_one(gateway: Namespace) -> None:
    """And one that is gone has no reading; nothing is left of the old one's counters."""
    with closing(Meter()) as meter:
        send(10)
        before = read(meter)
        gateway("ip link del eth0")
        assert meter.read(["eth0", "lo"]).keys() == {"eth0", "lo"}
        assert meter.read(["eth0"]) == {"eth0": None}
        gateway("ip link add eth0 type ifb", "ip link set eth0 up")
        after = read(meter)
    assert after.index != before.index
    assert after.sent == 0
    assert after.backlog is not None


@pytest.mark.lab
def test_what_virtual_devices_say_of_their_speed_is_not_believed(gateway: Namespace) -> None:
    """A veth's driver says 10 Gbit/s, and so does a tun's; nobody measured that."""
    gateway("ip tuntap add name tun0 mode tun")
    with closing(Meter()) as meter:
        assert meter._ask_driver("eth0") == 10_000 * MEGABIT
        assert meter._ask_driver("tun0") in {10 * MEGABIT, 10_000 * MEGABIT}  # by the kernel
        assert meter._ask_driver("lo") is None
        assert meter._ask_driver("none") is None
        assert [read(meter, device).speed for device in ("eth0", "tun0", "lo")] == [None, None, None]


@pytest.mark.lab
def test_a_device_on_hardware_hands_on_its_speed(gateway: Namespace) -> None:
    """That of a macvlan is that of what is below it (here a veth, which the kernel does not tell from hardware)."""
    gateway("ip link add link eth0 name upper type macvlan")
    with closing(Meter()) as meter:
        assert read(meter, "upper").speed == 10_000 * MEGABIT


@pytest.mark.lab
def test_a_driver_is_asked_again_only_after_a_change_of_carrier(
    gateway: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be slow to answer, and holds up everybody who asks about devices."""
    gateway("ip link add link eth0 name upper type macvlan", "ip link set upper up")
    asked = counting(monkeypatch)
    with closing(Meter()) as meter:
        for _time in range(5):
            read(meter, "upper")
        assert len(asked) == 2
        gateway("ip link set eth0 down", "ip link set eth0 up")
        read(meter, "upper")
        assert len(asked) == 4
        read(meter, "upper")
        assert len(asked) == 4
    with closing(Meter(["upper"])) as meter:
        assert read(meter, "upper").speed is None
        assert len(asked) == 4


def counting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have every question to a driver noted; it is asked all the same."""
    asked: list[int] = []
    real: Callable[[socket.socket, int, bytes], object] = fcntl.ioctl

    def ioctl(sock: socket.socket, request: int, argument: bytes) -> object:
        asked.append(request)
        return real(sock, request, argument)

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    return asked


@pytest.mark.parametrize(("says", "speed"), [(1000, 10**9), (0xFFFFFFFF, None), (0, None), (400_000, 4 * 10**11)])
def test_what_a_driver_says(monkeypatch: pytest.MonkeyPatch, says: int, speed: int | None) -> None:
    """Once it was asked with as many words as it wants; a speed that it does not know is none."""
    asked: list[int] = []

    def ioctl(_socket: socket.socket, _request: int, argument: bytes) -> int:
        _device, pointer = struct.unpack("16sP16x", argument)
        settings = (ctypes.c_char * 16).from_address(pointer)
        command, _speed, words = meter_module._SETTINGS.unpack_from(settings)
        asked.append(words)
        meter_module._SETTINGS.pack_into(settings, 0, command, *((says, words) if words == 3 else (0, -3)))
        return 0

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    with closing(Meter()) as meter:
        assert meter._ask_driver("eth0") == speed
    assert asked == [0, 3]

"""Tests of what several keys must be together."""

import pytest

from tests.config.texts import CONFIG, changed, loaded, refusals

L1 = "key_file: keys/l1.key"
L2 = "  l2: {device: eth2, local: 10.2.0.1, peer: 10.2.0.2, insecure: true}\ngroups:"


APART = "marks: {connection: 0xffff0000, flow: 0xff, generation: 0xf00, packet: 0xff, guard: 0x10000, inbound: 0x1000}"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ([(", " + L1, "")], "6:3: the link has no key; give it a key_file (or insecure: true, where nobody else"),
        ([(L1, L1 + ", insecure: true")], "6:88: insecure: true, and a key_file too; remove one of the two"),
        ([("peer: 10.1.0.2", "peer: 10.1.0.1")], "6:45: both ends have one address; give the address of the far end"),
        (
            [(L1, L1 + ", via: 10.1.0.2")],
            "6:83: the link's next hop 10.1.0.2 is its far end; remove via: it is for a link that crosses other",
        ),
        (
            [(L1, L1 + ", via: 10.1.0.1")],
            "6:83: the link's next hop 10.1.0.1 is this end; name the first router on the way to the far end",
        ),
        (
            [(L1, L1 + ", via: 192.168.1.251")],
            "8:45: the virtual IP 192.168.1.251 is the first router of the link l1 already",
        ),
        (
            [(L1, L1 + ", probe: {detect: 150ms}")],
            "6:94: detect is shorter than the probe interval (200ms); make it 200ms or more",
        ),
        (
            [(L1, L1 + ", probe: {function: fixed}")],
            "6:96: a fixed probe interval is one duration, not a range; write one, such as 200ms, or function: random",
        ),
        (
            [(L1, L1 + ", probe: {interval: 50ms, function: random}")],
            "6:112: there is nothing to draw: the interval is one duration; write a range, such as [50ms, 100ms], or",
        ),
        (
            [(L1, L1 + ", probe: {ceiling: 1s}")],
            "6:95: only an adaptive probe interval grows to a ceiling; remove it, or write function: adaptive",
        ),
        (
            [(L1, L1 + ", probe: {function: adaptive, ceiling: 199ms}")],
            "6:115: the ceiling is below the longest interval; write 200ms to 60s",
        ),
        (
            [(L1, L1 + ", probe: {function: adaptive, ceiling: 61s}")],
            "6:115: the ceiling is too long; write 200ms to 60s",
        ),
        (
            [("groups:", L2.replace("eth2", "eth1"))],
            "7:16: the device eth1 belongs to link l1 already; give each link a device of its own",
        ),
        ([("device: eth0, mode", "device: eth1, mode")], "9:15: the device eth1 belongs to link l1, it is no LAN's"),
        ([("  eth0: {", "  eth1: {")], "4:3: the device eth1 belongs to link l1, it is no LAN's; name the LAN device"),
        (
            [(" link: l1,", "")],
            "8:3: the group has no link; name the link whose fate it shares, or write mode: observe",
        ),
        ([("link: l1,", "link: L1x,")], "8:27: there is no link L1x; did you mean l1?"),
        ([("mode: observe", "mode: observe, link: l1")], "9:36: link says nothing in a group that is only observed"),
        ([("mode: observe", "mode: observe, priority: 9")], "9:36: priority says nothing in a group that is only"),
        ([("mode: observe", "mode: observe, preempt: true")], "9:36: preempt says nothing in a group that is only"),
        ([("mode: observe", "mode: observe, checksum: rfc5798")], "9:36: checksum says nothing in a group that is"),
        (
            [("priority: 150", "priority: 255")],
            "8:74: priority 255 is the addresses' owner, who never gives way; use 1 to 254 in a group that follows",
        ),
        (
            [("role: controller", "role: controlled"), ("priority: 150", "priority: 1")],
            "8:74: priority 1 means a dead link; use 2 to 254 in a group that follows a link",
        ),
        (
            [("priority: 150", "preempt: false")],
            "8:73: preempt: false at the controller, which must follow its links; remove it",
        ),
        (
            [("251/24", "2/24")],
            "8:45: the virtual IP 192.168.1.2 is a member of the LAN eth0 already; give the group an address of",
        ),
        (
            [("members: [192.168.1.2]", "targets: [192.168.1.251]")],
            "8:45: the virtual IP 192.168.1.251 is a target of the LAN eth0 already",
        ),
        (
            [("192.168.1.251/24", "10.1.0.1/24"), ("  eth0: {members: [192.168.1.2]}", "  eth0: {}")],
            "8:45: the virtual IP 10.1.0.1 is an end of the link l1 already; give the group an address of its own",
        ),
        (
            [("192.168.1.252/24", "10.1.0.2/24"), ("  eth0: {members: [192.168.1.2]}", "  eth0: {}")],
            "9:50: the virtual IP 10.1.0.2 is an end of the link l1 already",
        ),
        (
            [("groups:", L2.replace("10.2", "10.1"))],
            "7:29: the link l2 has the addresses of link l1; give each link addresses of its own",
        ),
        ([("251/24", "252/24")], "9:50: the virtual IP 192.168.1.252 belongs to group 1 already; give each group"),
        (
            [("[192.168.1.252/24]", "[192.168.1.252/24, 192.168.1.252/32]")],
            "9:68: the virtual IP 192.168.1.252 belongs to this group already",
        ),
        (
            [("applications:", "marks: {packet: 0xaa000000}\napplications:")],
            "10:17: the packet mask 0xaa000000 is not one run of at least 8 bits; write such as 0x00ff0000",
        ),
        (
            [("applications:", "marks: {connection: 0x7f}\napplications:")],
            "10:21: the connection mask 0x0000007f is not one run of at least 8 bits",
        ),
        (
            [("applications:", "marks: {guard: 0x3000000}\napplications:")],
            "10:16: the guard mask 0x03000000 is not one bit; write such as 0x01000000",
        ),
        (
            [("applications:", "marks: {guard: 0x10000}\napplications:")],
            "10:16: the masks packet and guard overlap (0x00010000); give each bits of its own",
        ),
        (
            [("applications:", "marks: {connection: 0xff0000, flow: 0xff00, generation: 0xf0}\napplications:")],
            "10:21: the masks connection and packet overlap (0x00ff0000); give each bits of its own",
        ),
    ],
)
def test_parts_that_do_not_go_together(changes: list[tuple[str, str]], error: str) -> None:
    """Each fault alone: its place, what it is, what to do."""
    (found,) = refusals(changed(*changes))

    assert found.startswith(f"linkbalancer.yaml:{error}")


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ([("200ms", "90ms")], "8:96: adverts every 90ms ask much of a busy host; use 100ms or more unless"),
        ([("groups:", L2)], "7:3: no group uses the link l2; give a group this link, or remove it"),
        ([("  eth0: {", "  eht0: {")], "4:3: no group is on the device eht0; did you mean eth0?"),
        (
            [("192.168.1.251/24", "172.16.0.1/16")],
            "8:45: no member of the LAN eth0 is within 172.16.0.0/16; look at the address and its prefix length",
        ),
        ([("252/24", "252/32")], "9:50: no member of the LAN eth0 is within 192.168.1.252/32"),
    ],
)
def test_what_is_only_doubtful(changes: list[tuple[str, str]], warning: str) -> None:
    """A warning refuses nothing."""
    (found,) = loaded(changed(*changes)).warnings

    assert str(found).startswith(f"etc/linkbalancer.yaml:{warning}")


@pytest.mark.parametrize(
    "changes",
    [
        [("role: controller", "role: controlled"), ("priority: 150", "preempt: false")],
        [("priority: 150", "priority: 1")],
        [("priority: 150", "priority: 254")],
        [(L1, L1 + ", probe: {interval: 300ms, detect: 300ms}")],
        [(L1, L1 + ", probe: {interval: 300ms, function: fixed}")],
        [(L1, L1 + ", probe: {function: random}")],
        [(L1, L1 + ", probe: {function: adaptive, ceiling: 60s}")],
        [(L1, L1 + ", probe: {function: adaptive, interval: 50ms}")],
        [("192.168.1.251/24", "172.16.0.1/16"), ("members: [192.168.1.2]", "targets: [192.168.1.2]")],
        [("192.168.1.251/24", "172.16.0.1/16"), ("[192.168.1.2]", "[192.168.1.2, 172.16.0.2]")],
        [("groups:", L2.replace("10.2.0.1", "10.1.0.1"))],
        [(L1, L1 + ", via: 10.1.0.254")],
        [("applications:", f"{APART}\napplications:")],
    ],
)
def test_what_is_allowed(changes: list[tuple[str, str]]) -> None:
    """The near side of each limit; masks may be anywhere if they are apart."""
    expected = (
        [] if "marks" not in str(changes) else ["linkbalancer.yaml:10:85: the masks connection and guard overlap"]
    )

    assert [found.split(" (")[0] for found in refusals(changed(*changes))] == expected


@pytest.mark.parametrize(
    "broken",
    [
        [("device: eth1", "device: /")],
        [("10.1.0.1", "x")],
        [(L1, L1 + ", via: x")],
        [("peer: 10.1.0.2", "peer: x, via: 10.1.0.9")],
        [("local: 10.1.0.1", "local: x, via: 10.1.0.9")],
        [("[192.168.1.2]", "[x]")],
        [("members: [192.168.1.2]", "targets: [x]")],
        [("keys/l1.key", "7")],
        [("device: eth0, link", "device: /, link")],
        [("link: l1,", "link: 7,")],
        [("mode: observe", "mode: x")],
        [("[192.168.1.251/24]", "7")],
        [("200ms", "7")],
        [("priority: 150", "priority: x")],
        [("priority: 150", "preempt: x")],
        [("role: controller", "role: x")],
        [("applications:", "marks: {guard: x}\napplications:")],
        [("applications:", "marks: 7\napplications:")],
        [("key_file: keys/l1.key", "key_file: keys/l1.key, probe: {detect: x}")],
        [("key_file: keys/l1.key", "key_file: keys/l1.key, probe: 7")],
        [("{device: eth1, local: 10.1.0.1, peer: 10.1.0.2, key_file: keys/l1.key}", "7")],
    ],
)
def test_what_is_wrong_by_itself_is_not_blamed_twice(broken: list[tuple[str, str]]) -> None:
    """A value that cannot be read is one error; checks that need it hold their tongue."""
    assert len(refusals(changed(*broken))) == 1
    assert refusals(CONFIG) == []

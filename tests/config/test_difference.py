"""Tests of the difference between two configurations, in the operator's words."""

import pytest

from linkbalancer.config.changes import Change, Kind
from linkbalancer.config.difference import Present, Side, difference, key_marks
from linkbalancer.links import GroupId
from linkbalancer.lvrrp.keys import parse_keys
from tests.config.texts import CONFIG, RULES, changed, loaded

PRESENT = Present(places={"web": 2, "rest": 1}, working=frozenset({1, 2}), masters=frozenset({GroupId(1)}))
KEYS = {number: key_marks(parse_keys(f"{number} 000102030405060708090a0b0c0d0e{number:02x}")) for number in (1, 2)}


def side(config: str = CONFIG, rules: str = RULES) -> Side:
    """Return a configuration."""
    return Side(loaded(config, rules), rules)


def lines(config: str = CONFIG, rules: str = RULES, present: Present | None = None) -> list[str]:
    """Return what changes from the good configuration to this one."""
    return difference(side(), side(config, rules), present).lines()


def test_nothing_changes() -> None:
    """The same text, or another comment and layout."""
    assert lines() == []
    assert lines("# new\n" + CONFIG, RULES.replace("App=", "App =  ") + "# end\n") == []
    assert difference(side(), side()).in_a_line() == "nothing changes"


def test_the_first_one() -> None:
    """Without an old one there is only what it holds."""
    found = difference(None, side())
    assert found.lines() == ["the first configuration kept new: links 1, VIDs 2, applications 2"]


@pytest.mark.parametrize(
    ("vids", "working", "place", "words"),
    [
        ("1 2", {1, 2}, 2, "VIDs 2 1 -> 1 2; its flows move from VID 2 to VID 1 at once (it is on VID 2 now)"),
        ("1 2", {2}, 2, "VIDs 2 1 -> 1 2; its flows stay on VID 2"),
        ("1", {2}, 2, "VIDs 2 1 -> 1; none of these VIDs works now; it is on VID 2"),
        ("1", {1}, None, "VIDs 2 1 -> 1; its flows move to VID 1 at once (it is nowhere now)"),
    ],
)
def test_an_application_with_other_vids(vids: str, working: set[int], place: int | None, words: str) -> None:
    """It says where its flows go, by what works now."""
    present = Present(places={"web": place}, working=frozenset(working))
    assert lines(rules=RULES.replace("[2 1]", f"[{vids}]"), present=present) == [f"application web: {words}"]


@pytest.mark.parametrize(("options", "stay"), [("", ", those that are on one of them stay"), (" sticky=src", "")])
def test_an_application_that_is_balanced(options: str, stay: str) -> None:
    """Of flows that are balanced one by one, those on a VID of the step stay; sources go by their slots."""
    rules = f"App=* * * * 443 tcp [1*3+2] name=web{options}\nApp=* * * * * * [2+1] name=new\n"
    found = lines(rules=rules, present=Present(places={"web": 2}, working=frozenset({1, 2})))
    assert any(f"its flows are divided over VIDs 1*3+2{stay}" in line for line in found), found
    assert any("to VIDs 2+1, balanced" in line for line in found), found


def test_an_application_goes_where_its_service_level_is_kept() -> None:
    """As far as it is judged by now; a level that is new is broken by nobody yet."""
    present = Present(places={"web": 2}, working=frozenset({1, 2}), breaking={"rtt<80ms": frozenset({1})})
    strict, stricter = (RULES.replace("[2 1] name=web", f"[1 2] name=web sla=rtt<{ms}ms") for ms in (80, 40))

    assert lines(rules=strict, present=present)[0].endswith("its flows stay on VID 2")
    assert lines(rules=stricter, present=present)[0].endswith("from VID 2 to VID 1 at once (it is on VID 2 now)")


def test_an_application_with_other_vids_while_nobody_tells_where_it_is() -> None:
    """Offline, and for one that the daemon does not know."""
    text = RULES.replace("[2 1]", "[1 2]")
    assert lines(rules=text) == lines(rules=text, present=Present())
    assert lines(rules=text) == ["application web: VIDs 2 1 -> 1 2; its flows follow at once"]


def test_applications_new_and_gone() -> None:
    """With their rules."""
    text = "App=* * * * 53 udp [1] name=dns\n" + RULES.splitlines()[1] + "\n"
    assert lines(rules=text, present=PRESENT) == [
        "application dns new: VIDs 1; its flows go to VID 1",
        "application web gone; its flows are classified anew with their next packet",
        "rule apps.conf:1 new: App=* * * * 53 udp [1] name=dns",
        "rule apps.conf:1 gone: App=* * * * 443 tcp [2 1] name=web",
    ]
    assert lines(rules=text)[0] == "application dns new: VIDs 1"
    nowhere = Present(working=frozenset({2}))
    assert lines(rules=text, present=nowhere)[0].endswith("its flows go nowhere yet: none of its VIDs works")


def test_options_of_an_application() -> None:
    """Beside a change of its VIDs, or alone; what they are by default is not said."""
    text = RULES.replace("[2 1] name=web", "[1 2] name=web handover=keep good-for=30s")

    assert lines(rules=text) == [
        "application web: VIDs 2 1 -> 1 2; its flows follow at once",
        "application web: options none -> handover=keep good-for=30s; it moves nothing by itself",
    ]


def test_rules_say_what_becomes_of_flows_once() -> None:
    """However many there are."""
    found = difference(side(), side(rules="App=* * * * 80 tcp [2 1] name=web\n" + RULES))
    assert found.notes == ("running flows are classified anew with their next packet, new ones at once",)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("node: b1", "node: b9", "node: b1 -> b9; the far ends are told"),
        ("{members: [192.168.1.2]}", "{}", "LAN eth0: members [192.168.1.2] -> []; nothing moves"),
        ("lans:\n  eth0: {members: [192.168.1.2]}\n", "", "LAN eth0: members [192.168.1.2] -> []; nothing moves"),
        ("device: eth1", "device: eth7", "link l1: device eth1 -> eth7; its LVrrp session begins anew there"),
        ("peer: 10.1.0.2", "peer: 10.1.0.3", "link l1: peer 10.1.0.2 -> 10.1.0.3; its LVrrp session begins anew"),
        ("l1.key}", "l1.key, probe: {misses: 5}}", "link l1: probe misses 3 -> 5; its LVrrp session goes on"),
        (
            "l1.key}",
            "l1.key, probe: {interval: 50ms}}",
            "link l1: probe interval [100ms, 200ms] -> 50ms; its LVrrp session goes on",
        ),
        (
            "l1.key}",
            "l1.key, probe: {function: adaptive}}",
            "link l1: probe function none -> adaptive; its LVrrp session goes on",
        ),
        (
            "l1.key}",
            "l1.key, probe: {function: adaptive, ceiling: 1500ms}}",
            "link l1: probe ceiling none -> 1500ms; its LVrrp session goes on",
        ),
        ("l1.key}", "l1.key, probe: {detect: 1s}}", "link l1: probe detect none -> 1s; its LVrrp session goes on"),
        ("l1.key}", "l1.key, via: 10.1.0.9}", "link l1: via none -> 10.1.0.9; its LVrrp session goes on"),
        ("l1.key}", "l1.key, up_delay: 2s}", "link l1: up delay none -> 2s; its LVrrp session goes on"),
        (
            "l1.key}",
            "l1.key, on_probe_loss: demote}",
            "link l1: on_probe_loss stop -> demote; nothing moves while it is open",
        ),
        (
            "l1.key}",
            "l1.key, capacity: [20Mbit, 1.5Gbit]}",
            "link l1: capacity none -> [20Mbit, 1500Mbit]; nothing moves",
        ),
        ("l1.key}", "l1.key, metrics_every: 250ms}", "link l1: metrics every 1s -> 250ms; nothing moves"),
        ("key_file: keys/l1.key", "insecure: true", "link l1: insecure false -> true; the far end needs the same"),
        (
            "advert_interval: 200ms",
            "advert_interval: 100ms",
            "VID 1: advert interval 200ms -> 100ms; the other gateways of the LAN need the same",
        ),
        (
            "priority: 150",
            "priority: 120",
            "VID 1: priority 150 -> 120; its mastership may move between gateways whose links are equal",
        ),
        ("priority: 150", "priority: 160", "VID 1: priority 150 -> 160; this gateway is Master and stays it"),
        (
            ".251/24]",
            ".250/24]",
            "VID 1: virtual IP 192.168.1.250/24 new, virtual IP 192.168.1.251/24 gone; the other virtual IPs stay",
        ),
        ("1: {device: eth0", "1: {device: eth5", "VID 1: device eth0 -> eth5; its mastership is taken up anew there"),
        (
            "applications: apps.conf",
            "applications: apps.conf\ntables: {base: 30000}",
            "tables: base 20000 -> 30000; the VIDs' tables are made anew",
        ),
    ],
)
def test_a_key_of_the_configuration(old: str, new: str, words: str) -> None:
    """Each in a line, with what it does."""
    assert words in lines(changed((old, new)), present=PRESENT)


def test_role_and_members() -> None:
    """What concerns the whole gateway."""
    assert lines(changed(("role: controller", "role: controlled")))[0] == (
        "role: controller -> controlled; every LVrrp session begins anew"
    )
    assert lines(changed(("lans:\n", "lans:\n  eth9: {}\n")))[0] == "LAN eth9: named; nothing moves"


def test_a_gateway_gets_links_or_loses_them() -> None:
    """What moves its groups is another thing then."""
    alone = side(
        "node: b1\nrole: standalone\ngroups:\n"
        "  1: {device: eth0, virtual_ips: [192.168.1.251/24], priority: 150, advert_interval: 200ms}\n"
        "  2: {device: eth0, mode: observe, virtual_ips: [192.168.1.252/24]}\napplications: apps.conf\n"
    )
    assert difference(side(), alone).lines()[0] == (
        "role: controller -> standalone; plain VRRP from now on: no link moves a group"
    )
    assert difference(alone, side()).lines()[0] == ("role: standalone -> controller; links move its groups from now on")


def test_other_marks() -> None:
    """They concern every flow."""
    found = difference(side(), side(changed(("applications:", "marks: {guard: 0x02000000}\napplications:"))))
    assert found.lines() == ["marks: guard 16777216 -> 33554432; every rule and flow is marked anew"]
    assert found.notes == ("other marks: every flow is classified anew with its next packet",)


def test_links_new_and_gone() -> None:
    """With the VIDs that used them."""
    more = "  l2: {device: eth2, local: 10.2.0.1, peer: 10.2.0.2, insecure: true}\ngroups:"
    config = changed(("groups:", more))
    assert lines(config) == ["link l2 new: 10.2.0.1 to 10.2.0.2 over eth2; it opens when the far end answers"]
    assert difference(side(config), side()).lines() == ["link l2 gone; the far end is told; no VID used it"]
    used = config.replace("link: l1", "link: l2")
    back = difference(side(used), side()).lines()
    assert back[0] == "link l2 gone; the far end is told; VID 1 must do without it"
    assert "VID 1: link l2 -> l1; the VID follows the other link from now on" in back


def test_vids_new_and_gone() -> None:
    """A Master hands over."""
    group = "  7: {device: eth0, link: l1, virtual_ips: [192.168.1.7/24]}\n"
    config = changed(("applications:", f"{group}applications:"))
    assert lines(config) == [
        "VID 7 new: on eth0 over l1, 192.168.1.7/24, priority 100; it works when a Master with an open link is heard"
    ]
    old, new = side(config), side()
    assert difference(old, new).lines() == ["VID 7 gone; a mastership is handed over first"]
    assert difference(old, new, PRESENT).lines() == ["VID 7 gone; nothing is handed over: Master is another"]
    master = Present(masters=frozenset({GroupId(7)}))
    assert difference(old, new, master).lines() == ["VID 7 gone; its mastership is handed over first"]
    observed = changed(
        ("applications:", "  7: {device: eth0, mode: observe, virtual_ips: [192.168.1.7/24]}\napplications:")
    )
    assert lines(observed)[0].startswith("VID 7 new: observed on eth0, 192.168.1.7/24;")
    assert "VID 7: mode observe -> member; this gateway takes part" in difference(side(observed), old).lines()
    assert "VID 7: mode member -> observe; this gateway hands over and only listens" in (
        difference(old, side(observed)).lines()
    )


def test_virtual_ips_in_another_order() -> None:
    """Nothing moves."""
    two = changed((".251/24]", ".251/24, 192.168.1.250/24]"))
    other = changed((".251/24]", ".250/24, 192.168.1.251/24]"))
    assert difference(side(two), side(other)).lines() == [
        "VID 1: virtual IPs in the order [192.168.1.250/24, 192.168.1.251/24]; nothing moves"
    ]


def test_a_tracker_that_is_new_says_what_it_says() -> None:
    """Not the defaults of every kind of tracker; what changes from or to a default is told."""
    script = "trackers: {gw: {script: [/bin/true]}}\n"
    assert [line for line in lines(CONFIG + script) if "trackers" in line] == [
        "trackers: gw.script none -> [/bin/true]"
    ]
    old, new = side(CONFIG + script), side(CONFIG + script.replace("]}", "], rise: 3}"))
    assert difference(old, new).lines() == ["trackers: gw.rise 1 -> 3"]
    assert difference(new, old).lines() == ["trackers: gw.rise 3 -> 1"]


def test_a_webhook_keeps_its_secret() -> None:
    """Many services have no other secret than the address itself, and the history shows this to every reader."""
    hook = 'notifications: {chat: {webhook: "https://hooks.example.net/T0/secret?one"}}\n'
    old, new = side(CONFIG + hook), side(CONFIG + hook.replace("secret", "other"))
    expected = "notifications: chat.webhook.url https://hooks.example.net/... -> https://hooks.example.net/..."
    assert difference(old, new).lines() == [expected]
    for line in difference(old, side()).lines() + difference(side(), old).lines():
        assert "secret" not in line


def test_a_group_of_another_mode() -> None:
    """Says what this gateway does in it from now on."""
    static = "  7: {device: eth0, mode: static, gateway: 192.168.1.99}\napplications:"
    observed = "  7: {device: eth0, mode: observe, virtual_ips: [192.168.1.7/24]}\napplications:"
    old, new = (side(changed(("applications:", text))) for text in (observed, static))
    mode = "VID 7: mode observe -> static; no VRRP any more: its packets go by its gateway while that answers"
    assert mode in difference(old, new).lines()


def test_preemption_is_a_switch() -> None:
    """Written as YAML does."""
    far = changed(("role: controller", "role: controlled"))
    assert difference(side(far), side(far.replace("priority: 150", "priority: 150, preempt: false"))).lines() == [
        "VID 1: preempt true -> false; nothing moves now"
    ]


def test_keys() -> None:
    """They are compared where both are known, and never shown."""

    def keyed(*numbers: int) -> Side:
        return Side(loaded(), RULES, {"l1": tuple(mark for number in numbers for mark in KEYS[number])})

    assert difference(keyed(1), keyed(1)).lines() == []
    assert difference(keyed(1), side()).lines() == []
    assert difference(keyed(1), keyed(2)).lines() == [
        "link l1: its keys change (numbers 1 -> 2); the far end needs one of them too, or the link closes"
    ]
    assert difference(keyed(1), keyed(2, 1)).lines() == [
        "link l1: its keys change (numbers 1 -> 2, 1); one of them was there before: the link stays open"
    ]
    assert "numbers none -> 1" in difference(keyed(), keyed(1)).lines()[0]


def test_in_a_line() -> None:
    """Three changes, and how many more."""
    rules = "".join(f"App=* * * * {port} tcp [2 1] name=web\n" for port in (1, 2, 3, 4)) + RULES
    assert difference(side(), side(rules=rules)).in_a_line() == (
        "rule apps.conf:1 new: App=* * * * 1 tcp [2 1] name=web; "
        "rule apps.conf:2 new: App=* * * * 2 tcp [2 1] name=web; "
        "rule apps.conf:3 new: App=* * * * 3 tcp [2 1] name=web; and 1 more"
    )


def test_a_change_as_a_line() -> None:
    """Subject, what, effect."""
    assert str(Change(Kind.GONE, "VID 3", "", "why")) == "VID 3 gone; why"
    assert str(Change(Kind.CHANGED, "node", "a -> b")) == "node: a -> b"


def test_a_link_is_translated_otherwise() -> None:
    """Each key by itself, with what that does to connections."""
    more = "key_file: keys/l1.key, nat: masquerade, mss_clamp: auto, mtu: 1400"
    assert lines(changed(("key_file: keys/l1.key", more))) == [
        "link l1: nat none -> masquerade; it is for connections that begin; those that exist keep their addresses",
        "link l1: mss clamp none -> auto; it is for connections that begin",
        "link l1: mtu none -> 1400; what is larger is answered from now on",
    ]

"""Tests of what is said of single statements, and what becomes of them."""

from typing import Any

import pytest
import yaml

from linkbalancer.config.keepalived.conversion import Conversion, convert

GOOD = "interface eth0\nvirtual_router_id 1\nvirtual_ipaddress { 192.0.2.1/24 }\n"


def converted(text: str) -> Conversion:
    """Convert a text."""
    return convert("k.conf", lambda _: text, lambda *_: [], config_id="host", node="host")


def of_instance(lines: str) -> Conversion:
    """Convert an instance that is good but for some lines."""
    return converted(f"vrrp_instance V {{\n{GOOD}{lines}\n}}\n")


def of_global(lines: str) -> Conversion:
    """Convert global definitions beside a good instance that mails."""
    return converted(f"global_defs {{\n{lines}\n}}\nvrrp_instance V {{\n{GOOD}smtp_alert\n}}\n")


def said(conversion: Conversion) -> str:
    """Return everything that is said, a line a remark."""
    return "\n".join(map(str, conversion.remarks))


def document(conversion: Conversion) -> dict[str, Any]:
    """Return the configuration that was made."""
    assert () == conversion.errors
    return dict(yaml.safe_load(conversion.files[0].text))


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ("virtual_ipaddress { 192.0.2.9/24 strange }", "'strange' after 192.0.2.9/24 is not understood"),
        ("virtual_ipaddress { 192.0.2.9/24 label }", "label gives the address a label"),
        ("virtual_ipaddress { 2001:db8::9/64 }", "another family"),
        ("virtual_ipaddress { 192.0.2.1/24 }", "is there already"),
        ("garp_strange 5", "'garp_strange' is not known"),
        ("garp_master_refresh_repeat 2", "a refresh is one announcement"),
        ("garp_master_refresh_repeat 1", "is always 1"),
        ("down_timer_adverts 7", "is no VRRP"),
        ("lower_prio_no_advert", "answers a lower advert"),
        ("lower_prio_no_advert no", "off is always so"),
        ("mcast_dst_ip 224.0.0.18", "is VRRP's own"),
        ("mcast_dst_ip 224.0.0.99", "mcast_dst_ip has the adverts"),
        ("garp_master_refresh_repeat many", "is no number"),
        ("down_timer_adverts many", "is no number"),
        ("priority 255\nnopreempt", "an owner (255) always preempts"),
        ("nopreempt\npreempt", ""),
        ("no_accept\nstrict_mode", ""),
        ("strict_mode off", ""),
        ("notify_priority_changes", ""),
        ("track_script { -\n }", "there is no script '-'"),
        ("unicast_ttl 64", "adverts leave with 255"),
        ("unicast_src_ip 192.0.2.7", "leave from the device's first address"),
        ("unicast_src_ip fe80::7\nunicast_peer { 192.0.2.8\n }", "of another family than the addresses"),
        ("unicast_src_ip 192.0.2.1\nunicast_peer { 192.0.2.8\n }", "192.0.2.1 is a virtual IP"),
        ("unicast_peer { 192.0.2.8\n 192.0.2.8 }", "192.0.2.8 is there already"),
        ("unicast_peer { fe80::8 }", "fe80::8 is of another family"),
        ("interface no/device", "cannot be a device"),
        ("interface", "interface says nothing"),
        ("strict_mode perhaps", "neither on nor off"),
        ("virtual_router_id", "virtual_router_id is no number"),
        ("advert_int soon", "is no time"),
        ('notify ""', "names no script"),
        ('notify "/bin/a b\tc\\a"', "cannot be printed"),
        ("notify /bin/a 1user", "'1user' is no user's name"),
        ("notify /bin/a user group", "the group group"),
        ("notify_master_rx_lower_pri /bin/a", "has no state of its own"),
        ("notify_deleted", "says STOP"),
        ("track_interface { no/device }", "cannot be a device"),
        ("track_interface { eth1 weight many }", "is no weight"),
        ("track_script { s }", "there is no script 's'"),
        ("authentication { auth_pass x }", "only a simple password"),
        ("virtual_routes { default via 192.0.2.9 }", "are set by the Master alone"),
        ("debug 1", "linkbalancer history"),
    ],
)
def test_what_an_instance_says(lines: str, what: str) -> None:
    """Whatever cannot be, the rest of it is carried over."""
    conversion = of_instance(lines)

    assert what in said(conversion), said(conversion)


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ("smtp_server -", "is no mail server"),
        ("smtp_server mail 99999", "that is no port"),
        ("smtp_server", "smtp_server says nothing"),
        ("notification_email_from nobody", "is no mail address"),
        ("notification_email_from", "notification_email_from says nothing"),
        ("smtp_helo_name x", "told this host's name"),
        ("no_email_faults", "tells of faults too"),
        ("script_user nobody nogroup", "the group of script_user"),
        ("script_user 1nobody", "is no user's name"),
        ("vrrp_mcast_group4 224.0.0.18", "is VRRP's own"),
        ("vrrp_mcast_group4 224.0.0.99", "has the adverts sent elsewhere"),
        ("vrrp_gstrange", "'vrrp_gstrange' is not known"),
        ("vrrp_min_garp no", ""),
        ("vrrp_min_garp", ""),
        ("default_interface eth5", "is for static addresses"),
        ("notify_fifo", "notify_fifo says nothing"),
        ("notify_fifo_script /bin/a", "nobody starts the reader"),
        ("vrrp_strict", "what else it forbids"),
        ("process_names", "Keepalived's own processes"),
    ],
)
def test_what_global_definitions_say(lines: str, what: str) -> None:
    """Whatever cannot be, the instances are carried over."""
    conversion = of_global(lines)

    assert what in said(conversion), said(conversion)
    assert () == conversion.errors


def test_addresses_of_mail_have_a_limit() -> None:
    """Fifty in one mail."""
    many = "\n".join(f"a{number}@example.org" for number in range(60))
    conversion = of_global(f"notification_email {{\n{many}\n}}\n")

    assert "50 addresses at most" in said(conversion)
    assert 50 == len(document(conversion)["notifications"]["mail"]["email"]["to"])


def test_an_advert_holds_no_more_addresses() -> None:
    """What is too many belongs to those that are not advertised."""
    many = "\n".join(f"10.0.{number // 200}.{number % 200 + 1}/32" for number in range(260))
    conversion = of_instance(f"virtual_ipaddress {{\n{many}\n}}\n")

    assert "an advert holds 255 addresses" in said(conversion)
    assert 255 == len(document(conversion)["groups"][1]["virtual_ips"])


@pytest.mark.parametrize(
    ("definition", "what"),
    [
        ("vrrp_script s { interval 5 }", "does not say what is tracked"),
        ("vrrp_script s { script /bin/a\n interval 0 }", "is no time"),
        ("vrrp_script s { script /bin/a\n rise 0 }", "is no number"),
        ("vrrp_script s { script /bin/a\n weight 999 }", "is no weight"),
        ("vrrp_script s { script /bin/a\n strange }", "nobody tracks 's'"),
        ('vrrp_script s { script ""\n }', "names no script"),
        ("vrrp_script { script /bin/a }", "vrrp_script says nothing"),
        ("track_file { file /x }", "track_file says nothing"),
        ("track_file s { file\n }", "file says nothing"),
        ('track_file s { file "/x\\a"\n }', "cannot be"),
        ("track_file s { file /x\n strange }", "nobody tracks 's'"),
        ("track_process { process x }", "track_process says nothing"),
        ("track_process s { process\n }", "process says nothing"),
        ('track_process s { process "x\\a"\n }', "cannot be looked for"),
        ("track_process s { process x\n quorum 0 }", "is no number"),
        ("track_process s { process x\n delay no }", "is no time"),
        ("track_process s { process x\n fork_delay no\n delay 1 }", "is no time"),
        ("track_script { }", "'track_script' is not known"),
        ("track_process s { process x\n strange }", "nobody tracks 's'"),
        ("vrrp_script s { script /bin/a\n weight 2 }\nvrrp_script s { script /bin/b }", "'s' is defined already"),
        ("vrrp_sync_group { group { V } }", "vrrp_sync_group says nothing"),
        ("vrrp_sync_group S { group { V }\n strange\n smtp_alert }", "less than 2 members"),
        ("virtual_server 10.0.0.1 80 { }", "LVS"),
        ("garp_group { interface eth0 }", "announce_rate"),
        ("unheard_of { a b }", "'unheard_of' is not known"),
    ],
)
def test_what_other_blocks_say(definition: str, what: str) -> None:
    """Whatever cannot be, the instance is carried over."""
    conversion = converted(f"{definition}\nvrrp_instance V {{\n{GOOD}\n}}\n")

    assert what in said(conversion), said(conversion)
    assert () == conversion.errors


def test_trackers_have_a_limit() -> None:
    """No gateway has more."""
    many = "\n".join(f"if{number}" for number in range(300))
    conversion = of_instance(f"track_interface {{\n{many}\n}}\n")

    assert "256 trackers at most" in said(conversion)
    assert 256 == len(document(conversion)["trackers"])


def test_a_master_is_asked_nothing_that_keepalived_does_not_ask() -> None:
    """Beside state MASTER it leaves nopreempt and preempt_delay out."""
    conversion = of_instance("state MASTER\nnopreempt\npreempt_delay 5")

    assert 2 == said(conversion).count("leaves it out beside state MASTER")
    assert not {"preempt", "preempt_delay"} & document(conversion)["groups"][1].keys()


def test_an_owner_is_asked_nothing_that_it_never_heeds() -> None:
    """It preempts, and accepts."""
    conversion = of_instance("priority 255\npreempt_delay 5\nno_accept")

    assert 2 == said(conversion).count("says nothing of an owner")
    assert not {"accept", "preempt_delay"} & document(conversion)["groups"][1].keys()


def test_a_script_for_any_state_of_an_instance_is_run_as_it_is() -> None:
    """It gets Keepalived's words; that of one state is begun by a shell which looks at them."""
    conversion = of_instance('notify "/bin/any it" nobody\nnotify_stop /bin/stop nobody')
    notifications = document(conversion)["notifications"]

    assert ["/bin/any", "it"] == notifications["V-any"]["script"]
    assert ["/bin/sh", "-c", '[ "$3" = STOP ] || exit 0; exec /bin/stop', "instance"] == notifications["V-stop"][
        "script"
    ]
    assert {"user": "nobody", "events": ["group"], "groups": [1], "names": {1: "V"}}.items() <= notifications[
        "V-any"
    ].items()


def test_a_member_leaves_what_its_sync_group_tracks() -> None:
    """It would be tracked twice."""
    two = GOOD.replace("router_id 1", "router_id 2").replace("192.0.2.1", "192.0.2.2")
    conversion = converted(
        "vrrp_sync_group S {\ngroup { V W }\ntrack_interface { eth1 }\n}\n"
        f"vrrp_instance V {{\n{GOOD}track_interface {{ eth1 }}\n}}\nvrrp_instance W {{\n{two}}}\n"
    )

    assert "eth1 is tracked by the sync group already" in said(conversion)
    assert {"S": {"groups": [1, 2], "track": {"eth1": "fault"}}} == document(conversion)["sync_groups"]
    assert "track" not in document(conversion)["groups"][1]


def test_names_are_made_to_fit() -> None:
    """And to differ."""
    conversion = converted(
        "vrrp_script -a- { script /bin/a }\nvrrp_script a { script /bin/b }\n"
        f"vrrp_instance V {{\n{GOOD}track_script {{\n -a-\n a }}\ntrack_interface {{ _e }}\n}}\n"
    )

    assert ["a", "a-2", "n-_e"] == list(document(conversion)["trackers"])


def test_a_remark_is_a_line() -> None:
    """Place, kind, what, remedy."""
    (remark,) = of_instance("debug 1").remarks

    assert "k.conf:5: needless: debug is about Keepalived's log; see `linkbalancer history`" == str(remark)

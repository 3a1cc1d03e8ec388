"""Tests of `linkbalancer explain`."""

import json
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.cli.main import main
from linkbalancer.cli.taken import SAME_VID
from tests.config.test_translationchecks import static

CONFIG = """\
node: b1
role: controller
links:
  l1: {device: eth1, local: 10.1.0.1, peer: 10.1.0.2, insecure: true}
groups:
  1: {device: eth0, link: l1, virtual_ips: [192.168.1.251/24]}
  2: {device: eth0, mode: observe, virtual_ips: [192.168.1.252/24]}
applications: apps.conf
tables: {base: 1000, rules: 100}
"""
RULES = """\
# the shop
App=10.0.0.0/8 * * * 443 tcp [2 1] name=web
App=* * ef * * udp [1] name=voip
App=2001:db8::/32 * * * 443 tcp [2] name=six
"""
PACKET = ["--src", "10.0.0.1", "--dst", "192.0.2.1", "--proto", "tcp", "--sport", "40000", "--dport", "443"]
WEB = {"line": 2, "app": "web", "vids": [[{"vid": 2, "weight": 1}], [{"vid": 1, "weight": 1}]], "options": []}
VOIP = {"line": 3, "app": "voip", "vids": [[{"vid": 1, "weight": 1}]], "options": []}
NONE: dict[str, Any] = {"line": None, "app": None, "vids": [], "options": []}


@pytest.fixture
def gateway(tmp_path: Path) -> Path:
    """A folder with a good configuration and its rules."""
    (tmp_path / "linkbalancer.yaml").write_text(CONFIG)
    (tmp_path / "apps.conf").write_text(RULES)
    return tmp_path


def flows(folder: Path, *some: dict[str, Any] | str) -> str:
    """Write a flow file; return its path."""
    lines = [one if isinstance(one, str) else json.dumps(one) for one in some]
    (folder / "flows.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return str(folder / "flows.jsonl")


def test_one_packet_in_words(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rule, application, VIDs with marks and tables, and what happens to the reply at the far end."""
    assert main(["explain", str(gateway), *PACKET]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "packet   tcp 10.0.0.1:40000 -> 192.0.2.1:443, TOS 0x00",
        f"rule     line 2 of {gateway}/apps.conf, the first that means it",
        "app      web",
        "VIDs     [2 1], the first that works",
        "  VID 2: mark 0x00020000, table 1002",
        "  VID 1: mark 0x00010000, table 1001",
        "reply    tcp 192.0.2.1:443 -> 10.0.0.1:40000, TOS 0x00",
        "         enters at the controlled end, by the mirrored rules: line 2: web [2 1]",
        "         (a packet like the one above that enters at the controlled end: no rule: the default application)",
    ]


def test_a_packet_that_no_rule_means(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is the default application's, either way; the controlled end is told what concerns it."""
    config = gateway / "linkbalancer.yaml"
    config.write_text(CONFIG.replace("controller", "controlled"))

    assert main(["explain", str(config), "--src", "::1", "--dst", "::2", "--proto", "UDP"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "packet   udp [::1]:0 -> [::2]:0, TOS 0x00",
        f"rule     none in {gateway}/apps.conf means it",
        "app      the default application: no VID, the main table's routes",
        "reply    udp [::2]:0 -> [::1]:0, TOS 0x00",
        "         enters at the controlled end, by the mirrored rules: no rule: the default application",
        "note     this gateway is the controlled end: what enters from its LAN is what `reply` says",
        "note     IPv6 is classified, not steered: main's routes decide",
    ]


def test_one_packet_in_json(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer with numbers of the gateway, and both answers of the other end."""
    assert main(["explain", str(gateway), "--json", *PACKET]) == 0
    first, second = (
        {"vid": vid, "mark": f"0x{vid:04}0000", "mask": "0x00ff0000", "rule_priority": 110 + vid, "table": 1000 + vid}
        for vid in (2, 1)
    )
    assert json.loads(capsys.readouterr().out) == {
        "file": f"{gateway}/apps.conf",
        **WEB,
        "slots": [None, None],
        "tables": [[first], [second]],
        "reply": WEB,
        "from_controlled_side": NONE,
        "note": None,
        "by_name": None,
    }


def test_a_balanced_step_tells_the_slot(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which of its VIDs the packet takes, and which after that: by what the step keeps together."""
    rules = gateway / "balanced"
    rules.write_text("App=* * * * * * [1*3+2+5 4] name=web sticky=src\n")
    packet = ["--src", "10.0.0.7", "--dst", "203.0.113.9", "--proto", "tcp", "--dport", "80"]

    assert main(["explain", "--rules", str(rules), *packet]) == 0
    assert "balance  of 1*3+2+5: slot 608 takes VID 1, else 2, else 5" in capsys.readouterr().out.splitlines()
    assert main(["explain", "--rules", str(rules), "--json", *packet]) == 0
    assert json.loads(capsys.readouterr().out)["slots"] == [{"step": "1*3+2+5", "slot": 608, "order": [1, 2, 5]}, None]


def test_ipv6_is_not_steered_without_far_ends(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One packet is told so; the answers to many keep their form."""
    packet = {"src": "2001:db8::1", "dst": "2001:db9::1", "proto": "tcp", "dport": 443}
    words = ["--src", "2001:db8::1", "--dst", "2001:db9::1", "--proto", "tcp", "--dport", "443"]

    assert main(["explain", str(gateway), *words]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "note     IPv6 is classified, not steered: main's routes decide"
    )
    assert main(["explain", str(gateway), "--json", *words]) == 0
    assert json.loads(capsys.readouterr().out)["note"] == "IPv6 is classified, not steered: main's routes decide"
    assert main(["explain", str(gateway), "--json", "--flows", flows(gateway, packet)]) == 0
    assert json.loads(capsys.readouterr().out).keys() == {"line", "app", "vids", "options"}


def test_a_rule_file_by_itself_may_balance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Balanced steps show their shares; packets without ports show none."""
    (tmp_path / "apps.conf").write_text("App=* * * * * gre [7*3+8 9] name=tunnels\n")
    packet = ["--src", "10.0.0.1", "--dst", "10.0.0.2", "--proto", "47", "--tos", "cs6"]

    assert main(["explain", "--rules", str(tmp_path / "apps.conf"), *packet]) == 0
    out = capsys.readouterr().out
    assert "packet   gre 10.0.0.1 -> 10.0.0.2, TOS 0xc0\n" in out
    assert "  VID 7 (3 shares): mark 0x00070000, table 20007\n  VID 8: mark" in out
    assert "VIDs     [7*3+8 9], the first that works" in out


def test_flows_are_answered_in_their_order(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An answer a line; names or numbers, absent ports and TOS 0, other keys left alone, empty lines skipped."""
    file = flows(
        gateway,
        {"src": "10.0.0.1", "dst": "192.0.2.1", "proto": "tcp", "sport": 1, "dport": 443, "tos": 0},
        {"src": "1.0.0.1", "dst": "192.0.2.1", "proto": 17, "tos": "0xb8", "note": "a telephone"},
        "",
        {"src": "1.0.0.1", "dst": "192.0.2.1", "proto": "icmp", "sport": None, "dport": None, "tos": None},
        {"src": "10.0.0.1", "dst": "192.0.2.1", "proto": "6", "sport": "1", "dport": "443", "tos": 3},
    )

    for model in ([str(gateway)], ["--rules", str(gateway / "apps.conf")]):
        assert main(["explain", *model, "--flows", file, "--json"]) == 0
        assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [WEB, VOIP, NONE, WEB]


def test_flows_can_be_answered_in_words(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json a short line each."""
    file = flows(
        gateway,
        {"src": "2001:db8::1", "dst": "2001:db9::1", "proto": "tcp", "dport": 443},
        {"src": "2001:db7::1", "dst": "2001:db9::1", "proto": "tcp", "dport": 443},
    )

    assert main(["explain", str(gateway), "--flows", file]) == 0
    assert capsys.readouterr().out == "line 4: six [2]\nno rule: the default application\n"


GOOD: dict[str, Any] = {"src": "10.0.0.1", "dst": "192.0.2.1", "proto": "tcp", "dport": 443}


@pytest.mark.parametrize(
    ("flow", "error"),
    [
        ("{", "the line is not JSON; write such as"),
        ("[" * 100000, "the line is not JSON"),
        ("[]", "the line is no JSON object; write such as"),
        ('{"src": "10.0.0.1", "dst": "192.0.2.1"}', "proto is missing; write such as"),
        ({**GOOD, "src": None}, "src is missing; write such as"),
        ({**GOOD, "dst": "::1"}, "src is IPv4, dst IPv6; give both in one family"),
        ({**GOOD, "src": "10.0.0"}, "src '10.0.0' is no address; write such as 192.0.2.1"),
        ({**GOOD, "src": 5}, "src '5' is no address"),
        ({**GOOD, "proto": "*"}, "proto is *; name one protocol"),
        ({**GOOD, "proto": True}, "proto is neither text nor a whole number"),
        ({**GOOD, "proto": 256}, "the protocol 256 is over 255"),
        ({**GOOD, "proto": "tpc"}, "the protocol 'tpc' is not known; did you mean tcp?"),
        ({**GOOD, "sport": 65536}, "sport is out of range; ports are 0 to 65535"),
        ({**GOOD, "sport": -1}, "sport is out of range"),
        ({**GOOD, "dport": 1.5}, "dport is neither text nor a whole number"),
        ({**GOOD, "dport": "htp"}, "'htp' is no port; did you mean http?"),
        ({**GOOD, "tos": 256}, "the TOS byte 256 is over 255"),
    ],
)
def test_flows_that_cannot_be_are_refused(
    gateway: Path, capsys: pytest.CaptureFixture[str], flow: dict[str, Any] | str, error: str
) -> None:
    """Exit 1 with the line's place, and no answer to any."""
    file = flows(gateway, GOOD, flow)

    assert main(["explain", str(gateway), "--json", "--flows", file]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{file}:2:1: {error}")


def test_every_wrong_flow_is_named(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Equal lines too, each with its own number."""
    file = flows(gateway, "x", GOOD, "x")

    assert main(["explain", str(gateway), "--flows", file]) == 1
    assert [line.split(": ")[0] for line in capsys.readouterr().err.splitlines()] == [f"{file}:1:1", f"{file}:3:1"]


def test_flows_must_be_text(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One error with its place; a file that cannot be read is named."""
    file = gateway / "flows.jsonl"
    file.write_bytes(b'{"src": "\xff"}\n')

    assert main(["explain", str(gateway), "--flows", str(file)]) == 1
    assert capsys.readouterr().err == f"{file}:1:1: is not UTF-8 text (byte 9); save it as UTF-8\n"
    for unreadable, why in ((str(gateway), "Is a directory"), ("/proc/self/mem", "Input/output error")):
        assert main(["explain", str(gateway), "--flows", unreadable]) == 2
        assert capsys.readouterr().err == f"linkbalancer: cannot read {unreadable}: {why}\n"


def test_a_refused_configuration_explains_nothing(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its errors are shown as `check` shows them."""
    (gateway / "apps.conf").write_text("x\n")

    assert main(["explain", str(gateway), *PACKET]) == 1
    assert capsys.readouterr().err.startswith(f"{gateway}/apps.conf:1:1: the line is no rule; ")
    assert main(["explain", "--rules", str(gateway / "apps.conf"), *PACKET]) == 1


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], "name the packet with --src, --dst and --proto"),
        (["c", "--rules", "r"], "name a CONFIG, or a rule file with --rules"),
        (["c", "--flows", "f", "--src", "10.0.0.1"], "--flows and --src do not go together"),
        (["c", "--src", "10.0.0.1"], "name the packet with --src, --dst and --proto"),
        (["nowhere.yaml", *PACKET], "cannot read nowhere.yaml: No such file or directory"),
        (["--rules", "nowhere.conf", *PACKET], "cannot read nowhere.conf: No such file or directory"),
    ],
)
def test_a_question_that_makes_no_sense(words: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, and one sentence."""
    assert main(["explain", *words]) == 2
    assert capsys.readouterr().err.startswith(f"linkbalancer: {error}")


def test_a_packet_that_cannot_be(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2: the question is wrong, not the configuration."""
    assert main(["explain", str(gateway), "--src", "10.0.0.1", "--dst", "::1", "--proto", "tcp"]) == 2
    assert capsys.readouterr().err == "linkbalancer: src is IPv4, dst IPv6; give both in one family\n"


def test_what_becomes_of_the_source_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the VID whose way does it; of IPv4 alone, and nothing where nothing does."""
    (tmp_path / "linkbalancer.yaml").write_text(static("nat: masquerade", "nat: {snat: 192.0.2.9}"))
    (tmp_path / "apps.conf").write_text("App=* * * * * * [1 2] name=rest\n")
    assert main(["explain", str(tmp_path), "--src", "192.168.1.9", "--dst", "198.51.100.1", "--proto", "icmp"]) == 0
    told = capsys.readouterr().out
    assert "  VID 1: mark 0x00010000, table 20001, masquerade\n" in told
    assert "  VID 2: mark 0x00020000, table 20002, SNAT to 192.0.2.9\n" in told
    assert main(["explain", str(tmp_path), "--json", "--src", "::1", "--dst", "::2", "--proto", "udp"]) == 0
    (first, _second) = json.loads(capsys.readouterr().out)["tables"]
    assert "source" not in first[0]
    assert main(["explain", str(tmp_path), "--json", "--src", "1.1.1.1", "--dst", "2.2.2.2", "--proto", "udp"]) == 0
    assert json.loads(capsys.readouterr().out)["tables"][0][0]["source"] == "masquerade"


def test_options_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that are not as they are by default; programs get them word by word."""
    rules = tmp_path / "apps.conf"
    rules.write_text("App=* * * * * tcp [1 2] name=web handover=drain:60s good-for=1min failback=move\n")

    assert main(["explain", "--rules", str(rules), *PACKET]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[6] == "options  handover=drain:60s failback=move good-for=60s"
    assert lines[8].endswith("line 1: web [1 2] handover=drain:60s failback=move good-for=60s")
    assert main(["explain", "--json", "--rules", str(rules), *PACKET]) == 0
    assert json.loads(capsys.readouterr().out)["options"] == ["handover=drain:60s", "failback=move", "good-for=60s"]


def test_ipv6_is_refused_by_a_way_without_a_far_end_over_it(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The VID is the same as IPv4's, and no later one is tried; of a VID that others carry nothing is known here."""
    (gateway / "linkbalancer.yaml").write_text(
        CONFIG.replace(
            "groups:", "groups:\n  9: {mode: static, device: eth5, gateway: 203.0.113.1, gateway6: 'fe80::9'}"
        )
    )
    (gateway / "apps.conf").write_text("App=* * * * 443 tcp [1 9 2] name=web\n")
    words = ["--src", "2001:db8::1", "--dst", "2001:db9::1", "--proto", "tcp", "--dport", "443"]
    assert main(["explain", str(gateway), *words]) == 0
    assert capsys.readouterr().out.splitlines()[3:7] == [
        "VIDs     [1 9 2], the first that works",
        "  VID 1: mark 0x00010000, table 1001, IPv6 refused by this gateway's way",
        "  VID 9: mark 0x00090000, table 1009",
        "  VID 2: mark 0x00020000, table 1002",
    ]
    assert main(["explain", str(gateway), *words]) == 0
    assert f"IPv6     {SAME_VID}" in capsys.readouterr().out.splitlines()
    assert main(["explain", str(gateway), "--json", *words]) == 0
    tables = json.loads(capsys.readouterr().out)["tables"]
    assert [one["ipv6"] for (one,) in tables] == ["refused", "carried", None]
    assert main(["explain", str(gateway), *PACKET]) == 0
    assert "IPv6" not in capsys.readouterr().out

"""`linkbalancer explain --live`: how it is asked, and on real gateways that somebody has sabotaged."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from linkbalancer.cli import live
from linkbalancer.cli.flows import flow as read_flow
from linkbalancer.cli.main import main
from linkbalancer.engine.crosscheck.observed import Entrance
from linkbalancer.links import Role
from linkbalancer.routing.marks import Marks
from tests.daemon.gateway import ROOT, Gateway, joined
from tests.drivers.nftables.rules import SAMPLE
from tests.namespaces import Namespace

WEB = ("--src", "192.0.2.77", "--dst", "198.51.100.9", "--proto", "tcp", "--sport", "40000", "--dport", "443")
ANSWER = ("--src", "198.51.100.9", "--dst", "192.0.2.77", "--proto", "tcp", "--sport", "443", "--dport", "40000")
PACKET = ["--src", "192.0.2.77", "--dst", "198.51.100.9", "--proto", "tcp"]


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Gateway]]:
    """Two gateways joined by a link, near and far, with their daemons."""
    with Namespace("lan") as lan, joined(tmp_path_factory.mktemp("live"), lan) as pair:
        yield pair


class Said:
    """What the command said: status, text, and with `--json` its document."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        """Keep it."""
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def document(self) -> dict[str, Any]:
        """The answer, which fits its schema."""
        document: dict[str, Any] = json.loads(self.out)
        jsonschema.validate(document, json.loads(live.SCHEMA.read_text()))
        return document

    def differing(self) -> dict[str, dict[str, Any]]:
        """Return the checks that differ, by name."""
        return {one["check"]: one for one in self.document["checks"] if one["result"] == "differs"}


def explain(gateway: Gateway, *words: str) -> Said:
    """Ask in a gateway's namespace."""
    command = [sys.executable, "-m", "linkbalancer", "explain", "--live", str(gateway.config), *words]
    command += ["--run-dir", str(gateway.run_dir), "--state-dir", str(gateway.directory / "state")]
    inside = ["ip", "netns", "exec", gateway.namespace.name, *command]
    return Said(subprocess.run(inside, capture_output=True, text=True, check=False, cwd=ROOT))


def differences(gateway: Gateway, *words: str) -> dict[str, dict[str, Any]]:
    """Ask; return what differs, by name, `daemon` left out; the exit status says whether anything does."""
    said = explain(gateway, "--json", *(words or WEB))
    found = said.differing()
    assert (said.status, said.document["same"]) == (1 if found else 0, not found), said.err
    return {name: one for name, one in found.items() if name != "daemon"}


@pytest.mark.lab
def test_a_sound_gateway_does_what_the_model_says(gateways: tuple[Gateway, Gateway]) -> None:
    """From either side, from the link, and what it sends itself: mark, table and next hop are as expected."""
    near, far = gateways
    said = explain(near, "--json", *WEB)
    assert (said.status, said.differing()) == (0, {}), said.out
    kernel = said.document["kernel"]
    assert (kernel["vid"], kernel["mark"], kernel["table"]) == (2, "0x00020000", 20002)
    assert (kernel["gateway"], kernel["device"], kernel["route"]) == ("10.1.0.2", "eth1", "0.0.0.0/0")
    flow = said.document["flow"]
    assert (flow["iif"], flow["guessed"], flow["from"], said.document["rule"]["line"]) == ("eth0", True, "lan", 1)

    text = explain(near, *WEB)
    assert text.out.splitlines()[-1] == "the kernel does what the model says"
    assert "  ✓ table      20002 by rule 22\n" in text.out
    assert "✗" not in text.out

    back = explain(far, "--json", *ANSWER)
    assert (back.status, back.document["rule"]["app"], back.document["kernel"]["vid"]) == (0, "web", 2)
    crossed = explain(near, "--json", *ANSWER, "--iif", "eth1").document
    assert (crossed["same"], crossed["rule"]["app"]) == (True, "web")
    assert (crossed["kernel"]["mark"], crossed["kernel"]["table"]) == ("0x00000000", 254)
    own = explain(near, "--json", "--src", "192.0.2.1", "--dst", "198.51.100.9", "--proto", "icmp").document
    assert (own["same"], own["flow"]["from"], own["kernel"]["table"]) == (True, "self", 20001)


@pytest.mark.lab
def test_what_is_near_is_no_difference(gateways: tuple[Gateway, Gateway]) -> None:
    """The gateway's own LAN, and the gateway itself: no VID carries it, and it says so."""
    near, _far = gateways
    said = explain(near, "--src", "192.0.2.77", "--dst", "192.0.2.99", "--proto", "tcp", "--dport", "443")
    assert (said.status, "It is near" in said.out) == (0, True), said.out
    said = explain(near, "--src", "192.0.2.77", "--dst", "192.0.2.1", "--proto", "tcp", "--dport", "443")
    assert (said.status, "for this gateway itself" in said.out) == (0, True), said.out


@pytest.mark.lab
@pytest.mark.parametrize(
    ("sabotage", "mended", "check", "why"),
    [
        (
            ("ip rule add priority 5 from 192.0.2.0/24 lookup 77", "ip route add default via 192.0.2.9 table 77"),
            ("ip rule del priority 5", "ip route flush table 77"),
            "table",
            "`5: from 192.0.2.0/24 lookup 77`",
        ),
        (
            ("ip rule add priority 5 fwmark 0x20000/0xff0000 unreachable",),
            ("ip rule del priority 5",),
            "table",
            "`5: from all fwmark 0x20000/0xff0000 unreachable`",
        ),
        (
            ("ip rule add priority 5 ipproto tcp dport 400-500 lookup 77", "ip route add prohibit default table 77"),
            ("ip rule del priority 5", "ip route flush table 77"),
            "table",
            "`5: from all ipproto 6 dport 400-500 lookup 77`",
        ),
        (
            ("ip route add 198.51.100.0/25 via 192.0.2.9",),
            ("ip route del 198.51.100.0/25",),
            "table",
            "The main table has a route of its own to 198.51.100.0/25",
        ),
        (
            ("ip route add 198.51.100.0/25 via 192.0.2.9 table 20002",),
            ("ip route del 198.51.100.0/25 table 20002",),
            "next hop",
            "leads elsewhere, which is not ours",
        ),
        (
            ("ip route add unreachable 198.51.100.0/25 table 20002",),
            ("ip route del unreachable 198.51.100.0/25 table 20002",),
            "table",
            "Table 20002 has no way for it",
        ),
        (
            (
                "nft add table ip evil",
                "nft add chain ip evil pre { type filter hook prerouting priority 0; }",
                "nft add rule ip evil pre tcp dport 443 meta mark set 0x77",
            ),
            ("nft delete table ip evil",),
            "mark",
            "meta mark set 0x77; it writes our bits 0x01ff0000",
        ),
        (
            ("sysctl -qw net.ipv4.conf.eth0.forwarding=0",),
            ("sysctl -qw net.ipv4.conf.eth0.forwarding=1",),
            "table",
            "its switch `forwarding` is 0",
        ),
    ],
)
def test_sabotage_is_named(
    gateways: tuple[Gateway, Gateway], sabotage: tuple[str, ...], mended: tuple[str, ...], check: str, why: str
) -> None:
    """One cause, one difference, with what it is and a remedy; and none when it is gone."""
    near, _far = gateways
    near.namespace(*sabotage)
    try:
        found = differences(near)
        assert list(found) == [check], found
        assert why in found[check]["why"]
        assert found[check]["remedy"]
    finally:
        near.namespace(*mended)
    assert differences(near) == {}


@pytest.mark.lab
def test_an_established_flow_keeps_what_it_was(gateways: tuple[Gateway, Gateway]) -> None:
    """After an edit: the file is newer than what runs, and the flow's entry says what it was classified as."""
    near, _far = gateways
    flow = ("--src", "192.0.2.1", "--dst", "198.51.100.9", "--proto", "udp", "--sport", "4001", "--dport", "4002")
    with near.namespace.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("192.0.2.1", 4001))
        sender.sendto(b"x", ("198.51.100.9", 4002))
    said = explain(near, "--json", *flow)
    assert said.status == 0, said.out
    assert Marks().application_of(int(said.document["kernel"]["connection_mark"], 16)) == 2, said.out
    assert any(one["kernel"].startswith("rest (not answered yet, ") for one in said.document["checks"])

    rules = near.directory / "apps.conf"
    old = rules.read_text()
    rules.write_text(old.replace("443 tcp", "4002 udp"))
    try:
        found = differences(near, *flow)
        assert list(found) == ["rules", "flow"]
        assert "the file was edited since" in found["rules"]["why"]
        assert found["flow"]["expected"] == "web"
        assert found["flow"]["kernel"].startswith("rest (")
        assert found["flow"]["remedy"][0].startswith("conntrack -D -p udp -s 192.0.2.1 -d 198.51.100.9 --sport 4001")
    finally:
        rules.write_text(old)
    assert differences(near, *flow) == {}


@pytest.mark.lab
def test_the_other_namespace_is_refused(gateways: tuple[Gateway, Gateway]) -> None:
    """Asked from outside of the gateway nothing would be comparable: exit 2, and where to ask."""
    near, _far = gateways
    command = [sys.executable, "-m", "linkbalancer", "explain", "--live", str(near.config), *WEB]
    done = subprocess.run(
        [*command, "--run-dir", str(near.run_dir)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"nsenter -t {near.pids()['agent']} -n linkbalancer explain --live" in done.stderr


@pytest.mark.lab
def test_it_takes_root(gateways: tuple[Gateway, Gateway]) -> None:
    """Without rights: exit 2, one sentence."""
    near, _far = gateways
    program = (
        "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 12, 0, 0, 0);"  # PR_CAPBSET_DROP, CAP_NET_ADMIN
        "os.execv(sys.executable, [sys.executable, '-m', 'linkbalancer', *sys.argv[1:]])"
    )
    command = [sys.executable, "-c", program, "explain", "--live", str(near.config), *WEB, "--run-dir", "/nowhere"]
    done = subprocess.run(
        ["ip", "netns", "exec", near.namespace.name, *command], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr == "linkbalancer: asking the kernel takes root: do it with sudo\n"


@pytest.fixture(scope="module")
def bereft(gateways: tuple[Gateway, Gateway]) -> Iterator[Gateway]:
    """The near gateway, its daemon killed: what it would put back at once stays as somebody left it."""
    near, _far = gateways
    near.kill_all()
    yield near
    near.start()


@pytest.mark.lab
@pytest.mark.parametrize(
    ("sabotage", "mended", "words", "check", "seen"),
    [
        (
            ("sysctl -qw net.ipv4.conf.eth1.rp_filter=1",),
            ("sysctl -qw net.ipv4.conf.eth1.rp_filter=0",),
            (),
            "reply",
            "net.ipv4.conf.eth1.rp_filter is 1",
        ),
        (
            ("sysctl -qw net.ipv4.conf.eth0.rp_filter=1",),
            ("sysctl -qw net.ipv4.conf.eth0.rp_filter=0",),
            ("--src", "203.0.113.5", "--iif", "eth0"),
            "table",
            "net.ipv4.conf.eth0.rp_filter is 1",
        ),
        (
            ("ip rule del priority 22",),
            ("ip rule add priority 22 fwmark 0x20000/0x1ff0000 lookup 20002 protocol 112",),
            (),
            "table",
            "Our rule 22 is not there",
        ),
        (
            ("ip neigh replace 10.1.0.2 dev eth1 nud failed",),
            ("ip neigh del 10.1.0.2 dev eth1",),
            (),
            "neighbour",
            "10.1.0.2 answers no ARP on eth1",
        ),
        (
            ("nft delete element inet linkbalancer app2vid { 0x00000003 }",),
            ("nft add element inet linkbalancer app2vid { 0x00000003 : goto vid_2 }",),
            (),
            "VID",
            "web is not in the map app2vid",
        ),
        (
            ("ip addr del 10.1.0.1/24 dev eth1",),
            (
                "ip addr add 10.1.0.1/24 dev eth1",
                "ip route add default via 10.1.0.2 dev eth1 onlink table 20002 protocol 112",
            ),
            (),
            "addresses",
            "gone: 10.1.0.1 on eth1",
        ),
        (
            ("ip route del default table 20002",),
            ("ip route add default via 10.1.0.2 dev eth1 onlink table 20002 protocol 112",),
            (),
            "table",
            "Table 20002 has no way for it",
        ),
    ],
)
def test_what_nobody_puts_back_is_named(
    bereft: Gateway,
    *,
    sabotage: tuple[str, ...],
    mended: tuple[str, ...],
    words: tuple[str, ...],
    check: str,
    seen: str,
) -> None:
    """Without a daemon all that it keeps up is found missing; that it does not answer is the other difference."""
    assert differences(bereft) == {}
    bereft.namespace(*sabotage)
    try:
        found = differences(bereft, *WEB, *words)
        assert list(found) == [check], found
        assert seen in f"{found[check]['kernel']} {found[check]['why']}"
    finally:
        bereft.namespace(*mended)


@pytest.mark.lab
def test_a_kernel_without_anything_of_ours(bereft: Gateway) -> None:
    """The daemon's silence and the missing table are named; the packet goes by the main table, which has no way."""
    bereft.namespace("nft flush ruleset")
    said = explain(bereft, *WEB)
    assert said.status == 1
    assert "kernel    does not answer" in said.out
    assert "kernel    no table inet linkbalancer" in said.out
    assert said.out.endswith(" differences\n")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], "name the packet as it arrives here with --src, --dst and --proto"),
        (["--flows", "f"], "--live asks about one packet of a gateway: leave out --flows"),
        (["--rules", "r", *PACKET], "--live asks about one packet of a gateway: leave out --rules"),
        ([*PACKET[:-1], "*"], "proto is *; name one protocol"),
        (["nowhere.yaml", *PACKET], "cannot read nowhere.yaml: No such file or directory"),
    ],
)
def test_a_question_that_makes_no_sense(words: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, and one sentence."""
    assert main(["explain", "--live", "--run-dir", "/nowhere", *words]) == 2
    out, err = capsys.readouterr()
    assert (out, err.startswith(f"linkbalancer: {error}")) == ("", True)


def test_what_goes_with_live(capsys: pytest.CaptureFixture[str]) -> None:
    """A device says nothing to the offline answer; the schema is printed whatever else is said."""
    assert main(["explain", "--iif", "eth0", *PACKET]) == 2
    assert capsys.readouterr().err.startswith("linkbalancer: --iif goes with --live")
    assert main(["explain", "--schema"]) == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(capsys.readouterr().out))


def test_a_refused_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, for 1 says that something differs; its errors are shown as `check` shows them."""
    (tmp_path / "linkbalancer.yaml").write_text("node: b1\n")
    assert main(["explain", "--live", "--run-dir", "/nowhere", str(tmp_path), *PACKET]) == 2
    assert capsys.readouterr().err.startswith(f"{tmp_path}/linkbalancer.yaml:1:1: ")


@pytest.mark.parametrize("entrance", list(Entrance))
@pytest.mark.parametrize("role", list(Role))
def test_rules_are_read_in_the_direction_of_the_packet(role: Role, entrance: Entrance) -> None:
    """As `test_steering` shows that the kernel does: near to far, but for the controlled end and what links bring."""
    web = read_flow({"src": "192.0.2.5", "dst": "203.0.113.1", "proto": "tcp", "dport": 443})
    near_to_far = (role is Role.CONTROLLED) == (entrance is Entrance.LINK)
    rule = live.direction(SAMPLE, role, entrance).lookup(web if near_to_far else web.mirrored())
    assert rule is not None
    assert rule.line == 1

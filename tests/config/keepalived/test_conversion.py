"""Properties of turning a keepalived.conf into ours: it never fails, drops nothing in silence, and `check` likes it."""

from collections.abc import Iterator
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.config.keepalived.conversion import Conversion, Converter, convert
from linkbalancer.config.keepalived.expansion import Expansion
from linkbalancer.config.keepalived.statements import Statement, parse
from linkbalancer.config.load import load
from linkbalancer.links import Role

WORDS = st.sampled_from((Path(__file__).parent / "words.txt").read_text().splitlines())
TEXTS = st.lists(st.lists(WORDS | st.text(max_size=6), max_size=7).map(" ".join), max_size=25).map("\n".join)

ADDRESSES = ["10.0.0.1/24", "10.0.0.2", "fe80::1/64", "2001:db8::1/64", "224.0.0.5", "10.0.0.255/24", "x"]


def converted(text: str) -> Conversion:
    """Convert a text that includes nothing, on the host `host`."""
    return convert("keepalived.conf", lambda _: text, lambda *_: [], config_id="host", node="host")


def accepted(conversion: Conversion) -> bool:
    """Have `check` look at what was made, if anything was; raises ConfigErrors."""
    if conversion.errors:
        return not conversion.files
    texts = {file.name: file.text for file in conversion.files}
    return load("linkbalancer.yaml", texts.__getitem__).config.role is Role.STANDALONE


@given(TEXTS | st.text())
@settings(max_examples=400, deadline=None)
def test_any_text_gives_a_configuration_or_errors(text: str) -> None:
    """With places, and never an exception; what is made passes `check`."""
    conversion = converted(text)

    assert accepted(conversion)
    assert all(error.line >= 1 and error.column >= 1 and error.remedy for error in conversion.errors)
    assert all(remark.finding.line >= 1 and remark.finding.remedy for remark in conversion.remarks)


@st.composite
def instances(draw: st.DrawFn) -> str:
    """Draw a vrrp_instance that is nearly right."""
    name = draw(st.sampled_from(["A", "B", "C", "with blank", "\u00fc"]))
    pairs = {
        "interface": ["eth0", "eth1", "bond0.12", "too-long-for-a-device"],
        "virtual_router_id": ["1", "2", "255", "256"],
        "priority": ["1", "100", "254", "255"],
        "advert_int": ["0.01", "0.2", "0.333", "1", "2.5", "100", "255"],
        "version": ["2", "3"],
        "state": ["MASTER", "BACKUP"],
        "preempt_delay": ["0", "5", "1000"],
        "garp_master_repeat": ["1", "5", "100"],
        "garp_master_delay": ["0", "5"],
        "use_vmac": ["", "vrrp.1"],
        "nopreempt": [""],
        "no_accept": [""],
        "accept": [""],
        "strict_mode": ["on", "off"],
        "mcast_src_ip": ["10.0.0.9", "fe80::9", "10.0.0.1"],
        "unicast_src_ip": ["10.0.0.9", "10.0.0.8", "nowhere"],
        "notify_master": ['"/bin/true a"', "/bin/false nobody", '""', '"/bin/true" "no user"'],
        "smtp_alert": ["", "on", "off"],
    }
    lines = [f"    {key} {draw(st.sampled_from(options))}" for key, options in pairs.items() if draw(st.booleans())]
    listed = {
        "virtual_ipaddress": ADDRESSES,
        "virtual_ipaddress_excluded": [*ADDRESSES, "10.9.0.1/24 dev eth3", "10.9.0.2 dev eth0 label eth0:1"],
        "unicast_peer": ["10.0.0.8", "10.0.0.9 min_ttl 250", "10.0.0.1", "fe80::8", "10.0.0.8 max_ttl x"],
        "track_interface": ["eth1", "eth2 weight 10", "eth3 weight -253 reverse", "eth4 weight 254"],
        "track_script": ["good", "good weight 5", "bad", "weak weight 0"],
        "track_file": ["number", "number weight 3"],
        "track_process": ["shell", "shell weight -2"],
        "authentication": [
            "auth_type PASS",
            "auth_type AH",
            "auth_pass secret",
            "auth_pass \u00fc\u00ef\u00fc\u00ef\u00fc",
        ],
    }
    for key, options in listed.items():
        some = draw(st.lists(st.sampled_from(options), max_size=3))
        if some:
            lines += [f"    {key} {{", *(f"        {one}" for one in some), "    }"]
    return "\n".join([f'vrrp_instance "{name}" {{', *lines, "}"])


BEGINNING = """
global_defs {
    vrrp_version 3
    notification_email { a@example.org }
    smtp_alert on
    notify_fifo /run/fifo
}
vrrp_script good { script "/bin/true"
 weight 2 }
vrrp_script weak { script /bin/true
 user nobody }
track_file number { file /run/number }
track_process shell { process bash }
vrrp_sync_group S { group { A
  B
  C }
  track_script { good }
  notify_fault /bin/true
}
"""


@given(st.lists(instances(), min_size=1, max_size=4).map("\n".join))
@settings(max_examples=400, deadline=None)
def test_what_is_made_of_instances_passes_check(text: str) -> None:
    """Whatever Keepalived would make of them."""
    assert accepted(converted(BEGINNING + text))


def everything(statements: list[Statement]) -> Iterator[Statement]:
    """Yield every statement."""
    for statement in statements:
        yield statement
        yield from everything(statement.inner())


@given(TEXTS | st.lists(instances(), min_size=1, max_size=3).map("\n".join))
@settings(max_examples=200, deadline=None)
def test_no_word_is_dropped_in_silence(text: str) -> None:
    """Each is carried over, or something is said of it."""
    expansion = Expansion("keepalived.conf", lambda _: text, lambda *_: [], "host")
    statements, errors = parse(expansion.lines)
    if errors or expansion.errors:
        return
    converter = Converter(statements, "keepalived.conf", "host")
    converter.run()

    assert [] == [word.text for one in everything(statements) for word in one.words if not converter.ledger.knows(word)]


def test_a_file_without_instances_makes_nothing() -> None:
    """There is nothing that a gateway could do."""
    conversion = converted("global_defs { router_id a }\n")

    assert () == conversion.files
    assert "no vrrp_instance" in conversion.errors[0].what


def test_broken_braces_are_errors_with_places() -> None:
    """Nothing is made of half a file."""
    conversion = converted("vrrp_instance A {\n  interface eth0\n\n}}\n{\n")

    assert [(4, 2), (5, 1), (5, 1)] == [(error.line, error.column) for error in conversion.errors]


def test_deep_nesting_is_an_error() -> None:
    """And no exhaustion."""
    conversion = converted("a {\n" * 5000)

    assert any("nested" in error.what for error in conversion.errors)

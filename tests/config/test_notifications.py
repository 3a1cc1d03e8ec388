"""Who is told of what: the section, and everything that can be wrong with it, at its place and with its remedy."""

from collections.abc import Callable

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.config.keyfile import Doubt
from linkbalancer.config.load import ConfigErrors, load
from linkbalancer.config.notifications import Notification
from linkbalancer.config.topics import Topic, topic_of
from linkbalancer.links import GroupId

BASE = """\
node: b1
role: controller
links: {l1: {device: eth1, local: 10.1.0.1, peer: 10.1.0.2, insecure: true}}
groups: {1: {device: eth0, link: l1, virtual_ips: [192.0.2.251/24]}}
applications: apps.conf
notifications:
"""
MAIL = "server: mail.example.org, from: a@example.org, to: [b@example.org]"

NO_WAY = (
    "7:3: nobody is told: the notification has no way to do it; "
    "give it one of: script, fifo, webhook, email, syslog, journal"
)
NO_LINE = (
    "7:33: Keepalived's lines, which a fifo has, know no link; "
    "use one of: group, sync-group, rival, priority; or a script"
)


def read(*lines: str) -> dict[str, Notification]:
    """Load a configuration with these notifications."""
    text = BASE + "".join(f"  {line}\n" for line in lines)
    return load(
        "g.yaml", {"g.yaml": text, "apps.conf": "App=* * * * * * [1] name=all\n"}.__getitem__
    ).config.notifications


def test_each_way() -> None:
    """And which it is."""
    found = read(
        "a: {script: [/bin/x, 1], user: nobody, names: {1: VI_1}}",
        "b: {fifo: /run/x, events: [group, priority]}",
        "c: {webhook: 'https://example.org/x?y=1', groups: [1]}",
        f"d: {{email: {{{MAIL}}}}}",
        "e: {syslog: {server: 192.0.2.9, facility: local3}}",
        "f: {syslog: {}, journal: false}",
        "g: {journal: true, timeout: 3s}",
    )

    assert [one.way for one in found.values()] == ["script", "fifo", "webhook", "email", "syslog", "syslog", "journal"]
    assert found["a"].script == ("/bin/x", "1")
    assert found["a"].names == {GroupId(1): "VI_1"}
    assert found["b"].topics == {Topic.GROUP, Topic.PRIORITY}
    assert found["c"].groups == (GroupId(1),)
    assert found["c"].webhook is not None
    assert found["c"].webhook.url == "https://example.org/x?y=1"
    assert found["g"].timeout == 3 * SECOND


def test_what_is_told_where_nothing_is_said() -> None:
    """A pipe has Keepalived's own lines; everything else what usually matters."""
    found = read("a: {fifo: /run/x}", "b: {journal: true}")

    assert found["a"].topics == {Topic.GROUP, Topic.SYNC_GROUP, Topic.RIVAL}
    assert Topic.LINK in found["b"].topics
    assert Topic.CONFIGURATION not in found["b"].topics


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_a_mail_servers_port(security: str, port: int) -> None:
    """As its security has it, unless one is given."""
    found = read(f"a: {{email: {{{MAIL}, security: {security}}}}}", f"b: {{email: {{{MAIL}, port: 2525}}}}")

    assert found["a"].email is not None
    assert found["a"].email.place == ("mail.example.org", port)
    assert found["b"].email is not None
    assert found["b"].email.place == ("mail.example.org", 2525)


def test_the_files_that_it_needs() -> None:
    """Those that hold a secret apart."""
    found = read(
        f"a: {{email: {{{MAIL}, user: u, password_file: p, ca_file: c}}}}",
        "b: {webhook: {url: 'https://x.org', authorization_file: t, ca_file: d}}",
        "c: {journal: true}",
    )

    assert [(list(one.files()), list(one.confidential())) for one in found.values()] == [
        (["p", "c"], ["p"]),
        (["t", "d"], ["t"]),
        ([], []),
    ]


@pytest.mark.parametrize(
    ("line", "errors"),
    [
        ("a: 3", ["7:6: 3 is no mapping; write keys and values, one on a line, indented"]),
        (
            "a: {events: [group]}",
            [
                NO_WAY,
            ],
        ),
        (
            "a: {journal: true, fifo: /x}",
            ["7:7: journal and fifo in one notification; give each a notification of its own"],
        ),
        ("a: {script: []}", ["7:15: script is empty; give at least one"]),
        ('a: {script: ["x\\ny"]}', ["7:16: 'x\\ny' cannot be handed on; leave out what cannot be printed"]),
        ("a: {script: [true]}", ["7:16: true is no word; put it in quotes"]),
        ("a: {fifo: /x, user: u}", ["7:17: user says nothing without a script; remove it"]),
        (
            "a: {journal: true, names: {1: x}}",
            ["7:22: names are for a script or a fifo, which read Keepalived's words; remove it"],
        ),
        (
            "a: {fifo: /x, events: [group, link]}",
            [
                NO_LINE,
            ],
        ),
        ("a: {journal: true, events: [groop]}", ["7:31: 'groop' is no event; did you mean group?"]),
        ("a: {journal: true, groups: [9]}", ["7:31: there is no group 9; use one of: 1"]),
        (
            "a: {journal: true, groups: [300]}",
            ["7:31: 300 is too large; use 255 or less"],
        ),
        ("a: {fifo: /x, names: {2: x}}", ["7:24: there is no group 2; use one of: 1"]),
        ("a: {journal: true, timeout: 1ms}", ["7:31: timeout is shorter than anybody answers; make it 100ms or more"]),
        (
            "a: {journal: true, retry_after: 1ms}",
            ["7:35: retry_after is shorter than anybody answers; make it 10ms or more"],
        ),
        (
            "a: {webhook: 'ftp://x'}",
            ["7:16: 'ftp://x' is no URL of a web server; write such as https://example.org/hook"],
        ),
        (
            "a: {webhook: 'https://[x'}",
            ["7:16: 'https://[x' is no URL of a web server; write such as https://example.org/hook"],
        ),
        (
            "a: {webhook: 'https://u:p@x.org/'}",
            ["7:16: the URL holds a user's name; put what authorizes into an authorization_file"],
        ),
        (
            "a: {webhook: {url: 'http://x.org', authorization_file: t, ca_file: c}}",
            [
                "7:16: an authorization_file, and http: whoever listens reads it; use https",
                "7:16: ca_file says nothing with http; use https, or remove it",
            ],
        ),
        (
            "a: {webhook: {urll: x}}",
            ["7:7: the key url is missing; add url", "7:17: the key urll is not known; did you mean url?"],
        ),
        (
            f"a: {{email: {{{MAIL}, user: u}}}}",
            ["7:14: user and password_file go together; give both, or none where the server asks for nothing"],
        ),
        (
            f"a: {{email: {{{MAIL}, security: none, user: u, password_file: p, ca_file: c}}}}",
            [
                "7:93: a password, and security: none: whoever listens reads it; use starttls or tls",
                "7:135: ca_file says nothing with security: none; remove one of the two",
            ],
        ),
        (
            "a: {email: {server: 'a b', from: x, to: [y@z.org]}}",
            [
                "7:23: the server 'a b' cannot be; write a name or an address; a port has a key of its own",
                "7:36: 'x' is no mail address; write such as operations@example.org",
            ],
        ),
    ],
)
def test_what_is_wrong(line: str, errors: list[str]) -> None:
    """Everything, where it stands, and what to do."""
    with pytest.raises(ConfigErrors) as refused:
        read(line)

    assert [str(one).removeprefix("g.yaml:") for one in refused.value.findings] == errors


def test_no_notifications() -> None:
    """Nobody is told; a section that is no mapping is refused in one sentence."""
    with pytest.raises(ConfigErrors, match="3 is no mapping"):
        load(
            "g.yaml",
            {
                "g.yaml": BASE.replace("notifications:", "notifications: 3"),
                "apps.conf": "App=* * * * * * [1]\n",
            }.__getitem__,
        )


def test_which_record_is_of_which_topic() -> None:
    """A reload that came into force is told by its configuration; one that did not, by the supervisor."""
    assert topic_of("vid", "master: claimed") is Topic.GROUP
    assert topic_of("service", "reload: applied after 2 s") is None
    assert topic_of("service", "reload: refused after 2 s") is Topic.CONFIGURATION
    assert topic_of("kernel", "") is None
    assert topic_of("ipv6", "carries IPv6 no more: echo fe80::2") is Topic.LINK
    assert topic_of("resumed", "was drained by anna") is Topic.DRAIN
    assert topic_of("resumed", "goes on as Master") is None


@pytest.mark.parametrize(
    ("content", "doubt", "said"),
    [
        ("secret\n", None, []),
        ("", None, ["the password file p holds no secret: it is one line, and not empty"]),
        (
            "x",
            Doubt("is everybody's", "chmod it", refused=True),
            ["the password file p is everybody's"],
        ),
    ],
)
def test_files_with_secrets_are_looked_at(content: str, doubt: Doubt | None, said: list[str]) -> None:
    """By whoever can look: what is doubtful is a warning, what everybody may read is an error."""
    text = f"{BASE}  a: {{email: {{{MAIL}, user: u, password_file: p}}}}\n  b: {{journal: true}}\n"
    files = {"g.yaml": text, "apps.conf": "App=* * * * * * [1] name=all\n"}

    def state(path: str, judge: Callable[[str], Doubt | None]) -> Doubt | None:
        assert path == "p"
        return doubt or judge(content)

    if doubt is not None:
        with pytest.raises(ConfigErrors) as refused:
            load("g.yaml", files.__getitem__, state)
        assert [one.what for one in refused.value.findings] == said
    else:
        assert [one.what for one in load("g.yaml", files.__getitem__, state).warnings] == said


def test_who_has_an_error_elsewhere_is_still_heard() -> None:
    """A value that is wrong by itself hides none of the others."""
    with pytest.raises(ConfigErrors) as refused:
        read("a: {fifo: [x], user: u, events: [group], timeout: 1}", "b: {webhook: 3, email: 4, names: 5, groups: 6}")

    assert len(refused.value.findings) > 6


@pytest.mark.parametrize("rest", ["email: 3", "webhook: {url: 3}", "groups: 3", "names: 3", "events: 3"])
def test_a_part_that_is_wrong_hides_nothing(rest: str) -> None:
    """What can be judged all the same is."""
    with pytest.raises(ConfigErrors) as refused:
        read(f"a: {{journal: true, fifo: /x, {rest}}}")

    assert any("fifo in one notification" in one.what for one in refused.value.findings)


def test_a_web_server_without_tls_that_gets_no_secret() -> None:
    """Is nobody's business."""
    assert read("a: {webhook: {url: 'http://x.org/'}}")["a"].way == "webhook"
    with pytest.raises(ConfigErrors, match="an authorization_file, and http"):
        read("a: {webhook: {url: 'http://x.org/', authorization_file: t}}")
    with pytest.raises(ConfigErrors, match="ca_file says nothing with http"):
        read("a: {webhook: {url: 'http://x.org/', ca_file: t}}")

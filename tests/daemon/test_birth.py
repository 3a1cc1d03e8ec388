"""Tests of how a zygote reads what it forks: key files by the rule that `check` has, and whom an edit concerns."""

from pathlib import Path

import pytest

from linkbalancer.config.keyfile import NO_TEXT
from linkbalancer.daemon.birth import Directories, birth
from linkbalancer.daemon.zygote import Brood, Order, RefusedError
from tests.config.plugins import installed

CONFIG = """\
node: b1
role: controller
links:
  l1: {device: eth1, local: 10.1.0.1, peer: 10.1.0.2, key_file: l1.key}
groups:
  1: {device: eth0, link: l1, virtual_ips: [192.168.1.251/24]}
applications: apps.conf
"""
RULES = """\
App=* * * * 443 tcp [1] name=web
App=* * * * * * [1] name=all
"""
KEY = b"1 00112233445566778899aabbccddeeff\n"


def born(folder: Path, key: bytes, mode: int, kept: bytes | None = None) -> bytes:
    """Return the texts that a zygote of this key hands on."""
    (folder / "linkbalancer.yaml").write_text(CONFIG)
    (folder / "apps.conf").write_text("App=* * * * * * [1] name=all\n")
    (folder / "l1.key").write_bytes(key)
    (folder / "l1.key").chmod(mode)
    return birth(str(folder / "linkbalancer.yaml"), Directories(folder, folder), Order(kept)).texts


def test_a_key_of_its_owner_alone_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a word."""
    born(tmp_path, KEY, 0o600)

    assert capsys.readouterr().err == ""


def test_a_key_that_the_group_may_read_is_taken_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said once: not again by a zygote that is born of the same texts."""
    kept = born(tmp_path, KEY, 0o640)

    assert capsys.readouterr().err == (
        f"{tmp_path}/l1.key: can be read or written by its group; chgrp linkbalancer it, "
        "or chmod g= it, unless that is meant\n"
    )
    born(tmp_path, KEY, 0o666, kept)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("key", "mode", "error"),
    [
        (KEY, 0o604, "can be read or written by everybody; chmod o= it"),
        (KEY, 0o602, "can be read or written by everybody; chmod o= it"),
        (b"1 secretsecret\n", 0o600, "holds no key: line 1: the secret is not hexadecimal; put `1 HEX` in it"),
        (b"1 \xff\n", 0o600, "holds other characters than a key's; put `1 HEX` in it"),
    ],
)
def test_what_is_no_secret_is_refused(tmp_path: Path, key: bytes, mode: int, error: str) -> None:
    """In the words of `check`, and without the secret."""
    with pytest.raises(RefusedError) as refused:
        born(tmp_path, key, mode)

    assert refused.value.args[0].startswith(f"{tmp_path}/l1.key: {error}")
    assert "secretsecret" not in str(refused.value)


OLD = CONFIG.replace("251/24]}", "251/24], version: 2, password_file: v2}")


@pytest.mark.parametrize(
    ("password", "mode", "error"),
    [
        (b"secret\n", 0o604, "can be read or written by everybody; chmod o= it"),
        (b"longersecret\n", 0o600, "holds no password: 12 bytes; put a password of 1 to 8 bytes in it"),
        (b"\xff\n", 0o600, "holds other characters than a key's"),
        (None, 0o600, "No such file or directory; VID 1 needs its password"),
    ],
)
def test_what_is_no_password_is_refused(tmp_path: Path, password: bytes | None, mode: int, error: str) -> None:
    """By the rule of keys, and without showing it."""
    if password is not None:
        (tmp_path / "v2").write_bytes(password)
        (tmp_path / "v2").chmod(mode)
    with pytest.raises(RefusedError) as refused:
        specs(tmp_path, OLD)

    assert refused.value.args[0].startswith(f"{tmp_path}/v2: {error}")
    assert "longersecret" not in str(refused.value)


def test_another_password_concerns_the_agent_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is part of what an agent lives by; and who may read it is looked at."""
    found = []
    for password in (b"secret\n", b"other\n"):
        (tmp_path / "v2").write_bytes(password)
        (tmp_path / "v2").chmod(0o640)
        found.append(specs(tmp_path, OLD))
    before, after = found

    assert {name for name in before if before[name] != after[name]} == {"agent"}
    assert f"{tmp_path}/v2: can be read or written by its group;" in capsys.readouterr().err


def specs(folder: Path, config: str = CONFIG, rules: str = RULES, key: bytes = KEY) -> dict[str, str]:
    """Return the workers' specs of a configuration."""
    (folder / "linkbalancer.yaml").write_text(config)
    (folder / "apps.conf").write_text(rules)
    (folder / "l1.key").write_bytes(key)
    (folder / "l1.key").chmod(0o600)
    return dict(brood(folder, Order()).specs)


def brood(folder: Path, order: Order) -> Brood:
    """Return what a zygote offers."""
    return birth(str(folder / "linkbalancer.yaml"), Directories(folder, folder), order)


def changed(folder: Path, **texts: str | bytes) -> set[str]:
    """Return whose spec an edit changes."""
    before, after = specs(folder), specs(folder, **texts)  # type: ignore[arg-type]
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_a_comment_or_another_layout_concerns_nobody(tmp_path: Path) -> None:
    """What was parsed counts."""
    config = "# edited\n" + CONFIG.replace("node: b1", 'node:    "b1"')
    rules = "# edited\n\n" + RULES.replace(" * ", "  *  ")
    assert changed(tmp_path, config=config, rules=rules, key=b"# old\n" + KEY + b"\n") == set()


@pytest.mark.parametrize(
    ("edit", "concerned"),
    [
        ({"config": CONFIG.replace(".251/24]}", ".251/24], priority: 7}")}, {"agent"}),
        ({"key": KEY.replace(b"00", b"77")}, {"agent"}),
        ({"rules": "App=* * * * 53 udp [1] name=web\n" + RULES}, {"agent"}),
        ({"rules": RULES + "App=* * * * 53 udp [1] name=dns\n"}, {"agent", "app:dns"}),
        ({"rules": RULES.replace("[1] name=web", "[1] name=www")}, {"agent", "app:web", "app:www"}),
        ({"config": CONFIG + "tables: {base: 30000}\n"}, {"agent", "app:web", "app:all"}),
        ({"config": CONFIG + "firewall: iptables\n"}, {"agent", "app:web", "app:all"}),
        ({"config": CONFIG.replace("l1.key}", "l1.key, nat: masquerade}")}, {"agent", "app:web", "app:all"}),
        ({"config": CONFIG + "notifications: {j: {journal: true}}\n"}, {"notifier"}),
        (
            {
                "config": CONFIG.replace(
                    "groups:", "groups:\n  2: {device: eth0, link: l1, virtual_ips: [192.168.1.9/24]}"
                )
            },
            {"agent", "app:web", "app:all"},
        ),
    ],
)
def test_whom_an_edit_concerns(tmp_path: Path, edit: dict[str, str | bytes], concerned: set[str]) -> None:
    """The agent by nearly everything, an application by its own definition and what all of them rest on."""
    assert changed(tmp_path, **edit) == concerned


SHARED = CONFIG + "processes: 3\n"


def applications(count: int) -> str:
    """Return a rule file of so many applications."""
    return "".join(f"App=* * * * {number} udp [1] name=app-{number}\n" for number in range(1, count + 1))


def test_applications_share_processes(tmp_path: Path) -> None:
    """So many processes have them all, none has nothing to do, and what is edited concerns the one that has it."""
    rules = applications(30)
    before = specs(tmp_path, SHARED, rules)
    assert {name for name in before if "app" in name} == {"apps:1", "apps:2", "apps:3"}
    assert len([name for name in specs(tmp_path, SHARED, applications(1)) if "app" in name]) == 1

    after = specs(tmp_path, SHARED, rules.replace("[1] name=app-7\n", "[1] name=app-7-b\n"))
    concerned = {name for name in before if before[name] != after[name]}
    assert {"agent"} < concerned
    assert len(concerned) <= 3
    assert before.keys() == after.keys()


def test_how_many_processes_share_is_nothing_to_the_agent(tmp_path: Path) -> None:
    """Its end of the feed takes as many as come."""
    assert "agent" not in changed(tmp_path, config=SHARED)


def test_orders(tmp_path: Path) -> None:
    """Without a request the texts that are handed in count, with one the files do."""
    before = specs(tmp_path)
    texts = brood(tmp_path, Order()).texts
    after = specs(tmp_path, rules=RULES + "App=* * * * 53 udp [1] name=dns\n")
    assert brood(tmp_path, Order(texts)).specs == before
    assert brood(tmp_path, Order(texts, {"source": "files"})).specs == after


NOTHING = "holds no secret: it is one line, and not empty; put the password, or the token, in it and nothing else"
MAIL = """\
notifications:
  m:
    email: {server: mail.example.org, from: a@example.org, to: [b@example.org], user: u, password_file: secret}
"""


def test_another_password_concerns_the_notifier_alone(tmp_path: Path) -> None:
    """As does another notification; its password is part of what is in force."""
    (tmp_path / "secret").write_text("one\n")
    (tmp_path / "secret").chmod(0o600)
    before = specs(tmp_path, config=CONFIG + MAIL)
    texts = brood(tmp_path, Order()).texts
    (tmp_path / "secret").write_text("two\n")
    after = brood(tmp_path, Order()).specs
    assert {name for name in after if before[name] != after[name]} == {"notifier"}
    (tmp_path / "secret").unlink()
    assert brood(tmp_path, Order(texts)).specs == before


@pytest.mark.parametrize(
    ("content", "mode", "error"),
    [
        (None, 0o600, "secret: No such file or directory; notification m needs it"),
        (b"x", 0o604, "secret: can be read or written by everybody; chmod o= it"),
        (
            b"\xff",
            0o600,
            f"secret: {NO_TEXT.what}; {NO_TEXT.remedy}",
        ),
        (b"\n", 0o600, f"secret: {NOTHING}"),
        (b"one\ntwo\n", 0o600, f"secret: {NOTHING}"),
    ],
)
def test_a_password_as_carefully_as_a_key(tmp_path: Path, content: bytes | None, mode: int, error: str) -> None:
    """Missing, readable by everybody, or no text: refused with its name and what to do."""
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
        (tmp_path / "secret").chmod(mode)
    with pytest.raises(RefusedError) as refused:
        specs(tmp_path, config=CONFIG + MAIL)
    assert [line.removeprefix(f"{tmp_path}/") for line in refused.value.args] == [error]


def test_a_password_that_its_group_may_read_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And taken."""
    (tmp_path / "secret").write_text("one\n")
    (tmp_path / "secret").chmod(0o640)
    specs(tmp_path, config=CONFIG + MAIL)
    assert "secret: can be read or written by its group" in capsys.readouterr().err


STATIC = CONFIG.replace(
    "groups:", "groups:\n  9: {mode: static, device: eth7, gateway: 203.0.113.1, gateway6: fe80::9}"
)


@pytest.mark.parametrize(
    ("config", "concerned"),
    [
        (STATIC.replace("fe80::9}", "fe80::8}"), {"agent", "checker"}),
        (STATIC.replace("fe80::9}", "fe80::9, probe6: false}"), {"agent", "checker"}),
        (STATIC.replace("fe80::9}", "fe80::9, interval: 2s}"), {"checker"}),
        (STATIC.replace("l1.key}", "l1.key, peer6: fe80::2}"), {"agent", "checker"}),
        (STATIC.replace("l1.key}", "l1.key, probe: {misses: 9}}"), {"agent"}),
        (STATIC.replace(", gateway6: fe80::9", ""), {"agent", "checker", "app:web", "app:all"}),
    ],
)
def test_far_ends_over_ipv6_concern_who_asks_them_and_who_leads_there(
    tmp_path: Path, config: str, concerned: set[str]
) -> None:
    """How often a gateway is asked is the checker's alone."""
    before, after = specs(tmp_path, STATIC), specs(tmp_path, config)
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == concerned


def test_a_link_with_a_far_end_over_ipv6_needs_a_checker(tmp_path: Path) -> None:
    """Unless it is not to be asked."""
    six = CONFIG.replace("l1.key}", "l1.key, peer6: fe80::2}")
    assert "checker" in specs(tmp_path, six)
    assert "checker" not in specs(tmp_path, six.replace("fe80::2}", "fe80::2, probe6: false}"))


def test_plug_ins_need_somebody_to_ask_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checker, which is another one when other plug-ins are asked."""
    with installed(tmp_path / "installed", monkeypatch, "trip = strange:Trip\nnight = strange:Night"):
        found = [
            specs(tmp_path, CONFIG.replace("l1.key}", f"l1.key, weight: {{function: {words}}}}}")).get("checker")
            for words in (
                "latency",
                "trip",
                "trip, plugins: {trip: {does: sleep}}",
                "night, plugins: {night: {zone: x}}",
            )
        ]

    assert found[0] is None
    assert found[1] == found[2] != found[3]
    assert found[3] is not None


NAMED = "Set=@saas saas.example.com\nApp=@saas 10.0.0.0/8 * * * * [1] name=saas\nApp=* * * * * * [1] name=all\n"


@pytest.mark.parametrize(
    ("rules", "concerned"),
    [
        # The names are the same ones, and are looked into for addresses of another family.
        (NAMED.replace("10.0.0.0/8", "2001:db8::/32"), {"agent", "resolver"}),
        ("App=@saas 2001:db8::/32 * * * * [1] name=saas\n" + NAMED, {"agent", "resolver"}),
        # It tells people which names a set has.
        (NAMED.replace("@saas", "@cloud"), {"resolver"}),
        (NAMED.replace("10.0.0.0/8 * * *", "10.0.0.0/8 * * 443").replace("* [1] name=s", "tcp [1] name=s"), {"agent"}),
        (NAMED.replace("saas.example.com", "saas.example.com  # by contract"), set()),
    ],
)
def test_who_asks_for_names_knows_which_sets_are_filled(tmp_path: Path, rules: str, concerned: set[str]) -> None:
    """A set that it does not know of would keep for ever the addresses that were known when it was loaded."""
    before, after = specs(tmp_path, rules=NAMED), specs(tmp_path, rules=rules)
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == concerned

"""Tests of `linkbalancer check`."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from linkbalancer.cli import check
from linkbalancer.cli.main import main

CONF = Path(__file__).parents[2] / "conf"
OF_OTHERS = {"grafana", "prometheus"}
"""What is in these is not for us to read: tests/daemon/test_metrics.py has its programs check it."""
CONFIG = """\
node: b1
role: controller
links:
  l1: {device: eth1, local: 10.1.0.1, peer: 10.1.0.2, key_file: l1.key}
groups:
  1: {device: eth0, link: l1, virtual_ips: [192.168.1.251/24]}
applications: apps.conf
"""
STOPS = (
    "  if every link is dead (on_probe_loss: stop): this gateway leaves VID 1, whose virtual IPs it answers for no more"
)
RULES = "App=* * * * 443 tcp [1] name=web\n"


@pytest.fixture
def gateway(tmp_path: Path) -> Path:
    """A folder with a good configuration, its rules and its key."""
    (tmp_path / "linkbalancer.yaml").write_text(CONFIG)
    (tmp_path / "apps.conf").write_text(RULES)
    (tmp_path / "l1.key").write_text("1 00112233445566778899aabbccddeeff\n")
    (tmp_path / "l1.key").chmod(0o600)
    return tmp_path


@pytest.mark.parametrize(
    "path",
    sorted(path for path in CONF.rglob("*") if path.is_file() and path.parent.name not in OF_OTHERS),
    ids=str,
)
def test_every_file_that_comes_with_the_product_is_good(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each by itself: exit 0 and one line that says so."""
    assert main(["check", str(path)]) == 0
    assert f"{path}: good: " in capsys.readouterr().out


def test_a_good_gateway_is_summed_up(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is in it, in one line, what its `on_probe_loss` means, and nothing else."""
    file = gateway / "linkbalancer.yaml"

    assert main(["check", str(file)]) == 0
    assert capsys.readouterr() == (f"{file}: good: 1 link, 1 VID, 1 application\n{STOPS}\n", "")


def test_what_becomes_of_each_vid_without_a_link_is_said(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By value, in words and in JSON; a VID without a link of its own has nothing to say."""
    links = (
        "  l2: {device: eth2, local: 10.2.0.1, peer: 10.2.0.2, key_file: l1.key, on_probe_loss: demote}\ngroups:\n"
        "  9: {device: eth0, virtual_ips: [192.168.1.9/24], mode: observe}\n"
    )
    groups = "".join(
        f"  {vid}: {{device: eth0, link: l2, virtual_ips: [192.168.1.{vid}/24]}}\n" for vid in range(10, 18)
    )
    (gateway / "linkbalancer.yaml").write_text(CONFIG.replace("groups:\n", links + groups))
    words = "this gateway stays in VID 10, 11, 12, 13, 14, 15 and 2 more, and tells hosts that there is no way"

    assert main(["check", str(gateway / "linkbalancer.yaml")]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        STOPS,
        f"  if every link is dead (on_probe_loss: demote): {words}",
    ]
    assert main(["check", "--json", str(gateway / "linkbalancer.yaml")]) == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert file["all_links_dead"] == {"stop": ["1"], "demote": [str(vid) for vid in range(10, 18)]}


def test_what_a_link_asks_of_others_is_said(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Below the summary and what dead links mean, and it refuses nothing."""
    file = gateway / "linkbalancer.yaml"
    file.write_text(CONFIG.replace("peer: 10.1.0.2", "peer: 10.9.0.2, via: 10.1.0.254"))

    assert main(["check", str(file)]) == 0
    summary, dark, note = capsys.readouterr().out.splitlines()
    assert summary == f"{file}: good: 1 link, 1 VID, 1 application"
    assert dark.startswith("  if every link is dead (on_probe_loss: stop): ")
    assert note.startswith(f"{file}: link l1: every router from 10.1.0.254 on must route 192.168.1.0/24 to 10.1.0.1, ")
    assert main(["check", "--json", str(file)]) == 0
    (found,) = json.loads(capsys.readouterr().out)["files"]
    assert [f"{file}: {one}" for one in found["notes"]] == [note]


def test_a_directory_means_all_files_below(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Gateways, rule files and the lab's topology, each once."""
    (gateway / "topology.yaml").write_text("lans: {near: 192.168.1.0/24}\ngateways: {b1: {eth0: 192.168.1.1/24}}\n")

    assert main(["check", str(gateway), str(gateway / "apps.conf")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{gateway}/apps.conf: good: 1 rule, 1 application",
        f"{gateway}/linkbalancer.yaml: good: 1 link, 1 VID, 1 application",
        STOPS,
        f"{gateway}/topology.yaml: good: 1 LAN, 1 gateway, 0 hosts",
    ]


def test_all_errors_are_on_standard_error_with_their_places(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1; each once, though the rule file is read for the gateway and by itself."""
    (gateway / "linkbalancer.yaml").write_text(CONFIG.replace("role", "roll").replace(": apps", ": ./apps"))
    (gateway / "apps.conf").write_text(RULES.replace("443", "htps"))
    (gateway / "topology.yaml").write_text("lan: {}\nlans: {}\ngateways: {}\n")

    assert main(["check", str(gateway)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.removeprefix(f"{gateway}/").split("; ")[0] for line in err.splitlines()] == [
        "apps.conf:1:13: 'htps' is no port",
        "linkbalancer.yaml:1:1: the key role is missing",
        "linkbalancer.yaml:2:1: the key roll is not known",
        "topology.yaml:1:1: the key lan is not known",
    ]


def test_warnings_refuse_nothing(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are on standard error, named as such."""
    (gateway / "apps.conf").write_text(RULES + RULES)

    assert main(["check", str(gateway / "apps.conf")]) == 0
    assert capsys.readouterr().err == (
        f"{gateway}/apps.conf:2:1: warning: never matches: line 1 selects the same packets; remove one of the two\n"
    )


@pytest.mark.parametrize(
    ("text", "mode", "warning"),
    [
        (None, 0o600, "is missing; put `1 HEX` in it (HEX: 16 random bytes or more)"),
        (b"1 00112233445566778899aabbccddeeff\n", 0o640, "can be read or written by its group; chgrp linkbalancer it"),
        (b"1 0011\n", 0o600, "holds no key: "),
        (b"1 secretsecretsecret\n", 0o600, "holds no key: line 1: the secret is not hexadecimal"),
        (b"1 \xff\n", 0o600, "holds other characters than a key's"),
    ],
)
def test_a_keys_state_is_a_warning(
    gateway: Path, capsys: pytest.CaptureFixture[str], text: bytes | None, mode: int, warning: str
) -> None:
    """Keys are kept elsewhere, so a configuration is good without; but it is said."""
    key = gateway / "l1.key"
    if text is None:
        key.unlink()
    else:
        key.write_bytes(text)
        key.chmod(mode)

    assert main(["check", str(gateway / "linkbalancer.yaml")]) == 0
    err = capsys.readouterr().err
    assert f"linkbalancer.yaml:4:65: warning: the key file {key} {warning}" in err
    assert "00112233" not in err
    assert "secretsecret" not in err


def test_a_key_that_everybody_may_read_is_refused(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the daemon refuses it, in the same words."""
    (gateway / "l1.key").chmod(0o604)

    assert main(["check", str(gateway / "linkbalancer.yaml")]) == 1
    assert f":4:65: the key file {gateway}/l1.key can be read or written by everybody; chmod o= it\n" in (
        capsys.readouterr().err
    )


def test_a_key_file_that_is_a_folder_is_named_so(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The host's own words for what cannot be read."""
    (gateway / "l1.key").unlink()
    (gateway / "l1.key").mkdir()

    assert main(["check", str(gateway / "linkbalancer.yaml")]) == 0
    assert "cannot be read: Is a directory; put" in capsys.readouterr().err


def test_json_has_every_finding(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One document with a verdict for each file."""
    (gateway / "apps.conf").write_text("x\n" + RULES)

    assert main(["check", "--json", str(gateway)]) == 1
    answer = json.loads(capsys.readouterr().out)
    rules, config = answer["files"]
    assert answer["good"] is rules["good"] is config["good"] is False
    assert rules["errors"] == [
        {
            "file": f"{gateway}/apps.conf",
            "line": 1,
            "column": 1,
            "what": "the line is no rule",
            "remedy": "start it with App= or Set=, or make it a comment with #",
        }
    ]
    assert (rules["rules"], rules["applications"], rules["warnings"]) == (1, 1, [])


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("nowhere.yaml", "cannot read {0}/nowhere.yaml: No such file or directory"),
        ("nowhere.conf", "cannot read {0}/nowhere.conf: No such file or directory"),
        ("empty", "there is no linkbalancer.yaml and no rule file (*.conf) in {0}/empty"),
        ("notes.txt", "{0}/notes.txt is neither a configuration (*.yaml) nor a rule file (*.conf)"),
        ("nowhere", "cannot read {0}/nowhere: No such file or directory"),
    ],
)
def test_what_is_not_there_cannot_be_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, error: str
) -> None:
    """Exit 2, and one sentence."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("")

    assert main(["check", str(tmp_path / name)]) == 2
    assert capsys.readouterr().err == f"linkbalancer: {error.format(tmp_path)}\n"


def test_a_mistake_of_our_own_is_not_called_a_missing_file(gateway: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A LookupError anywhere is a bug, and looks like one."""

    def stumble(*_args: object) -> None:
        raise KeyError("links")

    monkeypatch.setattr(check, "load", stumble)
    with pytest.raises(KeyError):
        main(["check", str(gateway / "linkbalancer.yaml")])


@pytest.mark.parametrize("path", ["l1.key", "apps.conf"])
def test_a_path_that_no_file_can_have_is_refused(gateway: Path, capsys: pytest.CaptureFixture[str], path: str) -> None:
    """Half a character is an error with its place, not a stumble."""
    file = gateway / "linkbalancer.yaml"
    file.write_text(CONFIG.replace(path, '"\\ud800"'))

    assert main(["check", str(file)]) == 1
    assert "the path '\\ud800' cannot be; write" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the error itself does not say which one it is."""
    (tmp_path / "linkbalancer.yaml").symlink_to("/proc/self/mem")

    assert main(["check", str(tmp_path / "linkbalancer.yaml")]) == 2
    assert capsys.readouterr().err == f"linkbalancer: cannot read {tmp_path}/linkbalancer.yaml: Input/output error\n"


def test_a_name_that_is_no_text_can_be_told(tmp_path: Path) -> None:
    """A file's name may be any bytes."""
    file = tmp_path / "b\udcffd.conf"
    file.write_text(RULES)
    words = [sys.executable, "-m", "linkbalancer", "check", str(file)]
    done = subprocess.run(words, cwd=CONF.parent, capture_output=True, check=False)

    assert done.returncode == 0
    assert done.stdout == f"{tmp_path}/b\\udcffd.conf: good: 1 rule, 1 application\n".encode()


def test_something_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    """No path, nothing to check."""
    assert main(["check"]) == 2
    assert "name a linkbalancer.yaml, a rule file or a directory to check" in capsys.readouterr().err


def test_the_schema_is_for_editors(capsys: pytest.CaptureFixture[str]) -> None:
    """It is printed alone, as JSON."""
    assert main(["check", "--schema"]) == 0
    assert "groups" in json.loads(capsys.readouterr().out)["properties"]


def a_site(folder: Path, weight: str) -> Path:
    """Return a folder with the gateways of the example, one of which weighs its link."""
    site = folder / "site"
    shutil.copytree(CONF / "examples" / "two-links", site)
    near = site / "b1" / "linkbalancer.yaml"
    near.write_text(near.read_text().replace("    on_probe_loss:", f"    weight: {weight}\n    on_probe_loss:"))
    return site


def test_gateways_of_a_site_are_held_against_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A weight on one link alone competes with the fixed priority of the other; it is a warning at the near end."""
    assert main(["check", str(a_site(tmp_path, "latency"))]) == 0

    told = [line for line in capsys.readouterr().err.splitlines() if "fixed" in line]
    assert [line.split(": ")[1:3] for line in told] == [["warning", "VID 1"], ["warning", "VID 2"]]
    assert all("/b1/linkbalancer.yaml:17:5: " in line for line in told)


def test_versions_of_one_gateway_are_no_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with old copies beside the new one."""
    site = a_site(tmp_path, "latency")
    shutil.copytree(site / "b1", site / "b1-old")

    assert main(["check", str(site)]) == 0
    assert "fixed" not in capsys.readouterr().err


def test_host_names_are_counted_and_nobody_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether they exist, only a running daemon knows."""
    rules = tmp_path / "apps.conf"
    rules.write_text("Set=@saas a.example b.example\nApp=* @saas * * * * [1] name=saas\n")
    assert main(["check", str(rules)]) == 0
    assert "1 rule, 1 application, 2 host names" in capsys.readouterr().out

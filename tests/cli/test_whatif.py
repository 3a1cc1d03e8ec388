"""`linkbalancer whatif`."""

import json
import re
import shutil
from pathlib import Path

import pytest

from linkbalancer.cli.main import main
from tests.cli.terminal import Terminal
from tests.engine.foresight.sites import ALONE, ALONE_RULES
from tests.lab.example import EXAMPLE, varied

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "whatif.md"


def alone(folder: Path) -> Path:
    """Write the files of a gateway with two providers, and return its folder."""
    (folder / "linkbalancer.yaml").write_text(ALONE)
    (folder / "apps.conf").write_text(ALONE_RULES)
    return folder


def test_a_directory_that_survives_every_single_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict comes first, then what is now, then failures with the worst first, those alike together."""
    assert main(["whatif", str(EXAMPLE)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "two-links: gateways 4, links 2, applications 4; 10 things that can fail, 45 pairs of them"
    assert lines[1] == "Every application survives every single failure."
    assert "3    b1           f1          l1    backup" in lines
    worst = lines.index("A:")
    assert lines[worst + 1 : worst + 6] == [
        "   fails: leg b1/eth0",
        "   nowhere to go: none",
        "   what then: VID 1: Master b2 near and f2 far, over l2",
        "              VID 3: nobody answers for its virtual IPs near and far",
        "              backup: to VID 1 (l2)",
    ]
    assert "- any of A, B, C, D with any of E: nowhere to go for all 4 applications" in lines
    assert "- the other 20 of 45 pairs take away no more than either does alone" in lines
    assert "- b1: priority 100 (VID 2), 150 (VID 1): the far side's election decides, and the near one follows it" in [
        line.replace("150 (VID 1), 100 (VID 2)", "100 (VID 2), 150 (VID 1)") for line in lines
    ]
    assert "- VID 2 in the list of voip, rest: it is never needed" in lines


def test_an_application_that_one_failure_strands_fails_the_pipeline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, with the failures by name; unless each of them is accepted."""
    target = varied(tmp_path / "site", "apps.conf", "[3 1]", "[3]")
    assert main(["whatif", str(target)]) == 1
    out = capsys.readouterr().out
    assert "Applications have nowhere to go after: link l1, gateway b1, gateway f1, leg b1/eth0, leg f1/eth0.\n" in out
    accepted = ["link:l1", "gateway:b1", "gateway:f1", "leg:b1/eth0", "leg:f1/eth0"]
    words = [word for one in accepted for word in ("--accept", one)]
    assert main(["whatif", str(target), *words]) == 0
    out = capsys.readouterr().out
    assert "Every application survives every single failure (accepted: link l1, gateway b1, gateway f1" in out
    assert "fails: link l1 (accepted)" in out
    assert main(["whatif", str(target), *words[2:]]) == 1
    assert "after: link l1.\n" in capsys.readouterr().out


def test_what_is_lost_while_nothing_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Said as that, whatever is accepted."""
    target = varied(tmp_path / "site", "apps.conf", "[3 1]", "[3]")
    file = target / "f1" / "linkbalancer.yaml"
    text = file.read_text()
    begin = text.index("  3: {")
    end = text.index("\n", begin)
    observed = "  3: {device: eth0, mode: observe, virtual_ips: [192.168.2.253/24], advert_interval: 200ms}"
    file.write_text(text[:begin] + observed + text[end:])
    assert main(["whatif", str(target)]) == 1
    out = capsys.readouterr().out
    assert "An application has nowhere to go even while nothing fails: backup." in out
    assert "3    b1           nobody" in out


def test_what_happens_if_i_pull_this_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Every VID and every application, the worst first."""
    assert main(["whatif", str(EXAMPLE), "--fail", "link:l1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "two-links, with link l1 failed: every application has somewhere to go"
    assert "1    b2           f2          l2       moved" in lines
    assert "2    b2           f2          l2" in lines
    assert "3    b1           f1          no link  does not work" in lines
    assert "backup       VID 1 (l2)  VID 3 (l1)           moved" in lines
    assert main(["whatif", str(EXAMPLE), "--fail", "b1", "--fail", "l2"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("two-links, with gateway b1 and link l2 failed: nowhere to go: all 4\n")
    assert "virtual IPs unanswered" in out
    assert "web          nowhere  VID 2 (l2)           nowhere to go" in out


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    """Schema 1: a survey, or certain failures."""
    assert main(["whatif", str(EXAMPLE), "--json"]) == 0
    survey = json.loads(capsys.readouterr().out)
    assert (survey["schema"], survey["good"], survey["counted"]) == (1, True, {"single": 10, "double": 45})
    assert main(["whatif", str(EXAMPLE), "--json", "--fail", "leg:f1/eth0"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert one["failed"] == ["leg:f1/eth0"]
    assert one["outcome"]["masters"]["near"] == {"1": "b2", "2": "b2", "3": "b1"}


def test_one_file_says_what_it_must_assume(capsys: pytest.CaptureFixture[str]) -> None:
    """What others would take over is not known, and not known is not good."""
    assert main(["whatif", str(EXAMPLE / "b1" / "linkbalancer.yaml")]) == 1
    out = capsys.readouterr().out
    assert "It is not known where applications go after: link l1, gateway b1, gateway peer-of-l1" in out
    assert "- peer-of-l1 has no file here" in out
    assert "VID 1, 2, 3: not known: gateways whose files are missing may take it over" in out
    assert "nowhere to go: all 4 (not known)" in out
    assert "Can never matter" not in out
    assert main(["whatif", str(EXAMPLE / "b1"), "--fail", "link:l1"]) == 1
    out = capsys.readouterr().out
    assert "not known where to go: all 4\n" in out
    assert "Assumed, for files are missing" in out


def test_two_providers_at_one_gateway(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Plain gateways have no Masters; what the gateway itself takes away can be accepted."""
    target = alone(tmp_path)
    assert main(["whatif", str(target)]) == 1
    out = capsys.readouterr().out
    assert "Applications have nowhere to go after: gateway gw, leg gw/eth0, leg gw/wan2, upstream 192.0.2.1." in out
    assert "web          VID 1 (203.0.113.1)" in out
    assert "VID  over" not in out
    assert "what then: no way is left" in out
    assert main(["whatif", str(target), "--fail", "upstream:203.0.113.1"]) == 0
    out = capsys.readouterr().out
    assert "web          VID 2 (192.0.2.1)  VID 1 (203.0.113.1)  moved" in out


def test_without_a_rule_file_each_vid_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two plain VRRP routers: one survives the other; of equal ones nobody knows which is Master."""
    text = "node: r1\nrole: standalone\ngroups:\n  7: {device: eth0, virtual_ips: [192.0.2.1/24]}\n"
    for name in ("r1", "r2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "linkbalancer.yaml").write_text(text.replace("r1", name))
    assert main(["whatif", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "7    r1 or r2     the main table  VID 7" in out
    assert "- VID 7: r1 and r2 have one priority: who is Master first stays it" in out
    assert main(["whatif", str(tmp_path), "--fail", "gateway:r1"]) == 0
    assert "VID 7        VID 7 (main table)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--fail", "link:l7"], "nothing here is called link:l7; did you mean link:l"),
        (["--accept", "x"], "nothing here is called x; use one of: link:l1, link:l2, gateway:b1"),
    ],
)
def test_what_is_not_there_cannot_fail(words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, and the likely word."""
    assert main(["whatif", str(EXAMPLE), *words]) == 2
    assert complaint in capsys.readouterr().err


def test_what_is_accepted_is_no_question_of_certain_failures(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, rather than an option without a meaning."""
    assert main(["whatif", str(EXAMPLE), "--fail", "l1", "--accept", "l1"]) == 2
    assert "name one of the two" in capsys.readouterr().err


def test_what_cannot_be_read_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2: no file, no gateway, errors in several files at once, files that do not fit together."""
    assert main(["whatif", str(tmp_path / "nothing.yaml")]) == 2
    assert "nothing.yaml: No such file" in capsys.readouterr().err
    assert main(["whatif", "--run-dir", str(tmp_path)]) == 2
    assert "cannot read /etc/linkbalancer/linkbalancer.yaml" in capsys.readouterr().err
    assert main(["whatif", str(tmp_path)]) == 2
    assert f"there is no linkbalancer.yaml in {tmp_path}, and none in a folder of it" in capsys.readouterr().err

    target = tmp_path / "site"
    shutil.copytree(EXAMPLE, target)
    for name in ("b1", "f2"):
        file = target / name / "linkbalancer.yaml"
        file.write_text(file.read_text().replace("advert_interval", "advert_intervall"))
    assert main(["whatif", str(target)]) == 2
    err = capsys.readouterr().err
    assert "b1/linkbalancer.yaml:" in err
    assert "f2/linkbalancer.yaml:" in err
    assert "did you mean advert_interval?" in err


def test_files_that_do_not_fit_together_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other rules, one name twice, links with one controller too many."""
    rules = varied(tmp_path / "rules", "f2/linkbalancer.yaml", "../apps.conf", "apps.conf")
    (rules / "f2" / "apps.conf").write_text("App=* * * * * * [1] name=rest\n")
    assert main(["whatif", str(rules)]) == 2
    assert "differ; all gateways must have the same" in capsys.readouterr().err
    twice = varied(tmp_path / "twice", "b2/linkbalancer.yaml", "node: b2", "node: b1")
    assert main(["whatif", str(twice)]) == 2
    assert "are both of gateway b1; give each gateway its own name" in capsys.readouterr().err
    roles = varied(tmp_path / "roles", "f1/linkbalancer.yaml", "role: controlled", "role: controller")
    assert main(["whatif", str(roles)]) == 2
    assert "link l1: b1 and f1 are both controller; one end must be the controller" in capsys.readouterr().err


def test_the_document_shows_what_is_answered(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every answer in docs/whatif.md is the program's own."""
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```console\n\$ linkbalancer (whatif [^\n>]*)\n(.+?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(blocks) == 2
    for command, answer in blocks:
        assert main(command.split()) == 0
        assert capsys.readouterr().out == answer


def test_the_document_names_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    """Of both documents, and of an outcome; and no others."""
    table, outcomes = DOCUMENT.read_text().partition("## The JSON document")[2].split("An outcome:")
    assert main(["whatif", str(EXAMPLE), "--json"]) == 0
    survey = json.loads(capsys.readouterr().out)
    assert main(["whatif", str(EXAMPLE), "--json", "--fail", "l1"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert named(table) == survey.keys() | one.keys()
    assert named(outcomes) == survey["healthy"].keys() == one["outcome"].keys()
    assert survey["double"][0].keys() == {"failures", *named(outcomes)}
    inner = set(re.findall("`([a-z]+)`", next(line for line in table.splitlines() if line.startswith("| `idle`"))))
    keys = {key for some in survey["idle"].values() for entry in some for key in entry}
    assert keys | survey["idle"].keys() | {"idle"} <= inner


def named(table: str) -> set[str]:
    """Return the keys in the first column of a table."""
    cells = re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
    return {key for cell in cells for key in re.findall("`([a-z]+)`", cell)}


def test_a_terminal_has_tables() -> None:
    """As wide as it is, worst first, without a word being lost."""
    with_terminal = Terminal("whatif", str(EXAMPLE), NO_COLOR="1", COLUMNS="80")
    with_terminal.expect("every single failure.")
    table = with_terminal.expect("never needed")
    assert "what then" in table
    assert "leg b1/eth0" in table
    assert "─────" in table
    assert with_terminal.process.wait(20) == 0


def test_ipv6_that_is_refused_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In words and as JSON; it is no failure, and no application without IPv6 packets is named."""
    target = varied(tmp_path / "site", "apps.conf", "App=*        *            0xb8", "App=10.0.0.0/8 *          0xb8")
    for name in ("b2", "f2"):
        file = target / name / "linkbalancer.yaml"
        file.write_text(file.read_text().replace("    key_file:", '    peer6: "fe80::9"\n    key_file:'))
    for name in ("b1", "f1"):
        file = target / name / "linkbalancer.yaml"
        file.write_text(file.read_text() + "steer_ipv6: true\n")
    assert main(["whatif", str(target), "--fail", "link:l2"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^web +VID 2 \(l1, no IPv6\) +VID 2 \(l2\) +moved$", out, re.MULTILINE)
    title, _, refused = out.partition("(programs go on over IPv4):\n")
    assert title.endswith("IPv6 is refused, for the way has no peer6 or gateway6 ")
    assert refused == "- web: by VID 2\n- backup: by VID 3\n- rest: by VID 1\n"
    assert main(["whatif", str(target), "--json"]) == 0
    survey = json.loads(capsys.readouterr().out)
    assert survey["healthy"]["refused"] == {"backup": [3], "rest": [1]}
    assert survey["healthy"]["applications"]["web"]["near"] == [{"vid": 2, "link": "l2", "ipv6": "carried"}]
    assert survey["healthy"]["applications"]["voip"]["near"] == [{"vid": 1, "link": "l1"}]


def test_several_places_are_one_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The far side's files may be elsewhere: with them nothing is assumed; without, it is said what, and what to do."""
    for name in ("near", "far"):
        (tmp_path / name).mkdir()
        shutil.copy(EXAMPLE / "apps.conf", tmp_path / name)
    for node in ("b1", "b2", "f1", "f2"):
        shutil.copytree(EXAMPLE / node, tmp_path / ("near" if node[0] == "b" else "far") / node)
    assert main(["whatif", str(EXAMPLE), "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert main(["whatif", str(tmp_path / "near"), str(tmp_path / "far"), "--json"]) == 0
    apart = json.loads(capsys.readouterr().out)
    assert apart["name"] == "near and far"
    assert {**apart, "name": "two-links", "gateways": sorted(apart["gateways"])} == whole
    assert main(["whatif", str(tmp_path / "near")]) == 0
    out = capsys.readouterr().out
    assert "- peer-of-l1 has no file here: it is taken for the mirror of b1" in out
    assert "name its file, or its directory, as well if you have it" in out
    both = [str(tmp_path / "near" / "b1"), str(tmp_path / "far" / "f1" / "linkbalancer.yaml")]
    assert main(["whatif", *both, "--fail", "l1"]) == 1
    assert capsys.readouterr().out.startswith("b1 and f1, with link l1 failed: ")
    assert main(["whatif", str(tmp_path / "near"), str(tmp_path / "nobody")]) == 2
    assert "nobody" in capsys.readouterr().err

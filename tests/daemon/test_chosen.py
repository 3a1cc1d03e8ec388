"""Tests of the choice of a configuration, at starts and reloads, with real files and a real store."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.daemon import configurations as store
from linkbalancer.daemon.chosen import choose
from linkbalancer.daemon.configurations import Configurations, NotKeptError
from linkbalancer.daemon.judge import judge
from linkbalancer.daemon.scope import Chosen, Moment, Scope
from linkbalancer.daemon.zygote import RefusedError

CONFIG = """\
node: b1
role: controller
links:
  l1: {device: eth1, local: 10.1.0.1, peer: 10.1.0.2, key_file: l1.key}
groups:
  1: {device: eth0, link: l1, virtual_ips: [192.168.1.251/24]}
applications: apps.conf
"""
RULES = "App=* * * * * * [1] name=all\n"
WEB = "App=* * * * 443 tcp [1] name=web\n"
FAULTY = "App=* * * * 443 tcp [9] name=web\n"
KEY = "1 00112233445566778899aabbccddeeff\n"


class Site:
    """A directory with a configuration, its store, and a clock."""

    def __init__(self, directory: Path) -> None:
        """Write the files."""
        self.directory = directory
        self.path = str(directory / "linkbalancer.yaml")
        self.now, self.boot = 100 * SECOND, "boot-1"
        self.kept = Configurations(directory / "state")
        self.write("linkbalancer.yaml", CONFIG)
        self.write("apps.conf", RULES)
        self.write("l1.key", KEY)
        self.scope = Scope(self.path, self.kept, partial(judge, self.path), self.moment)

    def moment(self) -> Moment:
        """Return the present moment."""
        return Moment(self.now, self.boot, 1e9)

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        (self.directory / name).write_text(text)
        (self.directory / name).chmod(0o600)

    def start(self) -> Chosen:
        """Start."""
        return choose(self.scope, None, None)

    def good(self, chosen: Chosen) -> Chosen:
        """Mark what was chosen as the keeper does when it works."""
        self.kept.change(chosen.notice["entry"], state=store.GOOD, until=None)
        return chosen

    def reload(self, chosen: Chosen, **wish: Any) -> Chosen:
        """Ask for a reload of the files, by hand unless said otherwise."""
        plain = {"id": "x", "source": "files", "entry": None, "who": "anna", "how": "apply", "confirm_s": None}
        return choose(self.scope, chosen.bundle(), {**plain, "again": False, **wish})

    def states(self) -> list[str]:
        """Return what is kept."""
        return [entry.state for entry in self.kept.entries()]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site that has not started yet."""
    return Site(tmp_path)


def refusal(call: Callable[[], object]) -> tuple[str, ...]:
    """Return why something is refused."""
    with pytest.raises(RefusedError) as refused:
        call()
    return refused.value.args


def test_the_first_start(site: Site) -> None:
    """The files, kept, and nothing to say."""
    chosen = site.start()

    assert (chosen.notice["entry"], chosen.notice["source"], chosen.notice["lines"]) == (1, "files", [])
    assert site.states() == [store.APPLYING]


def test_another_start_keeps_nothing_new(site: Site) -> None:
    """While the files are what was in force; edited ones are another configuration."""
    site.good(site.start())
    assert site.start().notice["entry"] == 1
    site.write("apps.conf", WEB + RULES)
    chosen = site.start()
    assert chosen.notice["entry"] == 2
    assert site.kept.read(2).facts.difference[0].startswith("application web new")
    assert site.kept.entries()[1].before == 1


def test_bad_files_at_a_start(site: Site) -> None:
    """The newest good configuration is used, with its key, and every error is said."""
    site.good(site.start())
    site.write("apps.conf", FAULTY + "nonsense\n")
    (site.directory / "l1.key").unlink()

    chosen = site.start()

    assert (chosen.notice["entry"], chosen.notice["source"]) == (1, "entry")
    assert [line.partition(": ")[0] for line in chosen.notice["lines"]] == [
        "the files are refused",
        "the files are refused",
        "configuration 1, start by start, is in force",
    ]
    assert set(chosen.judged.loaded.rules.applications) == {"all"}
    assert chosen.judged.keys["l1"][0].id == 1


@pytest.mark.parametrize("gone", ["linkbalancer.yaml", "apps.conf", "l1.key"])
def test_a_file_that_is_gone(site: Site, gone: str) -> None:
    """With a good configuration kept it starts; without one it is refused."""
    (site.directory / gone).rename(site.directory / "away")
    assert gone in refusal(site.start)[0]
    (site.directory / "away").rename(site.directory / gone)
    site.good(site.start())
    (site.directory / gone).unlink()
    assert site.start().notice["source"] == "entry"


def test_another_path_is_another_configuration(site: Site) -> None:
    """What is kept of one never stands in for another."""
    site.good(site.start())
    other = str(site.directory / "other.yaml")
    scope = Scope(other, site.kept, partial(judge, other), site.moment)
    assert "No such file" in refusal(lambda: choose(scope, None, None))[0]


def test_faulty_rule_lines_with_nothing_kept(site: Site) -> None:
    """They alone are left out, loudly; the next start does the same, and a mended file is good again."""
    site.write("apps.conf", FAULTY + RULES)

    for _ in range(2):
        chosen = site.start()
        assert (chosen.notice["source"], chosen.notice["entry"]) == ("quarantine", 1)
        assert "apps.conf:1:" in chosen.notice["lines"][1]
        assert "there is no group for VID 9" in chosen.notice["lines"][1]
        assert site.states() == [store.PARTIAL]
        assert chosen.judged.texts.read(str(site.directory / "apps.conf")).startswith("# left out: App=")
    site.write("apps.conf", RULES)
    assert site.start().notice["lines"] == []


def test_other_errors_with_nothing_kept(site: Site) -> None:
    """Are a refusal; so are faulty rules beside them."""
    site.write("linkbalancer.yaml", CONFIG.replace("controller", "king"))
    site.write("apps.conf", FAULTY)
    assert len(refusal(site.start)) == 2
    assert site.states() == []


def test_a_partial_configuration_is_better_than_none(site: Site) -> None:
    """When the files are worse now."""
    site.write("apps.conf", FAULTY + RULES)
    site.start()
    site.write("linkbalancer.yaml", "nonsense")
    assert site.start().notice["entry"] == 1


def test_a_reload(site: Site) -> None:
    """The files, kept with who and how; the same files again are nothing new."""
    first = site.good(site.start())
    site.write("apps.conf", WEB + RULES)

    chosen = site.good(site.reload(first))

    entry = site.kept.entries()[1]
    assert (entry.number, entry.who, entry.how, entry.before, entry.id) == (2, "anna", "apply", 1, "x")
    assert site.reload(chosen).notice["entry"] == 2
    assert len(site.states()) == 2


def test_a_bad_reload(site: Site) -> None:
    """Every error, nothing kept; also for a key that is gone."""
    first = site.good(site.start())
    site.write("apps.conf", FAULTY + "nonsense\n")
    assert len(refusal(lambda: site.reload(first))) == 2
    site.write("apps.conf", RULES)
    (site.directory / "l1.key").unlink()
    assert "l1.key" in refusal(lambda: site.reload(first))[0]
    assert site.states() == [store.GOOD]


def test_again_is_what_was_in_force(site: Site) -> None:
    """Whatever the files say meanwhile, and with nothing kept anew."""
    first = site.start()
    site.write("apps.conf", "nonsense")
    again = choose(site.scope, first.bundle(), None)
    assert again.notice == first.notice
    assert again.bundle() == first.bundle()
    assert len(site.states()) == 1


def on_trial(site: Site) -> tuple[Chosen, Chosen]:
    """Return what was in force, and what is on trial after it."""
    first = site.good(site.start())
    site.write("apps.conf", WEB + RULES)
    second = site.reload(first, confirm_s=300, open=["l1"])
    return first, second


def test_a_trial_goes_on_after_a_restart(site: Site) -> None:
    """In the same boot, whatever the files say."""
    on_trial(site)
    entry = site.kept.entries()[1]
    assert (entry.until, entry.open, entry.on_trial) == (400 * SECOND, ("l1",), True)
    site.now = 399 * SECOND
    assert (site.start().notice["entry"], site.start().notice["lines"]) == (2, [])
    site.write("apps.conf", RULES)
    assert "awaits its confirmation" in site.start().notice["lines"][0]


@pytest.mark.parametrize(
    ("now", "boot", "why"),
    [(400 * SECOND, "boot-1", "not confirmed in time"), (5 * SECOND, "boot-2", "the host started again before")],
)
def test_a_trial_ends_by_time_or_boot(site: Site, now: int, boot: str, why: str) -> None:
    """What was in force before is used, said; the files of the trial are not used again, edited ones are."""
    on_trial(site)
    site.now, site.boot = now, boot

    chosen = site.start()

    assert (chosen.notice["entry"], site.states()) == (1, [store.GOOD, store.REVERTED])
    assert why in chosen.notice["lines"][0]
    assert site.start().notice["entry"] == 1
    site.write("apps.conf", WEB.replace("443", "80") + RULES)
    assert site.start().notice["entry"] == 3


def test_during_a_trial_nothing_else_is_applied(site: Site) -> None:
    """SIGHUP and apply are refused with the remedy; going back is not."""
    _first, second = on_trial(site)
    for how in ("SIGHUP", "apply"):
        assert "`linkbalancer confirm` it" in refusal(partial(site.reload, second, how=how))[0]
    back = site.reload(second, source="entry", entry=1, how="revert", reason="a link is lost")
    assert (back.notice["entry"], back.notice["lines"]) == (1, ["a link is lost"])
    assert len(site.states()) == 2


def test_what_was_taken_back_is_not_applied_again_by_accident(site: Site) -> None:
    """It takes `again`."""
    first, _second = on_trial(site)
    site.kept.change(2, state=store.REVERTED, reason="a link is lost", until=None)
    for how in ("SIGHUP", "apply"):
        assert "which was taken back: a link is lost" in refusal(partial(site.reload, first, how=how))[0]
    assert site.reload(first, again=True).notice["entry"] == 3


def test_a_rollback(site: Site) -> None:
    """To any entry: a new one with its texts, key included; one that is not there is refused."""
    first = site.good(site.start())
    site.write("l1.key", KEY.replace("1 ", "2 "))
    second = site.good(site.reload(first))

    back = site.good(site.reload(second, source="entry", entry=1, how="rollback"))

    assert (back.notice["entry"], back.judged.keys["l1"][0].id) == (3, 1)
    entry = site.kept.entries()[2]
    assert (entry.how, entry.before) == ("rollback to 1", 2)
    assert site.kept.read(3).facts.difference[0].startswith("link l1: its keys change (numbers 2 -> 1)")
    assert "there is no configuration 9" in refusal(partial(site.reload, back, source="entry", entry=9))[0]
    site.write("apps.conf", "nonsense")
    assert site.start().notice["entry"] == 3


class Full(Configurations):
    """A store on a full disk."""

    def add(self, *_arguments: Any) -> Any:
        """Refuse."""
        raise NotKeptError("state: No space left on device")


def test_a_full_disk(site: Site) -> None:
    """A start goes on and says so; an apply is refused; going back goes on."""
    first = site.good(site.start())
    site.write("apps.conf", WEB + RULES)
    second = site.good(site.reload(first))
    full = Scope(site.path, Full(site.kept.directory), partial(judge, site.path), site.moment)
    site.write("apps.conf", WEB)
    request = {"source": "files", "how": "apply", "who": "anna"}

    lines = refusal(lambda: choose(full, second.bundle(), request))
    assert "No space left on device; make room, then apply it again" in lines[0]
    started = choose(full, None, None)
    assert started.notice["entry"] is None
    assert "could not be kept for a rollback" in started.notice["lines"][0]
    back = choose(full, second.bundle(), {"source": "entry", "entry": 1, "how": "rollback", "who": "anna"})
    assert back.notice["entry"] == 1
    assert "this could not be kept" in back.notice["lines"][0]


def test_what_could_not_be_kept_at_the_start_is_kept_before_it_is_replaced(site: Site) -> None:
    """So that there is something to go back to."""
    full = Scope(site.path, Full(site.directory / "state"), partial(judge, site.path), site.moment)
    first = choose(full, None, None)
    site.write("apps.conf", WEB + RULES)

    second = site.reload(first, confirm_s=60)

    assert (second.notice["entry"], site.kept.entries()[1].before) == (2, 1)
    assert site.states() == [store.GOOD, store.APPLYING]
    site.write("apps.conf", WEB)
    assert (
        "nothing to go back to"
        in refusal(lambda: choose(full, first.bundle(), {"source": "files", "how": "apply", "confirm_s": 60}))[0]
    )


def test_what_never_took_over(site: Site) -> None:
    """Is marked by the next reload; what failed is not tried at a start."""
    first = site.good(site.start())
    site.write("apps.conf", WEB + RULES)
    site.reload(first)
    site.write("apps.conf", WEB)
    site.reload(first)
    assert site.states() == [store.GOOD, store.FAILED, store.APPLYING]
    site.kept.change(3, state=store.FAILED, reason="nft refused it")
    chosen = site.start()
    assert chosen.notice["entry"] == 1
    assert chosen.notice["lines"][0] == (
        "the files are those of configuration 3, which did not come into force: nft refused it"
    )


def test_files_that_were_taken_back_with_nothing_else_kept(site: Site) -> None:
    """Are better than nothing."""
    site.start()
    site.kept.change(1, state=store.REVERTED, reason="why")
    chosen = site.start()
    assert chosen.notice["entry"] == 2
    assert chosen.notice["lines"][-1] == "they are in force all the same: nothing better is kept"


def test_a_kept_configuration_that_is_damaged(site: Site) -> None:
    """The one before it is used, and both are said."""
    site.good(site.start())
    site.write("apps.conf", WEB + RULES)
    site.good(site.start())
    site.write("apps.conf", "nonsense")
    path = site.kept.directory / "000002.json"
    path.write_bytes(path.read_bytes()[:-10])

    chosen = site.start()

    assert chosen.notice["entry"] == 1
    assert "configuration 2 cannot be used any more" in chosen.notice["lines"][1]


def test_edited_between_the_check_and_the_apply(site: Site) -> None:
    """The daemon reads once and judges what it read."""
    first = site.good(site.start())
    site.write("apps.conf", WEB + RULES)
    site.write("apps.conf", "nonsense")
    refusal(lambda: site.reload(first))
    assert site.states() == [store.GOOD]


def test_taking_back_to_a_damaged_configuration(site: Site) -> None:
    """The newest good one that can be read stands in; a rollback by hand is refused."""
    site.good(site.start())
    site.write("apps.conf", WEB)
    second = site.good(site.start())
    site.write("apps.conf", WEB + RULES)
    third = site.reload(second, confirm_s=300)
    path = site.kept.directory / "000002.json"
    path.write_bytes(path.read_bytes()[:-10])
    wish = {"source": "entry", "entry": 2}

    assert site.reload(third, how="revert", **wish).notice["entry"] == 1
    assert "configuration 2 cannot be read" in refusal(lambda: site.reload(third, how="rollback", **wish))[0]
    site.kept.change(1, state=store.FAILED)
    assert "configuration 2 cannot be read" in refusal(lambda: site.reload(third, how="revert", **wish))[0]


def test_a_trial_that_everybody_died_in(site: Site) -> None:
    """Edited files that were about to be on trial are on trial at the start; not in another boot, nor too late."""
    site.good(site.start())
    site.write("apps.conf", WEB + RULES)
    wish = {"until": 400 * SECOND, "confirm_s": 300, "boot": "boot-1", "who": "anna", "id": "mine", "open": ["l1"]}
    for unfit in ({**wish, "boot": "boot-0"}, {**wish, "until": 100 * SECOND}, {**wish, "until": "soon"}, None):
        site.kept.intend(unfit)
        number = site.start().notice["entry"]
        assert not site.kept.entries()[-1].on_trial
        site.kept.change(number, state=store.GOOD)
        site.write("apps.conf", f"# {number}\n{WEB}{RULES}")
    (site.kept.directory / store.INTENT).write_text("[]")
    assert site.kept.intended() == {}
    site.kept.intend(wish)
    site.start()
    entry = site.kept.entries()[-1]
    assert (entry.on_trial, entry.who, entry.until, entry.open) == (True, "anna", 400 * SECOND, ("l1",))


FAR = "App=@file:far.txt * * * 443 tcp [1] name=web\n"


def test_a_changed_set_is_another_configuration(site: Site) -> None:
    """Its file counts as the rule file does: by a reload, in what differs, in what is kept, and for those who ask."""
    site.write("far.txt", "10.1.0.0/16\n")
    site.write("apps.conf", FAR + RULES)
    first = site.good(site.start())
    assert str(site.directory / "far.txt") in first.notice["sums"]
    site.write("far.txt", "10.1.0.0/16\n10.7.0.1\n")

    second = site.good(site.reload(first))

    assert second.notice["entry"] == 2
    found = site.kept.read(2)
    assert list(found.facts.difference) == ["set @file:far.txt: with 10.7.0.1"]
    assert found.public()[str(site.directory / "far.txt")] == "10.1.0.0/16\n10.7.0.1\n"
    assert first.judged.loaded.rules.digest != second.judged.loaded.rules.digest
    back = site.reload(second, source="entry", entry=1, how="rollback")
    assert back.judged.loaded.rules.digest == first.judged.loaded.rules.digest


def test_a_faulty_set(site: Site) -> None:
    """Refuses a reload at its place; at a start with nothing kept its faulty line alone is left out."""
    site.write("far.txt", "10.1.0.0/16\n10.7.0.300\n")
    site.write("apps.conf", FAR + RULES)

    chosen = site.start()
    assert chosen.notice["source"] == "quarantine"
    assert "far.txt:2:1: '10.7.0.300' is no address" in chosen.notice["lines"][1]
    assert set(chosen.judged.loaded.rules.applications) == {"web", "all"}
    assert "far.txt:2:1: '10.7.0.300' is no address" in refusal(lambda: site.reload(chosen))[0]

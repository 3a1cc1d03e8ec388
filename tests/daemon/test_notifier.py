"""The notifier's process, with real receivers that hang, refuse, come late or never: nothing waits for them."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.notices import Notices
from linkbalancer.daemon.recording import WAITING
from linkbalancer.daemon.requests import Request
from tests.daemon.telling import Teller
from tests.daemon.waiting import alive, until
from tests.drivers.notices.servers import Post, Web, free_port, mail_server, web_server

Make = Callable[..., Teller]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return how to have a notifier with some notifications."""
    made: list[Teller] = []

    def start(*lines: str) -> Teller:
        made.append(Teller(tmp_path, *lines).start())
        return made[-1]

    yield start
    for one in made:
        one.close()


def program(directory: Path, body: str) -> Path:
    """Write a program that anybody may run."""
    path = directory / "notify.sh"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    for folder in (directory, *directory.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    return path


def test_a_program_is_told_in_order_as_keepalived_does(make: Make, tmp_path: Path) -> None:
    """TYPE NAME STATE PRIORITY, one at a time; each run is a record with its status, and its words."""
    out = tmp_path / "out"
    out.touch()
    out.chmod(0o666)
    script = program(tmp_path, f'echo "$* $LINKBALANCER_STATE $LINKBALANCER_NODE" >>{out}; echo done; exit 0')
    teller = make(f"p: {{script: [{script}, x], names: {{1: VI_1}}, events: [group, link]}}")
    teller.told("master: claimed", state="master", priority=150)
    teller.told("no carrier", "l1", "link-closed", link="l1")
    teller.told("works: here", kind="verdict")
    teller.told("backup: outbid", "VID 2", state="backup", priority=100)
    teller.flush()
    until(lambda: teller.counts("p").get("delivered") == 3)

    assert out.read_text().splitlines() == [
        "x INSTANCE VI_1 MASTER 150 master b1",
        "x LINK l1 CLOSED 0 closed b1",
        "x INSTANCE 2 BACKUP 100 backup b1",
    ]
    until(lambda: len(teller.notified()) == 3)
    records = teller.notified()
    assert [one.subject for one in records] == ["p"] * 3
    assert records[0].text.startswith("told of VID 1 master: ended with 0: done (")
    assert records[0].follows == {"teller": "agent", "kind": "vid", "subject": "VID 1"}
    assert records[1].fields["link"] == "l1"
    assert records[0].fields["good"] == 1


def test_a_program_that_hangs_is_ended_with_its_children(make: Make, tmp_path: Path) -> None:
    """TERM, then KILL, to all of its group; others are told meanwhile, and it is tried again."""
    pids = tmp_path / "pids"
    pids.touch()
    pids.chmod(0o666)
    script = program(tmp_path, f"trap '' TERM; sleep 60 & echo $$ $! >>{pids}; wait; sleep 60")
    with web_server(web := Web()) as port:
        teller = make(
            f"p: {{script: [{script}], timeout: 300ms, retries: 1, retry_after: 50ms}}",
            f"w: {{webhook: 'http://127.0.0.1:{port}/'}}",
        )
        teller.told("master: claimed")
        teller.flush()
        until(lambda: web.got, what="the other one is told")
        until(lambda: teller.counts("p").get("given_up") == 1, 20)

    first, child = (int(word) for word in pids.read_text().split()[:2])
    until(lambda: not alive(first) and not alive(child))
    records = [one.text for one in teller.notified() if one.subject == "p"]
    assert records[0].startswith("not told of VID 1 master: not done within 300 ms: ended")
    assert records[-1] == "given up after 2 tries: nobody was told of VID 1 master"


def test_a_pipe_without_a_reader_waits_with_the_newest(make: Make, tmp_path: Path) -> None:
    """Who comes late gets how things are, once, and in order; then each change as it comes."""
    path = tmp_path / "pipe"
    teller = make(f"f: {{fifo: {path}, names: {{1: VI_1}}}}")
    for state in ("backup", "master", "backup", "master"):
        teller.told(f"{state}: x", state=state, priority=100)
    teller.told("backup: x", "VID 2", state="backup", priority=50)
    teller.flush()
    until(lambda: teller.counts("f").get("waiting") == 2)
    assert teller.counts("f")["last"]["text"].endswith("nobody reads it")
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    until(lambda: teller.counts("f")["delivered"] == 2)
    teller.told("stays Master: x", kind="rival", state="master", priority=100)
    teller.flush()
    until(lambda: teller.counts("f")["delivered"] == 3)

    assert os.read(reading, 1000).decode().splitlines() == [
        'INSTANCE "VI_1" MASTER 100',
        'INSTANCE "2" BACKUP 50',
        'INSTANCE "VI_1" MASTER_RX_LOWER_PRI 100',
    ]
    assert teller.counts("f")["failed"] == 0
    os.close(reading)


def test_a_mail_server_that_refuses_and_then_takes(make: Make) -> None:
    """Not there, then busy, then good: the mail comes, once, and every try is a record."""
    port, post = free_port(), Post(answers=["451 try later"])
    mail = f"server: 127.0.0.1, port: {port}, security: none, from: a@b.org, to: [c@d.org]"
    teller = make(f"m: {{email: {{{mail}}}, retry_after: 50ms}}")
    teller.told("master: claimed", priority=150)
    teller.flush()
    until(lambda: teller.counts("m").get("failed"))
    with mail_server(post, port=port):
        until(lambda: teller.counts("m")["delivered"] == 1, 20)

    assert len(post.mails) == 1
    assert "Subject: [b1] VID 1 master here: claimed\n" in post.texts[0]
    texts = until(lambda: [one.text for one in teller.notified()][-2:])
    assert "127.0.0.1: Connection refused" in teller.notified()[0].text
    assert "not told of VID 1 master: 451 try later" in texts[0]
    assert "told of VID 1 master: 250 OK: queued as 42" in texts[1]


def test_a_web_server_that_fails_and_then_takes(make: Make) -> None:
    """What failed is tried again, and what came after it comes after it."""
    with web_server(web := Web(statuses=[500, 503])) as port:
        teller = make(f"w: {{webhook: 'http://127.0.0.1:{port}/', retry_after: 50ms, groups: [1]}}")
        teller.told("master: claimed", state="master", priority=150, vid=1)
        teller.told("no carrier", "l1", "link-closed", link="l1")
        teller.told("master: claimed", "VID 2")
        teller.flush()
        until(lambda: len(web.got) == 2)

    assert [(one["topic"], one["subject"], one["state"]) for one in web.got] == [
        ("group", "VID 1", "master"),
        ("link", "l1", "closed"),
    ]
    assert web.got[0]["text"] == "VID 1 master here: claimed"
    assert web.got[0]["fields"] == {"state": "master", "priority": 150, "vid": 1}
    assert teller.counts("w")["failed"] == 2


def test_a_killed_notifier_loses_nothing(make: Make, tmp_path: Path) -> None:
    """What waits is kept, and what happens while nobody listens waits with those who tell."""
    path = tmp_path / "pipe"
    teller = make(f"f: {{fifo: {path}, coalesce: false}}")
    for number in range(20):
        teller.told(f"master: {number}", priority=number + 1)
    teller.flush()
    until(lambda: teller.counts("f").get("waiting") == 20)
    teller.kill()
    teller.told("backup: meanwhile", priority=99)
    teller.flush()
    teller.start()
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    until(lambda: teller.flush() and teller.counts("f").get("delivered") == 21)

    lines = os.read(reading, 4096).decode().splitlines()
    assert lines == [*(f'INSTANCE "1" MASTER {number + 1}' for number in range(20)), 'INSTANCE "1" BACKUP 99']
    os.close(reading)


def test_a_flood_is_bounded(make: Make, tmp_path: Path) -> None:
    """10,000 changes: merged where they may be, dropped and counted where not, and every one accounted for."""
    teller = make(
        f"merged: {{fifo: {tmp_path / 'a'}}}",
        f"kept: {{fifo: {tmp_path / 'b'}, coalesce: false, queue: 100}}",
    )
    total = 10_000
    for number in range(total):
        teller.told(f"master: {number}", f"VID {number % 5}", priority=number % 250)
        if number % 200 == 0:
            teller.flush()
    until(teller.flush, 20)
    lost = teller.recording.untold

    def counted(name: str) -> int:
        now = teller.counts(name)
        return int(now["waiting"] + now["merged"] + now["dropped"]) if now else 0

    until(lambda: counted("merged") == counted("kept") == total - lost, 20)
    assert lost <= total - WAITING
    assert teller.counts("merged")["waiting"] <= 6
    assert teller.counts("merged")["dropped"] == 0
    assert teller.counts("kept")["waiting"] <= 101
    assert teller.process is not None
    assert int(Path(f"/proc/{teller.process.pid}/statm").read_text().split()[1]) < 40_000, "pages of memory"


def test_it_ends_with_the_last_news_told(make: Make, tmp_path: Path) -> None:
    """At the end of the service: that it ends is news; nobody is to wait for it afterwards."""
    out = tmp_path / "out"
    out.touch()
    out.chmod(0o666)
    teller = make(f"p: {{script: [{program(tmp_path, f'sleep 0.3; echo $3 >>{out}')}]}}")
    teller.told("stopped: leaving", state="stop")
    teller.flush()

    assert teller.say("end") == 0
    assert out.read_text() == "STOP\n"
    assert not (teller.run_dir / "notifier.sock").exists()


def test_another_one_goes_on(make: Make, tmp_path: Path) -> None:
    """After an edit: what waits for those who are still told is told; the rest is said to be lost."""
    teller = make(f"f: {{fifo: {tmp_path / 'a'}}}", f"gone: {{fifo: {tmp_path / 'b'}}}")
    teller.told("master: x", priority=7)
    teller.flush()
    until(lambda: teller.counts("gone").get("waiting") == 1)
    teller.configure(f"f: {{fifo: {tmp_path / 'a'}, timeout: 3s}}")
    assert teller.say("renew") == 0
    assert (teller.run_dir / "notifier.sock").exists()
    teller.start()
    reading = os.open(tmp_path / "a", os.O_RDONLY | os.O_NONBLOCK)
    until(lambda: teller.counts("f")["delivered"] == 1)

    assert os.read(reading, 100) == b'INSTANCE "1" MASTER 7\n'
    assert "nobody is told any more" in (tmp_path / "log").read_text()
    os.close(reading)


def ask(teller: Teller, name: str) -> dict[str, object]:
    """Ask for a test as the api does; return the reply."""
    loop, replies = Loop(), list[dict[str, object]]()
    notices = Notices(loop, teller.run_dir)
    request = Request("notify-test", {"name": name}, "anna", lambda _request, data: replies.append(json.loads(data)))
    notices.verbs()["notify-test"].take(loop.clock(), request)
    end = time.monotonic() + 10
    while not replies and time.monotonic() < end:
        loop.turn()
    notices.close()
    return replies[0]


def test_a_test_says_how_it_ended(make: Make) -> None:
    """Beside what waits; who asked is remembered."""
    with web_server(web := Web(statuses=[200, 500])) as port:
        teller = make(f"w: {{webhook: 'http://127.0.0.1:{port}/'}}")
        good = ask(teller, "w")["answer"]
        bad = ask(teller, "w")["answer"]
        unknown = ask(teller, "x")["error"]

    assert isinstance(good, dict)
    assert isinstance(bad, dict)
    assert isinstance(unknown, dict)
    assert (good["good"], good["text"]) == (True, "200 OK")
    assert (bad["good"], bad["text"]) == (False, "500 Internal Server Error: so it is")
    assert unknown["what"] == "there is no notification 'x'"
    assert unknown["remedy"] == "there are: w"
    assert web.got[0]["text"] == "b1 tests this notification: nothing has happened"
    until(lambda: len(teller.notified()) == 2)
    records = teller.notified()
    assert records[0].text.startswith("told of a test by anna: 200 OK")


def test_an_emptied_run_directory(make: Make, tmp_path: Path) -> None:
    """It is found again."""
    teller = make(f"f: {{fifo: {tmp_path / 'a'}}}")
    (teller.run_dir / "notifier.sock").unlink()
    until((teller.run_dir / "notifier.sock").exists)
    teller.told("master: x")
    teller.flush()

    until(lambda: teller.counts("f")["waiting"] == 1)

"""Log lines."""

import os
import time

from linkbalancer.daemon.line import LONGEST, Lines, Stream, render


def test_render_quotes_what_needs_it() -> None:
    """Plain values stand bare; everything else is quoted so that a line is a line."""
    assert render({"a": 1, "b": "two words", "c": 'x"y', "d": "", "e": "new\nline", "f": "k=v"}) == (
        'a=1 b="two words" c="x\\"y" d="" e="new\\nline" f="k=v"'
    )


def test_a_slow_reader_costs_lines_not_time() -> None:
    """With a full pipe lines are dropped at once; the next one that passes says how many."""
    reading, writing = os.pipe()
    stream = Stream(writing, stamped=False)
    before = time.monotonic()
    for _ in range(200):
        stream.write("info", "x" * LONGEST)
    assert stream.dropped > 150
    assert time.monotonic() - before < 10  # it did not wait for ever
    os.read(reading, 1 << 20)
    stream.write("info", "again", process="agent")
    line = os.read(reading, 1 << 20).decode()
    assert line.startswith("level=info event=again process=agent dropped_lines=")
    assert stream.dropped == 0
    os.close(reading)
    stream.write("info", "nobody reads")
    assert stream.dropped == 1
    os.close(writing)


def test_lines_bear_the_time_unless_a_journal_does_it() -> None:
    """UTC with milliseconds comes first."""
    reading, writing = os.pipe()
    Stream(writing, stamped=True).write("info", "hello")
    words = os.read(reading, 1000).decode().split()
    assert time.strptime(words[0], f"time=%Y-%m-%dT%H:%M:%S.{words[0][-4:-1]}Z")
    assert words[1:] == ["level=info", "event=hello"]
    os.close(reading)
    os.close(writing)


def test_lines_of_one_process_say_whose_they_are() -> None:
    """Fields that stand in every line come before a line's own."""
    reading, writing = os.pipe()
    lines = Lines(Stream(writing, stamped=False), process="apps:1")
    lines.info("steers", app="web", vid=1)
    lines.warning("orphaned")
    assert os.read(reading, 1000).decode().splitlines() == [
        "level=info event=steers process=apps:1 app=web vid=1",
        "level=warning event=orphaned process=apps:1",
    ]
    os.close(reading)
    os.close(writing)

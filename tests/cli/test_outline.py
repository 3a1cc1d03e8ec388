"""Tests of what is read off a parser."""

import argparse
from pathlib import Path

from linkbalancer.cli.outline import Kind, outline


def test_options_words_and_deeds() -> None:
    """Flags, arguments, choices, defaults in the help, repetition, groups, and what each place's words name."""
    parser = argparse.ArgumentParser(prog="linkbalancer show")
    parser.add_argument("target", metavar="LINK|VID", help="what to show")
    parser.add_argument("--how", choices=("short", "long"), default="short", help="how (default: %(default)s)")
    group = parser.add_argument_group("where")
    group.add_argument("--app", action="append", help="an application")
    group.add_argument("--into", type=Path, metavar="PLACE")
    group.add_argument("--secret", help=argparse.SUPPRESS)

    found = outline(parser, ("show",), "shows")

    assert [place.usage for place in found.operands] == ["LINK|VID"]
    assert found.operands[0].kinds == (Kind.LINKS, Kind.VIDS)
    how, app, into = found.options[1:]
    assert (how.choices, how.help, how.usage) == (("short", "long"), "how (default: short)", "[--how short|long]")
    assert (app.kinds, app.repeats, app.group) == ((Kind.APPLICATIONS,), True, "where")
    assert into.kinds == (Kind.FILE,)


def test_deeds_are_outlines_of_their_own() -> None:
    """Each is reached by its words, and has its own options."""
    parser = argparse.ArgumentParser(prog="linkbalancer rules")
    deeds = parser.add_subparsers(dest="deed")
    deeds.add_parser("list", help="list them").add_argument("--json", action="store_true", help="as JSON")

    found = outline(parser, ("rules",), "rules")

    assert [one.words for one in found.everything()] == [("rules",), ("rules", "list")]
    assert (found.inner[0].summary, found.inner[0].options[1].flags) == ("list them", ("--json",))

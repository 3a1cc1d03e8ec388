"""The manual pages, written from what `--help`, the reference configuration and docs/rules.md say.

`python -m linkbalancer.cli.manual REFERENCE RULES --man DIR --bash FILE --zsh FILE` is what an installation runs; it
writes the shells' completions too, which are made from the same.
"""

import functools
import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from linkbalancer import __version__
from linkbalancer.cli import roff, shells
from linkbalancer.cli.main import COMMANDS
from linkbalancer.cli.outline import Outline, Place, outlines
from linkbalancer.config.document import parse
from linkbalancer.config.schema import json_schema, keys

SUMMARY = "policy routing and link fail-over for pairs of gateways"

DESCRIPTION = """\
Two sites, several links, one gateway at each end of each link. `linkbalancer` elects a whole link, or fails it, as one:
the far side's VRRP election drives the near side's over LVrrp, so that both ends always agree on the way. A file of
rules says which traffic prefers which link; one process for each application keeps routes, marks and nftables rules
pointed at the best link that works. Packets never pass through the daemon.

The daemon is `linkbalancer run`, and systemd starts it as the service `linkbalancer` once
`/etc/linkbalancer/linkbalancer.yaml` is there. Every other command asks it over its sockets, or works on files alone.
"""

EXITS = (
    ("0", "Good."),
    ("1", "Refused, or not good: every reason is on standard error."),
    ("2", "Asked wrongly, or a right is missing."),
    ("130", "Interrupted."),
)

FILES = (
    ("/etc/linkbalancer/linkbalancer.yaml", "The gateway: `linkbalancer.yaml`(5)."),
    ("/etc/linkbalancer/apps.conf", "Which packets are which application: `linkbalancer-apps`(5)."),
    ("/etc/linkbalancer/keys/", "The links' keys: readable by root and the group `linkbalancer` alone."),
    ("/run/linkbalancer/query.sock", "Where the daemon answers: root and the group `linkbalancer-read`."),
    ("/run/linkbalancer/control.sock", "Where it is told to do something: root and the group `linkbalancer-operate`."),
    ("/var/lib/linkbalancer/", "What the daemon keeps over reboots."),
    ("/var/lib/linkbalancer/flight/", "Flight recordings, for `linkbalancer replay`: the group `linkbalancer-read`."),
)

ENVIRONMENT = (("LINKBALANCER_RUN_DIR", "The daemon's run directory, where no `--run-dir` is given."),)


def pages(reference: str, rules: str) -> dict[str, str]:
    """Return the text of every page by the name of its file."""
    found = {"linkbalancer.8": _overview()}
    found |= {f"linkbalancer-{one.words[0]}.8": _command(one) for one in outlines()}
    found["linkbalancer.yaml.5"] = _configuration(reference)
    found["linkbalancer-apps.5"] = _rules(rules)
    return {name: "\n".join(lines) + "\n" for name, lines in found.items()}


def _overview() -> list[str]:
    lines = roff.head("linkbalancer", 8, __version__)
    lines += [*roff.titled("name"), f"linkbalancer \\- {roff.text(SUMMARY)}"]
    lines += [
        *roff.titled("synopsis"),
        f"{roff.bold('linkbalancer')} {roff.italic('COMMAND')} [{roff.italic('OPTION')} ...]",
    ]
    lines += roff.titled("description")
    for words in DESCRIPTION.split("\n\n"):
        lines += roff.paragraph(" ".join(words.split()))
    lines += roff.titled("commands")
    for name, words in COMMANDS.items():
        lines += roff.tagged(f"{roff.bold(f'linkbalancer-{name}')}(8)", _sentence(words))
    lines += _list("exit status", EXITS) + _list("environment", ENVIRONMENT) + _list("files", FILES)
    return lines + _see_also(*(f"linkbalancer-{name}(8)" for name in COMMANDS))


def _command(one: Outline) -> list[str]:
    name = "-".join(("linkbalancer", *one.words))
    lines = roff.head(name, 8, __version__)
    lines += [*roff.titled("name"), f"{roff.text(name)} \\- {roff.text(one.summary)}"]
    lines += roff.titled("synopsis")
    for number, deed in enumerate(one.inner or (one,)):
        lines += ([".br"] if number else []) + [_synopsis(deed)]
    lines += [*roff.titled("description"), roff.prose(_sentence(one.summary))]
    lines += _places(one)
    for deed in one.inner:
        lines += [*roff.titled(" ".join(deed.words)), roff.prose(_sentence(deed.summary)), *_places(deed, within=True)]
    if one.examples:
        lines += roff.titled("examples")
        for words, what in one.examples:
            lines += roff.tagged(roff.bold(f"linkbalancer {words}"), _sentence(what))
    lines += _list("exit status", EXITS)
    return lines + _see_also("linkbalancer(8)", "linkbalancer.yaml(5)", "linkbalancer-apps(5)")


def _synopsis(one: Outline) -> str:
    places = " ".join(roff.text(place.usage) for place in (*one.options, *one.operands) if "--help" not in place.flags)
    return f"{roff.bold(' '.join(('linkbalancer', *one.words)))} {places}".rstrip()


def _places(one: Outline, *, within: bool = False) -> list[str]:
    """Return a command's words and options; the options of a group of their own stand under its title."""
    lines: list[str] = []
    begin = roff.subtitled if within else roff.titled
    groups = dict.fromkeys(place.group for place in one.options)
    if one.operands:
        lines += begin("arguments")
        for place in one.operands:
            lines += roff.tagged(roff.italic(place.argument), _explained(place))
    for group in groups:
        lines += begin(group or "options")
        for place in one.options:
            if place.group == group:
                flags = ", ".join(roff.bold(flag) for flag in place.flags)
                lines += roff.tagged(
                    f"{flags} {roff.italic(place.argument)}" if place.argument else flags, _explained(place)
                )
    return lines


def _explained(place: Place) -> str:
    words = _sentence(place.help) if place.help else ""
    if place.choices:
        words = f"{words} One of: {', '.join(place.choices)}.".strip()
    return words


def _sentence(words: str) -> str:
    """Return words as a sentence: argparse's help begins small and ends without a stop."""
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".") if words else ""


def _list(title: str, entries: Sequence[tuple[str, str]]) -> list[str]:
    return [*roff.titled(title), *(line for tag, words in entries for line in roff.tagged(roff.bold(tag), words))]


def _see_also(*names: str) -> list[str]:
    said = ", ".join(f"{roff.bold(name[:-3])}{name[-3:]}" for name in names)
    return [*roff.titled("see also"), f"{said}, and the documents in {roff.italic('/usr/share/doc/linkbalancer')}"]


def _configuration(reference: str) -> list[str]:
    """Return linkbalancer.yaml(5): every key as the reference has it, with what the schema says of its values."""
    lines = roff.head("linkbalancer.yaml", 5, __version__)
    lines += [*roff.titled("name"), "linkbalancer.yaml \\- the configuration of a gateway"]
    lines += [*roff.titled("description")]
    head = reference.partition("\n\n")[0].splitlines()
    lines += roff.paragraph(" ".join(line.removeprefix("#").strip() for line in head))
    lines += roff.paragraph(
        "The same with every key is `/etc/linkbalancer/linkbalancer.yaml.example`; `linkbalancer check` names every"
        " mistake at once, and `linkbalancer check --schema` prints the JSON Schema for editors. In the names below,"
        " `*` stands for a name or number that you choose."
    )
    lines += roff.titled("keys")
    for key, standing, words in keys_of(reference):
        allowed = _allowed(key)
        lines += roff.tagged(
            roff.bold(key), f"{_sentence(words)} {_sentence(standing)}", *([allowed] if allowed else [])
        )
    lines += _list("files", FILES)
    return lines + _see_also("linkbalancer(8)", "linkbalancer-check(8)", "linkbalancer-apps(5)")


def keys_of(reference: str) -> Iterator[tuple[str, str, str]]:
    """Yield every key of the reference in dotted form, what it is by default (or `required`), and its sentence."""
    text = reference.splitlines()
    said, known = set[str](), set(keys())
    for path, (line, _column) in parse(reference, "reference").keys_at.items():
        found = re.search(r"# (required|default .+?(?: \([^)]*\))?): (.*)", text[line - 1])
        if found is None:
            continue
        key = _starred(path)
        if key in known and key not in said:
            said.add(key)
            yield key, found[1], found[2]


@functools.cache
def _schema() -> dict[str, Any]:
    """Return the schema, made once: every key is looked up in it twice, and to make it takes tens of milliseconds."""
    return json_schema()


def _starred(path: tuple[str | int, ...]) -> str:
    """Return a path in dotted form, with `*` where the schema lets the operator choose the key."""
    node: Any = _schema()
    definitions = node["$defs"]
    words = []
    for word in path:
        node = _resolved(node, definitions)
        if "items" in node:  # an entry of a list, which has no level of its own
            node = node["items"]
            continue
        properties = node.get("properties", {})
        if word in properties:
            words.append(str(word))
            node = properties[word]
        else:
            words.append("*")
            node = node.get("additionalProperties") or next(iter(node.get("patternProperties", {"": {}}).values()))
    return ".".join(words)


def _resolved(node: dict[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a node of the schema refers to, also where nothing may stand in its place."""
    node = next((one for one in node.get("anyOf", ()) if "$ref" in one), node)
    return dict(definitions[node["$ref"].rpartition("/")[2]]) if "$ref" in node else node


def _allowed(key: str) -> str:
    """Say what the schema allows for a key: one of several words, or a range of numbers."""
    node: Any = _schema()
    definitions = node["$defs"]
    for word in key.split("."):
        node = _resolved(node, definitions)
        node = _resolved(node.get("items", node), definitions)
        if word == "*":
            node = node.get("additionalProperties") or next(iter(node["patternProperties"].values()))
        else:
            node = node["properties"][word]
    node = {**_resolved(node, definitions), **node}
    if "enum" in node:
        return f"One of: {', '.join(f'`{choice}`' for choice in node['enum'])}."
    if "minimum" in node and "maximum" in node:
        return f"From {node['minimum']} to {node['maximum']}."
    return ""


def _rules(document: str) -> list[str]:
    lines = roff.head("linkbalancer-apps", 5, __version__)
    lines += [*roff.titled("name"), "linkbalancer\\-apps \\- the rules: which packets are which application"]
    lines += roff.from_markdown(document)
    lines += _list("files", FILES[:2])
    return lines + _see_also("linkbalancer(8)", "linkbalancer-explain(8)", "linkbalancer.yaml(5)")


def main(argv: Sequence[str] | None = None) -> int:
    """Write everything where it is wanted."""
    parser = ArgumentParser(prog="linkbalancer.cli.manual", description="write manual pages and completions")
    parser.add_argument("reference", type=Path, help="conf/linkbalancer.yaml")
    parser.add_argument("rules", type=Path, help="docs/rules.md")
    parser.add_argument("--man", type=Path, metavar="DIR", help="where man5 and man8 are")
    parser.add_argument("--bash", type=Path, metavar="FILE", help="bash's completion")
    parser.add_argument("--zsh", type=Path, metavar="FILE", help="zsh's completion")
    args: Namespace = parser.parse_args(argv)
    if args.man is not None:
        for name, page in pages(args.reference.read_text(), args.rules.read_text()).items():
            _write(args.man / f"man{name[-1]}" / name, page)
    if args.bash is not None:
        _write(args.bash, shells.bash(outlines()))
    if args.zsh is not None:
        _write(args.zsh, shells.zsh(outlines()))
    return 0


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o644)


if __name__ == "__main__":
    sys.exit(main())

"""`linkbalancer lab up DIRECTORY | down | exec NODE COMMAND... | list`: a topology in namespaces to play with."""

import argparse
import os
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import NoReturn

from linkbalancer.cli.output import add_json_option, complain, emit
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.keeper import KeptLab, bring_up, kept_labs, take_down
from linkbalancer.lab.rights import check_rights


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    deeds = parser.add_subparsers(dest="deed", required=True, metavar="up | down | exec | list")
    up = deeds.add_parser("up", help="build a topology and start its daemons")
    up.add_argument("directory", type=Path, help="a configuration directory with topology.yaml (docs/drill.md)")
    down = deeds.add_parser("down", help="end a lab and remove everything of it")
    execute = deeds.add_parser("exec", help="run a command on a node, as if sitting at it")
    for one in (down, execute):
        one.add_argument("--lab", metavar="NAME", help="which lab, where several are up (see list)")
    execute.add_argument("node", help="a gateway or host")
    execute.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND...", help="the command and its arguments")
    listing = deeds.add_parser("list", help="show the labs that are up")
    for one in (up, down, listing):
        add_json_option(one)


def run(args: Namespace) -> int:
    """Do the deed."""
    try:
        match args.deed:
            case "up":
                return _up(args)
            case "down":
                check_rights()
                lab = _chosen(args.lab)
                take_down(lab)
                emit(args, {"schema": 1, "down": lab.run.name}, f"lab {lab.run.name} is gone")
            case "exec":
                _execute(args)
            case _:
                _list(args)
    except LabError as error:
        complain(str(error))
        return 2
    return 0


def _up(args: Namespace) -> int:
    lab = bring_up(args.directory)
    node = lab.nodes[0]
    text = (
        f"lab {lab.run.name} is up: {', '.join(lab.nodes)}\n"
        f"logs and sockets: {lab.run.directory}/NODE/\n"
        f"try: linkbalancer lab exec {node} linkbalancer status --run-dir {lab.run.directory}/{node}/run"
    )
    emit(args, _facts(lab), text)
    return 0


def _chosen(name: str | None) -> KeptLab:
    labs = kept_labs()
    found = [lab for lab in labs if name in {None, lab.run.name}]
    if not found:
        raise LabError("no lab is up" if name is None else f"there is no lab {name}")
    if len(found) > 1:
        raise LabError(f"several labs are up; choose one with --lab: {', '.join(lab.run.name for lab in found)}")
    return found[0]


def _execute(args: Namespace) -> NoReturn:
    lab = _chosen(args.lab)
    if args.node not in lab.nodes:
        raise LabError(f"there is no node {args.node}; there are {', '.join(lab.nodes)}")
    if not args.words:
        raise LabError("say what to run, for example `ip route`")
    check_rights()
    words = ["ip", "netns", "exec", lab.run.namespace(args.node), *args.words]
    os.execvp(words[0], words)  # noqa: S606 - the user's own words, on purpose, and no shell between


def _list(args: Namespace) -> None:
    labs = kept_labs()
    lines = [f"{lab.run.name}  {lab.topology}: {', '.join(lab.nodes)}" for lab in labs]
    emit(args, {"schema": 1, "labs": [_facts(lab) for lab in labs]}, "\n".join(lines) or "no lab is up")


def _facts(lab: KeptLab) -> dict[str, object]:
    return {
        "lab": lab.run.name,
        "topology": lab.topology,
        "directory": str(lab.run.directory),
        "namespaces": {node: lab.run.namespace(node) for node in lab.nodes},
    }

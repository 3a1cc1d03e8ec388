"""`linkbalancer lab up DIRECTORY | down | exec NODE COMMAND... | list`: a topology in namespaces to play with."""

import argparse
import os
import shlex
import shutil
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import NoReturn

from linkbalancer.cli.client import RUN_DIRECTORY_VARIABLE
from linkbalancer.cli.output import add_json_option, complain, emit
from linkbalancer.lab.errors import LabError, StartError
from linkbalancer.lab.keeper import KeptLab, bring_up, dead_runs, kept_labs, take_down
from linkbalancer.lab.rights import check_rights
from linkbalancer.lab.run import Run


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    deeds = parser.add_subparsers(dest="deed", required=True, metavar="up | down | exec | list")
    up = deeds.add_parser("up", help="build a topology and start its daemons")
    up.add_argument("directory", type=Path, help="a configuration directory with topology.yaml (docs/drill.md)")
    down = deeds.add_parser("down", help="end a lab and remove everything of it, and what killed ones left")
    execute = deeds.add_parser("exec", help="run a command on a node, as if sitting at it")
    for one in (down, execute):
        one.add_argument("--lab", metavar="NAME", help="which lab, where several are up (see list)")
    execute.add_argument("node", help="a gateway or host")
    execute.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND...", help="the command and its arguments")
    listing = deeds.add_parser("list", help="show the labs that are up")
    for one in (up, down, listing):
        add_json_option(one)


def run(args: Namespace) -> int:
    """Do the deed; 0: done, 1: a daemon did not come up, 2: it could not be done."""
    try:
        match args.deed:
            case "up":
                return _up(args)
            case "down":
                _down(args)
            case "exec":
                _execute(args)
            case _:
                _list(args)
    except StartError as error:
        complain(str(error))
        return 1
    except LabError as error:
        complain(str(error))
        return 2
    return 0


def _up(args: Namespace) -> int:
    lab = bring_up(args.directory)
    node = lab.nodes[0]
    choice = f"--lab {lab.run.name} " if len(kept_labs()) > 1 else ""
    text = (
        f"lab {lab.run.name} is up: {', '.join(lab.nodes)}\n"
        f"logs and sockets: {lab.run.directory}/NODE/\n"
        f"try: {_called()} lab exec {choice}{node} linkbalancer status"
    )
    emit(args, _facts(lab), text)
    return 0


def _called() -> str:
    """Return how this program can be called again from where it was called now."""
    installed = Path(sys.executable).parent / "linkbalancer"
    if not installed.exists():
        return shlex.join([sys.executable, "-m", "linkbalancer"])
    return "linkbalancer" if shutil.which("linkbalancer") == str(installed) else shlex.quote(str(installed))


def _down(args: Namespace) -> None:
    """End a lab; the killed ones are cleared on the way, or the named one alone."""
    check_rights()
    dead = [run for run in dead_runs() if args.lab in {None, run.name}]
    lab = _chosen(args.lab) if not dead or (args.lab is None and kept_labs()) else None
    for run in dead:
        run.clear()
    lines = [f"{_obituary(run)}; what it left is gone" for run in dead]
    if lab is not None:
        take_down(lab)
        lines.append(f"lab {lab.run.name} is gone")
    emit(args, {"schema": 1, "down": lab and lab.run.name, "cleared": [run.name for run in dead]}, "\n".join(lines))


def _obituary(run: Run) -> str:
    return f"lab {run.name} is dead (its process {run.owner} was killed)"


def _chosen(name: str | None) -> KeptLab:
    labs = kept_labs()
    found = [lab for lab in labs if name in {None, lab.run.name}]
    if not found:
        dead = [run for run in dead_runs() if name in {None, run.name}]
        if dead:
            raise LabError(f"{_obituary(dead[0])}; clear it with `lab down`")
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
    # `linkbalancer` is this one, and it asks the daemon of that node.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    os.environ[RUN_DIRECTORY_VARIABLE] = str(lab.run.directory / args.node / "run")
    os.execvp(words[0], words)


def _list(args: Namespace) -> None:
    labs = kept_labs()
    lines = [f"{lab.run.name}  {lab.topology}: {', '.join(lab.nodes)}" for lab in labs]
    dead = dead_runs()
    lines += [f"{run.name}  dead: its process was killed; `lab down` clears what it left" for run in dead]
    facts = {"schema": 1, "labs": [_facts(lab) for lab in labs], "dead": [run.name for run in dead]}
    emit(args, facts, "\n".join(lines) or "no lab is up")


def _facts(lab: KeptLab) -> dict[str, object]:
    return {
        "lab": lab.run.name,
        "topology": lab.topology,
        "directory": str(lab.run.directory),
        "namespaces": {node: lab.run.namespace(node) for node in lab.nodes},
    }

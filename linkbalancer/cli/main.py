"""`linkbalancer COMMAND ...`: finds the command's own file and hands over."""

import argparse
import gc
import importlib
import io
import sys
from collections.abc import Sequence
from types import ModuleType

from linkbalancer import __version__
from linkbalancer.cli.output import AnswerError, complain, finish, give_up

COMMANDS = {
    "run": "run the gateway's daemon (what systemd starts)",
    "check": "check a configuration: every error at once, with its place and a remedy",
    "rules": "list, add, move, remove, enable or disable a rule of the rule file; the rest of it stays",
    "edit": "edit the configuration like visudo: checked and planned before it is saved or applied",
    "plan": "show what apply would change, and what that does to flows",
    "apply": "put the edited files in force; with --confirm 5m it reverts by itself",
    "confirm": "keep the configuration that apply put on trial",
    "rollback": "go back to the configuration before, or to one of history",
    "explain": "say which rule, application and VIDs a packet takes",
    "whatif": "say what every single and double failure comes to: Masters, ways, and who has nowhere to go",
    "verify-balance": "how flows of balanced applications are split in the kernel, beside their weights",
    "reload": "have the daemon read its configuration again, and say how that ended",
    "upgrade": "put the installed program in the running one's place, without a packet noticing",
    "stop": "end the daemon in order, or leave its agent at work for the next start",
    "status": "what each link, VID and application does, since when, why, and what is next",
    "weight": "how each link is weighed for each VID and what came of it; weigh otherwise while all runs",
    "drain": "take a link, a VID or this gateway out of service: its traffic moves first, nothing is lost",
    "resume": "put back into service what was drained",
    "history": "what happened: each failure with what came of it, and how long that took",
    "notify": "who is told of what happens, and how that goes; test one",
    "doctor": "what on this host would break steering or failover, how it was seen, and how to mend it",
    "scan": "which VRIDs are in use on a LAN, by whom, with what: it listens, and needs no daemon",
    "watch": "the same live: links with sparklines, VIDs, applications and events; keys to drain and resume",
    "lab": "build a topology in network namespaces: up, down, exec, list",
    "keepalived": "write what a Keepalived on this host must be told that runs groups of this gateway",
    "import": "turn a keepalived.conf into a configuration, and say what it could not carry over",
    "drill": "rehearse every fault of a topology on real packets and measure the outages",
    "sim": "run the protocol in virtual time under random faults, judged at every step",
    "replay": "run a flight recording again: every decision of then, input by input, and whether it is the same now",
    "completion": "print a shell's completion (bash, zsh), or the names that it completes",
    "version": "print the version",
}


MODULES = {"import": "importing", "verify-balance": "verifybalance"}
"""Commands whose file cannot have their name: Python has the word for itself, or takes no such word."""

OBJECTS = 100_000
"""Objects made before a command collects garbage."""

INTERRUPTED = 130
"""The exit status after Ctrl-C: 128 and the number of SIGINT, as shells have it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status: 0 good, 1 refused, 2 usage or missing rights, 130 interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] not in COMMANDS:
        _outline().parse_args(words or ["--help"])
    if argv is None and words[0] != "run":
        gc.set_threshold(OBJECTS)  # a command is over before a collection pays: it would cost a seventh of its time
    try:
        return _run(words[0], words[1:])
    except BrokenPipeError:
        give_up()
        return 0  # the reader (a pager, head) has seen enough
    except AnswerError as error:
        give_up()
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        give_up()
        complain("interrupted")
        return INTERRUPTED


def parser_of(command: str) -> argparse.ArgumentParser:
    """Return a command's parser: its `--help`, its manual page and its completions are all made from it.

    A command's file may show how it is used: `EXAMPLES`, pairs of a command line's words and what they do.
    """
    module = module_of(command)
    examples = "\n".join(f"  linkbalancer {words}\n      {what}" for words, what in getattr(module, "EXAMPLES", ()))
    parser = argparse.ArgumentParser(
        prog=f"linkbalancer {command}",
        description=COMMANDS[command],
        epilog=examples and f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.configure(parser)
    return parser


def module_of(command: str) -> ModuleType:
    """Return the file of a command."""
    return importlib.import_module(f"linkbalancer.cli.{MODULES.get(command, command)}")


def _run(command: str, words: Sequence[str]) -> int:
    module = module_of(command)
    parser = parser_of(command)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be any bytes
    status = int(module.run(parser.parse_args(words)))
    finish()
    return status


def _outline() -> argparse.ArgumentParser:
    lines = "\n".join(f"  {name:14} {text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="linkbalancer",
        usage="linkbalancer COMMAND [OPTION ...]",
        description=f"commands (each has its own --help):\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"linkbalancer {__version__}")
    parser.add_argument("command", choices=tuple(COMMANDS), metavar="COMMAND", help="one of the above")
    return parser

"""One worker of a gateway without zygote and supervisor: `python -m tests.daemon.worker CONFIG RUN STATE FD NAME`.

FD is its end of a lifeline; NAME is `agent`, or an application's. A file RUN/orphan holds how many milliseconds an
agent lives on without its supervisor.
"""

import sys
from pathlib import Path
from socket import socket

from linkbalancer.clock import MILLISECOND
from linkbalancer.config.load import load
from linkbalancer.daemon import agent, application
from linkbalancer.daemon.lifeline import Lifeline, call_myself
from linkbalancer.daemon.together import Boards
from linkbalancer.lvrrp.keys import parse_keys
from linkbalancer.routing.classifier import compile_rules


def read(path: str) -> str:
    """Return a file's text."""
    return Path(path).read_text()


def main(config: str, run_dir: Path, state_dir: Path, descriptor: int, name: str) -> int:
    """Be the worker."""
    lifeline = Lifeline(socket(fileno=descriptor))
    call_myself(f"lb:{name}")
    loaded = load(config, read)
    if name != "agent":
        office = application.Office(f"app:{name}", (name,), 1)
        return application.run(office, loaded, lifeline, run_dir, Boards([office.process]))
    keys = {
        link: parse_keys(read(loaded.beside(one.key_file))) for link, one in loaded.config.links.items() if one.key_file
    }
    patience = run_dir / "orphan"
    orphan_for = int(patience.read_text()) * MILLISECOND if patience.exists() else agent.ORPHAN
    classifier = compile_rules(loaded.rules)
    return agent.run(loaded, classifier, keys, lifeline, run_dir=run_dir, state_dir=state_dir, orphan_for=orphan_for)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5]))

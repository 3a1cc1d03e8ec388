"""Asking the daemon: one request, one answer, over the socket that the verb needs."""

import json
import os
import socket
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

RUN_DIRECTORY = Path("/run/linkbalancer")
RUN_DIRECTORY_VARIABLE = "LINKBALANCER_RUN_DIR"
QUERY = "query.sock"
CONTROL = "control.sock"
PATIENCE_S = 5.0


class RefusedError(Exception):
    """The daemon refused; `kind` is for programs, `error` the whole of what it said."""

    def __init__(self, error: dict[str, Any]) -> None:
        self.kind = str(error.get("kind", "refused"))
        self.error = error
        remedy = error.get("remedy")
        super().__init__(f"{error.get('what')}" + (f"; {remedy}" if remedy else ""))

    @property
    def status(self) -> int:
        """The exit status that it deserves: 2 for usage or missing rights, else 1."""
        return 2 if self.kind in {"usage", "rights"} else 1


def add_run_dir_option(parser: ArgumentParser) -> None:
    """Give a command its `--run-dir`."""
    parser.add_argument(
        "--run-dir",
        type=Path,
        default=Path(os.environ.get(RUN_DIRECTORY_VARIABLE) or RUN_DIRECTORY),
        metavar="DIR",
        help=f"the daemon's --run-dir (default: ${RUN_DIRECTORY_VARIABLE}, else {RUN_DIRECTORY})",
    )


def ask(
    run_dir: Path, verb: str, *, change: bool = False, patience_s: float = PATIENCE_S, **arguments: object
) -> dict[str, Any]:
    """Return the daemon's answer.

    Args:
        run_dir: the daemon's run directory.
        verb: what is asked for.
        change: whether the verb changes something, so that the operators' socket is needed.
        patience_s: how long to wait.
        arguments: the verb's own, JSON-able.

    Raises:
        RefusedError: no daemon answers, the socket is not ours to use, or the daemon refuses.
    """
    path = run_dir / (CONTROL if change else QUERY)
    if not change and not os.access(path, os.R_OK | os.W_OK) and os.access(run_dir / CONTROL, os.W_OK):
        path = run_dir / CONTROL  # an operator may ask there too, where only one group could be let in
    try:
        reply = _exchange(path, {"api": 1, "verb": verb, **arguments}, patience_s)
    except PermissionError:
        remedy = f"do it as root, or as a member of the {'operators' if change else 'readers'}' group"
        raise RefusedError({"kind": "rights", "what": f"{path} is not yours to ask", "remedy": remedy}) from None
    except (OSError, ValueError) as error:
        absent = isinstance(error, (FileNotFoundError, ConnectionRefusedError))
        why = "nobody listens there" if absent else str(error)
        remedy = "does it run (`systemctl status linkbalancer`), and with this --run-dir?"
        what = f"no daemon answers on {path} ({why})"
        raise RefusedError({"kind": "unavailable", "what": what, "remedy": remedy}) from None
    if not reply["ok"]:
        raise RefusedError(reply["error"])
    return dict(reply["answer"])


def _exchange(path: Path, request: dict[str, Any], patience_s: float) -> dict[str, Any]:
    """Send one request, read one reply; raises OSError, ValueError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(patience_s)
        sock.connect(str(path))
        sock.sendall(json.dumps(request).encode() + b"\n")
        with sock.makefile("rb") as file:
            line = file.readline()
    if not line:
        raise ValueError("it hung up without an answer")
    reply = json.loads(line)
    if not isinstance(reply, dict) or not {"answer", "error"} & reply.keys() or "ok" not in reply:
        raise ValueError("what answers is no linkbalancer")
    return reply

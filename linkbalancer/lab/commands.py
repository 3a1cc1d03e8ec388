"""`ip` and `nft` as the lab uses them: whole batches, one child each."""

import contextlib
import json
import signal
import subprocess
from collections.abc import Iterable, Iterator
from typing import Any

from linkbalancer.lab.errors import LabError

TIMEOUT_S = 30


def ip(lines: Iterable[str], namespace: str | None = None) -> None:
    """Run lines of `ip`, all in one namespace; the first that fails ends it with LabError."""
    words = ["ip", *(["-netns", namespace] if namespace else []), "-batch", "-"]
    _run(words, "\n".join(lines) + "\n")


def ip_json(words: Iterable[str], namespace: str) -> list[dict[str, Any]]:
    """Run one `ip` command that prints JSON, and return its objects."""
    text = _run(["ip", "-netns", namespace, "-json", *words], "")
    return json.loads(text) if text.strip() else []


def nft(text: str, namespace: str) -> None:
    """Load an nft script in one transaction."""
    _run(["ip", "netns", "exec", namespace, "nft", "-f", "-"], text)


def nft_json(words: Iterable[str], namespace: str) -> list[dict[str, Any]]:
    """Run one `nft` command and return its JSON objects."""
    return list(json.loads(_run(["ip", "netns", "exec", namespace, "nft", "-j", *words], ""))["nftables"])


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C and the request to end back: a command that ends half-way leaves what no clearing finds in order.

    A child that the interruption parts us from would otherwise go on, and make what was just removed.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(words: list[str], text: str) -> str:
    try:
        with _uninterrupted():
            done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except OSError as error:
        raise LabError(f"cannot run {words[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(words)} did not end within {TIMEOUT_S} s") from error
    if done.returncode != 0:
        raise LabError(f"{' '.join(words)}: {done.stderr.strip() or 'failed'}\n{text}".rstrip())
    return done.stdout


def shell(script: str, namespace: str) -> None:
    """Run a few lines of sh in a namespace; the first that fails ends it with LabError."""
    _run(["ip", "netns", "exec", namespace, "sh", "-e"], script)


def shell_words(words: Iterable[str], namespace: str) -> str:
    """Run a command in a namespace and return what it prints; LabError when it fails."""
    return _run(["ip", "netns", "exec", namespace, *words], "")

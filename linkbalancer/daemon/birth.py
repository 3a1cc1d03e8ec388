"""How a zygote of the gateway's daemon comes up: it reads the configuration, and knows what each worker does.

Everything that is read from disk is kept as texts, keys included, in the supervisor's memory file: a worker that is
started again hours later is of the configuration in force, whatever has been edited meanwhile.
"""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from linkbalancer.config import keyfile
from linkbalancer.config.keyfile import Doubt
from linkbalancer.config.load import ConfigErrors, Loaded, load
from linkbalancer.daemon import agent, api, application
from linkbalancer.daemon.lifeline import Lifeline
from linkbalancer.daemon.requests import user_name
from linkbalancer.daemon.zygote import Brood, RefusedError
from linkbalancer.engine.supervision import AGENT, API
from linkbalancer.host.account import own_group
from linkbalancer.links import LinkName
from linkbalancer.lvrrp.keys import Key, parse_keys
from linkbalancer.routing.classifier import compile_rules

PREFIX = "app:"
"""How an application's process is called before the application's own name."""


@dataclass(frozen=True, slots=True)
class Directories:
    """Where the daemon keeps what it needs while it runs (`run`, a tmpfs), and what it needs for ever (`state`)."""

    run: Path
    state: Path


class Texts:
    """Files by path: read from disk once, or as an earlier zygote read them."""

    def __init__(self, kept: bytes | None) -> None:
        self._kept: dict[str, str] | None = None if kept is None else json.loads(kept)
        self._read: dict[str, str] = {}

    def read(self, path: str) -> str:
        """Return a file's text; raises OSError or UnicodeDecodeError."""
        if self._kept is None:
            text = Path(path).read_text(encoding="utf-8-sig")
        elif path in self._kept:
            text = self._kept[path]
        else:
            raise FileNotFoundError(2, "not part of the configuration in force", path)
        self._read[path] = text
        return text

    def exposure(self, path: str) -> Doubt | None:
        """Say who else than its owner may read a key file; that of an earlier zygote is not judged again.

        Raises OSError.
        """
        if self._kept is not None:
            return None
        status = Path(path).stat()
        return keyfile.exposure(status.st_mode, own_group=status.st_gid == own_group())

    def bundle(self) -> bytes:
        """Return everything that was read, for the next zygote."""
        return json.dumps(self._read).encode()


def birth(path: str, directories: Directories, kept: bytes | None) -> Brood:
    """Read the configuration at `path` (or, with `kept`, as it was read before) and return what can be forked of it.

    Raises:
        RefusedError: with a line for each error.
    """
    texts = Texts(kept)
    loaded = _load(path, texts)
    classifier = compile_rules(loaded.rules)
    _ = classifier.digest  # compiled once, here: whoever is forked of this has it, and an old agent works meanwhile
    keys = _keys(loaded, texts)
    if kept is None:
        for warning in loaded.warnings:
            sys.stderr.write(f"{warning}\n")

    def work(name: str, lifeline: Lifeline) -> int:
        if name == AGENT:
            return agent.run(loaded, classifier, keys, lifeline, run_dir=directories.run, state_dir=directories.state)
        if name == API:
            return api.run(loaded, lifeline, run_dir=directories.run, state_dir=directories.state)
        return application.run(name.removeprefix(PREFIX), loaded, texts.read, lifeline, directories.run)

    workers = (AGENT, API, *(PREFIX + name for name in loaded.rules.applications))
    return Brood(workers, texts.bundle(), work)


def _load(path: str, texts: Texts) -> Loaded:
    try:
        return load(path, texts.read)
    except ConfigErrors as errors:
        raise RefusedError(*map(str, errors.findings)) from None
    except OSError as error:
        raise RefusedError(f"{path}: {_why(error)}") from None


def _keys(loaded: Loaded, texts: Texts) -> dict[LinkName, tuple[Key, ...]]:
    """Return every link's keys; no key is a refusal unless the link is `insecure: true` (design 4.2)."""
    keys: dict[LinkName, tuple[Key, ...]] = {}
    errors = []
    for name, link in loaded.config.links.items():
        if link.key_file is None:
            keys[name] = ()
            if not link.insecure:
                errors.append(f"{loaded.path}: link {name} has no key; give it a key_file, or say `insecure: true`")
            continue
        path = loaded.beside(link.key_file)
        try:
            keys[name] = _secret(path, texts)
        except _DoubtError as error:
            errors.append(str(error))
        except OSError as error:
            errors.append(f"{path}: {_why(error)}; link {name} needs its keys")
    if errors:
        raise RefusedError(*errors)
    return keys


def _why(error: OSError) -> str:
    """Say why a file cannot be read; the service is not root, which its administrator easily forgets."""
    why = os.strerror(error.errno or 0)
    if isinstance(error, PermissionError) and os.geteuid() != 0:
        why += f" for {user_name(os.geteuid())} (chgrp {keyfile.SERVICE} it, and chmod g+r it)"
    return why


class _DoubtError(Exception):
    """A key file is refused."""

    def __init__(self, path: str, doubt: Doubt) -> None:
        super().__init__(f"{path}: {doubt.what}; {doubt.remedy}")


def _secret(path: str, texts: Texts) -> tuple[Key, ...]:
    """Return the keys of a file by the rule that `check` has too; raises OSError, _DoubtError."""
    exposed = texts.exposure(path)
    if exposed is not None and exposed.refused:
        raise _DoubtError(path, exposed)
    try:
        text = texts.read(path)
    except UnicodeDecodeError:
        raise _DoubtError(path, keyfile.NO_TEXT) from None
    doubt = keyfile.content(text)
    if doubt is not None:
        raise _DoubtError(path, doubt)
    if exposed is not None:
        sys.stderr.write(f"{path}: {exposed.what}; {exposed.remedy}\n")
    return parse_keys(text)

"""How a zygote of the gateway's daemon comes up: it reads the configuration, and knows what each worker does.

Everything that is read from disk is kept as texts, keys included, in the supervisor's memory file: a worker that is
started again hours later is of the configuration in force, whatever has been edited meanwhile.
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from linkbalancer.config import keyfile
from linkbalancer.config.keyfile import Doubt
from linkbalancer.config.load import ConfigErrors, Loaded, load
from linkbalancer.daemon import agent, api, application, capabilities
from linkbalancer.daemon.lifeline import Lifeline
from linkbalancer.daemon.zygote import Brood, Order, RefusedError
from linkbalancer.engine.supervision import AGENT, API, SUCCESSOR
from linkbalancer.links import LinkName
from linkbalancer.lvrrp.keys import Key, parse_keys
from linkbalancer.routing.classifier import Classifier, compile_rules

PREFIX = "app:"
"""How an application's process is called before the application's own name."""

SECTIONS: dict[str, set[str]] = {API: set()}
"""The workers beside the agent, each with the sections of the configuration that are its own, and nobody else's."""


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
        return keyfile.exposure(Path(path).stat().st_mode) if self._kept is None else None

    def bundle(self) -> bytes:
        """Return everything that was read, for the next zygote."""
        return json.dumps(self._read).encode()


@dataclass(frozen=True, slots=True)
class Checked:
    """A configuration without an error, and everything that was read for it."""

    loaded: Loaded
    classifier: Classifier
    keys: Mapping[LinkName, tuple[Key, ...]]
    texts: Texts


def birth(path: str, directories: Directories, order: Order) -> Brood:
    """Do what an order says with the configuration at `path`; return what can be forked of it.

    Raises:
        RefusedError: with a line for each error.
    """
    checked = check(path, choose(order))
    if order.texts is None or order.request is not None:
        for warning in checked.loaded.warnings:
            sys.stderr.write(f"{warning}\n")
    return offer(checked, directories)


def choose(order: Order) -> Texts:
    """Return the texts that an order is about: what is in force again, or the files."""
    return Texts(order.texts if order.request is None else None)


def check(path: str, texts: Texts) -> Checked:
    """Load a configuration whole; raises RefusedError."""
    loaded = _load(path, texts)
    classifier = compile_rules(loaded.rules)
    _ = classifier.digest  # compiled once, here: whoever is forked of this has it, and an old agent works meanwhile
    return Checked(loaded, classifier, _keys(loaded, texts), texts)


def offer(checked: Checked, directories: Directories) -> Brood:
    """Return what can be forked of a checked configuration."""
    loaded, run_dir, state_dir = checked.loaded, directories.run, directories.state

    def work(name: str, lifeline: Lifeline) -> int:
        if name in {AGENT, SUCCESSOR}:
            capabilities.keep(*capabilities.AGENT)
            return agent.run(loaded, checked.classifier, checked.keys, lifeline, run_dir=run_dir, state_dir=state_dir)
        if name == API:
            return api.run(loaded, lifeline, run_dir=run_dir, state_dir=state_dir)
        capabilities.keep(*capabilities.APPLICATION)
        return application.run(name.removeprefix(PREFIX), loaded, checked.texts.read, lifeline, run_dir)

    return Brood(specs(checked), checked.texts.bundle(), work)


def specs(checked: Checked) -> dict[str, str]:
    """Return the workers, each with a digest of everything that its life depends on.

    What was parsed counts, not how it was written: a comment or another layout replaces nobody.
    """
    config, rules = checked.loaded.config, checked.loaded.rules
    others = {section for sections in SECTIONS.values() for section in sections}
    definitions = {name: one.definition for name, one in rules.applications.items()}
    keys = {name: [(key.id, key.secret.hex()) for key in some] for name, some in checked.keys.items()}
    whole = config.model_dump(mode="json", exclude=others)
    shared = (repr(config.marks), sorted(config.groups))
    found = {AGENT: _digest(whole, checked.classifier.digest, definitions, keys)}
    found |= {name: _digest(config.model_dump(mode="json", include=some)) for name, some in SECTIONS.items()}
    return found | {PREFIX + name: _digest(one, *shared) for name, one in definitions.items()}


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _load(path: str, texts: Texts) -> Loaded:
    try:
        return load(path, texts.read)
    except ConfigErrors as errors:
        raise RefusedError(*map(str, errors.findings)) from None
    except OSError as error:
        raise RefusedError(f"{path}: {os.strerror(error.errno or 0)}") from None


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
            errors.append(f"{path}: {error.strerror}; link {name} needs its keys")
    if errors:
        raise RefusedError(*errors)
    return keys


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

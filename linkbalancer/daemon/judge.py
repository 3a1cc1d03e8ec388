"""Whether a configuration may come into force: it loads, and every link has its keys."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from linkbalancer.config import keyfile
from linkbalancer.config.findings import printable
from linkbalancer.config.keyfile import Doubt
from linkbalancer.config.load import ConfigErrors, Loaded, load
from linkbalancer.daemon.requests import user_name
from linkbalancer.daemon.texts import Texts
from linkbalancer.daemon.zygote import RefusedError
from linkbalancer.links import GroupId, LinkName
from linkbalancer.lvrrp.keys import Key, parse_keys


@dataclass(frozen=True, slots=True)
class Judged:
    """A configuration that may come into force: its files, its values, its keys, and what is doubtful in it."""

    texts: Texts
    loaded: Loaded
    keys: Mapping[LinkName, tuple[Key, ...]] = field(repr=False)
    warnings: tuple[str, ...] = ()


def judge(path: str, texts: Texts) -> Judged:
    """Judge the configuration at `path`.

    Raises:
        RefusedError: with a line for each error.
    """
    try:
        loaded = load(path, texts.read)
    except ConfigErrors as errors:
        raise RefusedError(*map(str, errors.findings)) from None
    except OSError as error:
        raise RefusedError(printable(f"{path}: {_why(error)}")) from None
    keys, warnings = _keys(loaded, texts)
    passwords, doubts = _passwords(loaded, texts)
    warnings += [*doubts, *_confidences(loaded, texts)]
    plain = {path: texts.read(path) for path in loaded.own_files}
    whole = replace(loaded, passwords=passwords, texts=plain)
    return Judged(texts, whole, keys, (*map(str, loaded.warnings), *warnings))


def _keys(loaded: Loaded, texts: Texts) -> tuple[dict[LinkName, tuple[Key, ...]], list[str]]:
    """Return every link's keys; no key is a refusal unless the link is `insecure: true` (design 4.2)."""
    keys: dict[LinkName, tuple[Key, ...]] = {}
    errors: list[str] = []
    warnings: list[str] = []
    for name, link in loaded.config.links.items():
        if link.key_file is None:
            keys[name] = ()
            if not link.insecure:
                errors.append(f"{loaded.path}: link {name} has no key; give it a key_file, or say `insecure: true`")
            continue
        path = loaded.beside(link.key_file)
        try:
            text, exposed = _secret(path, texts, keyfile.content)
        except _DoubtError as error:
            errors.append(str(error))
        except OSError as error:
            errors.append(f"{path}: {_why(error)}; link {name} needs its keys")
        else:
            keys[name] = parse_keys(text)
            warnings += [] if exposed is None else [f"{path}: {exposed.what}; {exposed.remedy}"]
    if errors:
        raise RefusedError(*map(printable, errors))
    return keys, list(map(printable, warnings))


def _passwords(loaded: Loaded, texts: Texts) -> tuple[dict[GroupId, bytes], list[str]]:
    """Return the passwords of the groups of version 2 that have one, and what is doubtful in who may read them."""
    passwords: dict[GroupId, bytes] = {}
    errors: list[str] = []
    warnings: list[str] = []
    for group, one in loaded.config.groups.items():
        if one.password_file is None:
            continue
        path = loaded.beside(one.password_file)
        try:
            text, exposed = _secret(path, texts, keyfile.password_content)
        except _DoubtError as error:
            errors.append(str(error))
        except OSError as error:
            errors.append(f"{path}: {_why(error)}; VID {group} needs its password")
        else:
            passwords[group] = keyfile.password(text)
            warnings += [] if exposed is None else [f"{path}: {exposed.what}; {exposed.remedy}"]
    if errors:
        raise RefusedError(*map(printable, errors))
    return passwords, list(map(printable, warnings))


def _confidences(loaded: Loaded, texts: Texts) -> list[str]:
    """Read what notifications need from files (passwords, authorities); return what is doubtful in who may read them.

    Raises:
        RefusedError: a file is missing, or everybody may read a secret.
    """
    errors: list[str] = []
    warnings: list[str] = []
    for name, one in loaded.config.notifications.items():
        for file in one.files():
            path = loaded.beside(file)
            try:
                if file in one.confidential():
                    _text, exposed = _secret(path, texts, keyfile.secret_content)
                    warnings += [] if exposed is None else [f"{path}: {exposed.what}; {exposed.remedy}"]
                else:
                    texts.read(path)
            except _DoubtError as error:
                errors.append(str(error))
            except UnicodeDecodeError:
                errors.append(f"{path}: is no text; name a file of certificates (PEM)")
            except OSError as error:
                errors.append(f"{path}: {_why(error)}; notification {name} needs it")
    if errors:
        raise RefusedError(*map(printable, errors))
    return list(map(printable, warnings))


def _why(error: OSError) -> str:
    """Say why a file cannot be read; the service is not root, which its administrator easily forgets."""
    why = error.strerror or os.strerror(error.errno or 0)
    if isinstance(error, PermissionError) and os.geteuid() != 0:
        why += f" for {user_name(os.geteuid())} (chgrp {keyfile.SERVICE} it, and chmod g+r it)"
    return why


class _DoubtError(Exception):
    """A key file is refused."""

    def __init__(self, path: str, doubt: Doubt) -> None:
        super().__init__(f"{path}: {doubt.what}; {doubt.remedy}")


def _secret(path: str, texts: Texts, content: Callable[[str], Doubt | None]) -> tuple[str, Doubt | None]:
    """Return a secret's text by the rule that `check` has too, and a doubt; raises OSError, _DoubtError."""
    exposed = texts.exposure(path)
    if exposed is not None and exposed.refused:
        raise _DoubtError(path, exposed)
    try:
        text = texts.read(path)
    except UnicodeDecodeError:
        raise _DoubtError(path, keyfile.NO_TEXT) from None
    doubt = content(text)
    if doubt is not None:
        raise _DoubtError(path, doubt)
    return text, exposed

"""A configuration directory: a folder for each gateway, as an operator would put it there, and `topology.yaml`.

A lab runs on a copy: made of the texts that were read and judged, with keys of its own. The operator's key files are
neither read nor copied nor written, wherever they are.
"""

import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from linkbalancer.config.addresssets import FILE
from linkbalancer.config.findings import ConfigErrors
from linkbalancer.config.load import Loaded, beside, load, load_as
from linkbalancer.config.model import Config
from linkbalancer.lab.document import TopologyDocument
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.rewriting import Keys, rewritten
from linkbalancer.lab.topology import Topology, derive
from linkbalancer.links import LinkName, NodeName
from linkbalancer.routing.rule import RuleSet

CONFIG = "linkbalancer.yaml"
RULES = "apps.conf"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Texts:
    """A gateway's files as they were read: its configuration, the rule file that it names, the files of its sets."""

    config: str
    rules: str
    sets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Directory:
    """What a configuration directory says; `path` is where it is."""

    path: Path
    topology: Topology
    rules: RuleSet
    texts: Mapping[NodeName, Texts]

    def config_path(self, node: NodeName) -> Path:
        """Return the configuration file of a gateway."""
        return self.path / node / CONFIG

    def loaded(self, node: NodeName) -> Loaded:
        """Return the configuration of a gateway, with its path here."""
        return Loaded(self.topology.gateways[node], self.rules, (), str(self.config_path(node)))

    def copy_to(self, target: Path) -> "Directory":
        """Write a copy for a lab of its own, with a fresh key for each link, and return it.

        Every gateway gets its folder with `linkbalancer.yaml`, the rules as `apps.conf`, the files of their sets and
        `keys/LINK.key`, and its configuration is made to say so; its other words, and their lines, stay.

        FileExistsError when there is something at `target` already; LabError when a set's file is not beside the rules.
        """
        keys: dict[LinkName, str] = {}
        target.mkdir(parents=True)
        for node, config in self.topology.gateways.items():
            folder = target / node
            (folder / "keys").mkdir(parents=True, mode=0o700)
            values: dict[Keys, str] = {("applications",): RULES}
            for name, link in config.links.items():
                if link.key_file is not None:
                    values["links", name, "key_file"] = file = f"keys/{name}.key"
                    _write_secret(folder / file, keys.setdefault(name, f"1 {secrets.token_hex(_KEY_BYTES)}\n"))
            texts = self.texts[node]
            (folder / CONFIG).write_text(rewritten(texts.config, values), encoding="utf-8")
            (folder / RULES).write_text(texts.rules, encoding="utf-8")
            for name, text in texts.sets.items():
                _write_set(folder, name, text)
        return Directory(target, self.topology, self.rules, self.texts)


def _write_secret(file: Path, text: str) -> None:
    """Write a file that is not there yet, for its owner's eyes alone."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as out:
        out.write(text)


def _write_set(folder: Path, name: str, text: str) -> None:
    """Write a set's file into a gateway's folder; one with an absolute path is where it is."""
    if PurePosixPath(name).is_absolute():
        return
    if ".." in PurePosixPath(name).parts:
        raise LabError(f"the set's file {name} is outside of the rule file's folder; put it beside the rule file")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def read_directory(path: Path) -> Directory:
    """Read a configuration directory; LabError says what is wrong with it."""
    document = _read_topology(path / "topology.yaml")
    gateways: dict[NodeName, Config] = {}
    rules: dict[NodeName, RuleSet] = {}
    texts: dict[NodeName, Texts] = {}
    for file in _config_files(path):
        read = _Reading()
        try:
            loaded = load(str(file), read)
        except ConfigErrors as error:
            raise LabError("\n".join(map(str, error.findings))) from error
        except OSError as error:
            raise LabError(f"cannot read {file}: {error.strerror}") from error
        node = loaded.config.node
        if node != file.parent.name:
            raise LabError(f"{file}: it is gateway {node}'s, so its folder must have that name")
        gateways[node] = loaded.config
        rules[node] = loaded.rules
        names = [name.removeprefix(FILE) for name in loaded.sets if name.startswith(FILE)]
        sets = {name: read.texts[beside(loaded.rule_file, name)] for name in names}
        texts[node] = Texts(read.texts[str(file)], read.texts.get(loaded.rule_file, ""), sets)
    if not gateways:
        raise LabError(f"{path} holds no gateway: there is no */{CONFIG} in it")
    first, *others = rules.values()
    if any(other != first for other in others):
        raise LabError("the gateways' rule files differ; all gateways must have the same (mission A1)")
    return Directory(path, derive(path.resolve().name, gateways, document), first, texts)


class _Reading:
    """Reads files as the daemon does, and keeps what it has read, by path."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        self.texts[name] = text = Path(name).read_text(encoding="utf-8-sig")
        return text


def _config_files(path: Path) -> Iterator[Path]:
    yield from sorted(path.glob(f"*/{CONFIG}"))


def _read_topology(file: Path) -> TopologyDocument:
    try:
        return load_as(TopologyDocument, str(file), _Reading())
    except OSError as error:
        raise LabError(f"cannot read {file}: {error.strerror}; docs/drill.md says what it holds") from error
    except ConfigErrors as error:
        raise LabError("\n".join(map(str, error.findings))) from error

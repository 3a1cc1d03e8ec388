"""How a zygote of the gateway's daemon comes up: it reads the configuration, and knows what each worker does.

Everything that is read from disk is kept as texts, keys included, in the supervisor's memory file: a worker that is
started again hours later is of the configuration in force, whatever has been edited meanwhile.
"""

import hashlib
import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from linkbalancer.config import farends, plugins, upstream
from linkbalancer.config.keepalived.section import MODE
from linkbalancer.config.load import Loaded
from linkbalancer.config.ways import translates, twins
from linkbalancer.daemon import agent, api, application, capabilities, checker, namefile, naming, notifier, recorder
from linkbalancer.daemon.application import Office
from linkbalancer.daemon.chosen import Known, choose
from linkbalancer.daemon.configurations import Configurations
from linkbalancer.daemon.judge import Judged, judge
from linkbalancer.daemon.layout import layout_of
from linkbalancer.daemon.lifeline import Lifeline
from linkbalancer.daemon.numbering import kept
from linkbalancer.daemon.scope import FOLDER, Chosen, Scope
from linkbalancer.daemon.together import Boards
from linkbalancer.daemon.zygote import Brood, Order
from linkbalancer.drivers.nftables import namesets
from linkbalancer.drivers.nftables.classifying import generation
from linkbalancer.drivers.nftables.render import skeleton_name
from linkbalancer.engine.supervision import AGENT, API, CHECKER, NOTIFIER, RECORDER, RESOLVER, SUCCESSOR, process_of
from linkbalancer.links import Firewall
from linkbalancer.routing.classifier import Classifier, compile_rules
from linkbalancer.routing.numbering import allocate

SECTIONS: dict[str, set[str]] = {API: {"api", "metrics"}, RECORDER: {"history", "api"}, CHECKER: {"trackers"}}
"""The workers beside the agent, each with the sections of the configuration that are its own, and nobody else's."""


PROBING = upstream.KEYS - {"gateway", "gateway6", "probe6"}
"""The keys of groups that are the checker's alone: how a static gateway is probed."""


_KNOWN: Final = Known()
"""What was chosen last by this process or a predecessor that it was forked of."""


@dataclass(frozen=True, slots=True)
class Directories:
    """Where the daemon keeps what it needs while it runs (`run`, a tmpfs), and what it needs for ever (`state`)."""

    run: Path
    state: Path


@dataclass(frozen=True, slots=True)
class Checked:
    """A configuration that comes into force, and its rules compiled."""

    chosen: Chosen
    classifier: Classifier

    @property
    def judged(self) -> Judged:
        """The configuration itself."""
        return self.chosen.judged


def birth(path: str, directories: Directories, order: Order) -> Brood:
    """Do what an order says with the configuration at `path`; return what can be forked of it.

    Raises:
        RefusedError: with a line for each error.
    """
    plugins.forget()
    store = Configurations(directories.state / FOLDER, warn=_tell)
    chosen = choose(Scope(path, store, partial(judge, path)), order.texts, order.request, _KNOWN)
    if order.texts is None or order.request is not None:
        for line in (*chosen.judged.warnings, *chosen.notice["lines"]):
            _tell(line)
    rules = chosen.judged.loaded.rules
    classifier = compile_rules(rules.resolved(namefile.addresses([directories.state])))
    # Compiled once, here: whoever is forked of this has it, and an old agent works meanwhile.
    _ = classifier.digest, rules.digest
    if order.request is not None:
        compile_ahead(chosen.judged.loaded, classifier, directories.state)
    brood = offer(Checked(chosen, classifier), directories)
    _KNOWN.note(brood.texts, chosen)
    return brood


def compile_ahead(loaded: Loaded, classifier: Classifier, state_dir: Path) -> None:
    """Compile what an agent will load: whoever is forked of this process has it, and the next one what is the same.

    An agent that numbers its applications otherwise compiles by itself.
    """
    limit = loaded.config.marks.application_limit
    with suppress(ValueError):  # more applications than numbers: the agent says so
        ids = allocate(loaded.rules.applications, kept(state_dir), limit)
        if loaded.config.firewall is Firewall.NFTABLES:
            layout = layout_of(loaded)
            generation(classifier, ids, layout)
            skeleton_name(layout)


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def offer(checked: Checked, directories: Directories) -> Brood:
    """Return what can be forked of a checked configuration."""
    loaded, run_dir, state_dir = checked.judged.loaded, directories.run, directories.state
    staff = offices(loaded)
    boards = Boards(staff)
    keys, read, notice = checked.judged.keys, checked.judged.texts.read, checked.chosen.notice

    def work(name: str, lifeline: Lifeline) -> int:
        if name in {AGENT, SUCCESSOR}:
            capabilities.keep(*capabilities.AGENT)
            return agent.run(loaded, checked.classifier, keys, lifeline, run_dir=run_dir, state_dir=state_dir)
        if name == API:
            return api.run(loaded, lifeline, notice, run_dir=run_dir, state_dir=state_dir)
        if name == RECORDER:
            capabilities.keep(*capabilities.RECORDER)
            return recorder.run(loaded, lifeline, run_dir=run_dir, state_dir=state_dir)
        if name == CHECKER:
            return checker.run(loaded, lifeline, run_dir=run_dir)
        if name == NOTIFIER:
            capabilities.keep(*capabilities.of_notifier(loaded.config.notifications.values()))
            return notifier.run(loaded, read, lifeline, run_dir=run_dir)
        capabilities.keep(*capabilities.APPLICATION)
        if name == RESOLVER:
            return naming.run(loaded, lifeline, run_dir=run_dir, state_dir=state_dir)
        return application.run(staff[name], loaded, lifeline, run_dir, boards)

    ahead = partial(compile_ahead, loaded, checked.classifier, state_dir)
    return Brood(specs(checked), checked.chosen.bundle(), work, notice, foreign=plugins.loaded(), ahead=ahead)


def specs(checked: Checked) -> dict[str, str]:
    """Return the workers, each with a digest of everything that its life depends on.

    What was parsed counts, not how it was written: a comment or another layout replaces nobody.
    """
    config, rules = checked.judged.loaded.config, checked.judged.loaded.rules
    others = {section for sections in SECTIONS.values() for section in sections} | {
        "notifications",
        "processes",
        "names",
    }
    definitions = {name: one.definition for name, one in rules.applications.items()}
    keys = {name: [(key.id, key.secret.hex()) for key in some] for name, some in checked.judged.keys.items()}
    passwords = {str(group): one.hex() for group, one in checked.judged.loaded.passwords.items()}
    whole = config.model_dump(mode="json", exclude=others)
    static = {key: group for key, group in whole["groups"].items() if group["mode"] == "static"}
    delegated = {key: group for key, group in whole["groups"].items() if group["mode"] == MODE}
    bridged = (delegated, whole["keepalived"]) if delegated else ()
    asked = sorted(checker.plugins_used(config))
    far = {name: (end.kind, end.twin.device, repr(end.schedule)) for name, end in farends.far_ends(config).items()}
    watched = _digest(config.model_dump(mode="json", include={"trackers", "mark_bits"}), static, far, *bridged, *asked)
    for group in whole["groups"].values():
        for key in PROBING:
            del group[key]
    facts = (translates(config), twins(config) is not None)
    shared = (repr(config.marks), config.vids, config.processes, config.firewall, *facts)
    found = {AGENT: _digest(whole, checked.classifier.digest, definitions, keys, passwords)}
    found |= {name: _digest(config.model_dump(mode="json", include=some)) for name, some in SECTIONS.items()}
    if config.trackers or static or delegated or far or asked:
        found[CHECKER] = watched
    else:
        del found[CHECKER]
    found |= _notifier(checked.judged) | _resolver(checked.judged.loaded)
    staff = offices(checked.judged.loaded).values()
    return found | {one.process: _digest([definitions[name] for name in one.applications], *shared) for one in staff}


def offices(loaded: Loaded) -> dict[str, Office]:
    """Return the processes of the applications by their names: one for each, or so many that share them."""
    names, wanted = list(loaded.rules.applications), loaded.config.processes
    shares: dict[str, list[str]] = {}
    for name in names:
        shares.setdefault(process_of(name, wanted), []).append(name)
    return {process: Office(process, tuple(some), wanted or len(names)) for process, some in shares.items()}


def _notifier(judged: Judged) -> dict[str, str]:
    """Return the notifier with its digest, where somebody is to be told; its passwords and authorities count too."""
    config = judged.loaded.config
    files = [file for one in config.notifications.values() for file in one.files()]
    texts = [judged.texts.read(judged.loaded.beside(file)) for file in files]
    section = config.model_dump(mode="json", include={"notifications"})
    return {NOTIFIER: _digest(section, config.node, texts)} if config.notifications else {}


def _resolver(loaded: Loaded) -> dict[str, str]:
    """Return the resolver with its digest, where rules select by names.

    The sets that it fills are of names and a family, which an edit elsewhere in a line may change.
    """
    rules, section = loaded.rules, loaded.config.model_dump(mode="json", include={"names"})
    told = {name: one.names for name, one in loaded.sets.items() if one.names}
    return (
        {RESOLVER: _digest(section, rules.names, told, sorted(namesets.contents(rules.rules)))} if rules.names else {}
    )


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

"""Loading our nftables table by `nft`, in a short-lived child process each time, never by a library in this one.

Loading takes tens of milliseconds and up (thousands of rules: seconds), so it is for starts and reloads. What is loaded
is told by the names of chains, so nothing is loaded twice and nothing needs to be listed by nft.
"""

import os
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from typing import Final

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables import contents, eras, namesets, render, translation
from linkbalancer.drivers.nftables.aims import AimWriter
from linkbalancer.drivers.nftables.classifying import OURS, Generation, edit, generation
from linkbalancer.drivers.nftables.elements import MapWriter
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.drivers.nftables.listing import chains, has
from linkbalancer.drivers.nftables.pools import pool_chain, target_of, unmade
from linkbalancer.drivers.nftables.render import (
    APPLICATION,
    FORM,
    GENERATION,
    LEARN,
    LOOK,
    PAGE,
    SKELETON,
    STAGED,
    TABLE,
)
from linkbalancer.drivers.nftables.standing import StandingWriter
from linkbalancer.drivers.nftables.sweep import in_words, sweep
from linkbalancer.drivers.nftables.trees import TREE
from linkbalancer.drivers.nftables.ways import VID, names
from linkbalancer.links import DeviceName, Mac, Vid
from linkbalancer.routing.balance import Aim, Pool
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.marks import DEFAULT_APPLICATION_ID, Marks

_PATIENCE_S: Final = 120
_WORDS_MAX: Final = 2000
_SWEPT_MAX: Final = 300
"""So many chains nft deletes along with an edit; more are deleted after it, of which nft need not learn."""


def load(text: str, operation: str = "load nftables rules") -> None:
    """Load nft text in one transaction. Raises DriverError with nft's own words; then nothing has changed.

    nft reads it from memory, not from this process: where that is killed, a pipe would end after some of the lines,
    which may be good ones by themselves.
    """
    try:
        with os.fdopen(os.memfd_create("linkbalancer-nft"), "w+") as told:
            told.write(text)
            told.seek(0)
            done = subprocess.run(
                ["nft", "-f", "-"], stdin=told, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
            )
    except FileNotFoundError as error:
        raise DriverError(f"{operation}: the program nft is missing", 0, retry=False) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DriverError(f"{operation}: {error}", 0, retry=True) from error
    if done.returncode:
        raise DriverError(f"{operation}: {done.stderr.strip()[:_WORDS_MAX]}", 0, retry=False)


def digest(netlink: NetlinkSocket | None = None) -> str | None:
    """Return the first 12 digits of the digest of the classifier in use, None if there is none. Raises DriverError."""
    if netlink is None:
        with closing(NetlinkSocket(NETFILTER)) as own:
            return digest(own)
    for name in chains(netlink):
        if name.startswith(GENERATION):
            return name.removeprefix(GENERATION).partition("_")[0]
    return None


def era(netlink: NetlinkSocket) -> int | None:
    """Return the number of the era of the classifier in use, None if there is none. Raises DriverError."""
    return eras.number(chains(netlink))


def loaded(layout: Layout, classifier: Classifier, app_ids: Mapping[str, int], netlink: NetlinkSocket) -> bool:
    """Return whether `prepare` and `install` would find nothing to do. Raises DriverError.

    Nothing is rendered for it: what is in use bears the number of its chains in its name.
    """
    present = chains(netlink)
    name = _bearer(render.generation_name(classifier, app_ids, layout.role), present)
    if name is None or render.skeleton_name(layout) not in present or render.form_name(layout.marks) not in present:
        return False
    if eras.number(present) is None:  # an older version's knows no eras
        return False
    found = sum(one.startswith(OURS) for one in present)
    return found == int(name.rpartition("_")[2]) and not any(one.startswith(STAGED) for one in present)


def stage(layout: Layout, classifier: Classifier, app_ids: Mapping[str, int], netlink: NetlinkSocket) -> None:
    """Load what `install` will put to use, beside what is in use: a layout that serves both, and the classifier.

    Packets notice nothing of it. Raises DriverError.
    """
    prepare(layout, netlink)
    present = chains(netlink)
    made = generation(classifier, app_ids, layout)
    if made.name not in present and render.staged_name(made.name) not in present:
        notes = render.staged(made.name, [one for one in present if one.startswith(STAGED)])
        for text in _beside(made, layout.marks, present):
            load(text, "load the classifier")
        load(notes, "note what is loaded")


def is_staged(layout: Layout, classifier: Classifier, app_ids: Mapping[str, int], netlink: NetlinkSocket) -> bool:
    """Return whether `install` may come before `prepare`: everything that it needs is there. Raises DriverError."""
    present = chains(netlink)
    name = render.generation_name(classifier, app_ids, layout.role)
    known = _bearer(name, present) or _bearer(render.staged_name(name), present)
    served = {*(f"{VID}{vid}" for vid in layout.vids), *map(pool_chain, layout.pools)}
    return served <= set(present) and known is not None


def prepare(layout: Layout, netlink: NetlinkSocket, homes: Mapping[int, Aim | None] | None = None) -> bool:
    """Make or mend everything but the classifier; return False when it was loaded already. Raises DriverError.

    Applications that go to what the layout does not have are sent to their `homes`, else left to main.
    """
    name = render.skeleton_name(layout)
    if has(netlink, name):
        return False
    present = chains(netlink)
    writer = MapWriter(layout.marks, netlink)
    stale = [to for to in map(target_of, present) if to is not None and not layout.serves(to)]
    if stale:
        load(render.skeleton(layout), "load the nftables table")
        homeless = [one for one, to in writer.read().items() if to in stale]
        AimWriter(layout.marks, netlink).steer({one: (homes or {}).get(one) for one in homeless})
        stood = StandingWriter(layout.marks, netlink)
        stood.write(stood.read().intersection(layout.vids))
    older = [one for one in present if one.startswith(SKELETON)]
    unwanted = unmade(TABLE, [pool_chain(to) for to in stale if isinstance(to, Pool)], present)
    gone = [one for to in stale if not isinstance(to, Pool) for one in names(to) if one in present]
    gone += translation.stale(layout, present)
    load(render.skeleton(layout, gone, unwanted) + render.renamed_skeleton(name, older), "load the nftables table")
    if DEFAULT_APPLICATION_ID not in writer.read():
        writer.steer({DEFAULT_APPLICATION_ID: None})
    return True


def install(
    layout: Layout,
    classifier: Classifier,
    app_ids: Mapping[str, int],
    netlink: NetlinkSocket,
    since: int | None = None,
) -> bool:
    """Load a classifier in place of the one in use, no packet unclassified meanwhile; needs `prepare` before.

    `since` is the era of the one in use, where that is known. Return False when this very classifier, with these
    applications, is in use already. Raises DriverError.
    """
    made = generation(classifier, app_ids, layout)
    if since is not None and _edited(made, layout, since, netlink):
        return True
    return _replaced(made, layout, app_ids, netlink)


def _replaced(made: Generation, layout: Layout, app_ids: Mapping[str, int], netlink: NetlinkSocket) -> bool:
    """Put a generation in the place of whatever is in use; return False when that is this one."""
    present = chains(netlink)
    form = render.form_name(layout.marks)
    whole = {made.name, form, *made.chains, *made.applications} <= set(present)
    whole &= eras.number(present) is not None
    used = made.chains | made.applications.keys()
    unused = [one for one in present if one.startswith((*OURS, APPLICATION, LEARN, PAGE, LOOK)) and one not in used]
    notes = [one for one in present if one.startswith((GENERATION, STAGED, FORM)) and one not in {made.name, form}]
    if whole and not notes and not any(one.startswith(OURS) for one in unused):
        return False
    texts = []
    if not whole and render.staged_name(made.name) not in present:
        texts = list(_beside(made, layout.marks, present))
    gone = [] if _numbered_alike(made.name, notes) else _gone(layout.marks, app_ids, netlink)
    begins = eras.after(present, layout.marks.generation_limit)
    notes += [one for one in present if one.startswith(eras.ERA)]
    text = render.swap(made.name, layout, made.entrances, begins, old_chains=notes, old_applications=gone)
    if len(texts) == 1:  # an edit: one transaction does for all, and costs half
        text = texts.pop() + text
        if len(unused) <= _SWEPT_MAX:
            text += in_words(unused)
            unused = []
    for one in texts:
        load(one, "load the classifier")
    load(text, "put the classifier to use")
    if gone:
        AimWriter(layout.marks, netlink).forget(gone)
    sweep(unused, netlink)
    namesets.sweep(netlink, made.sets)
    return True


def _edited(made: Generation, layout: Layout, since: int, netlink: NetlinkSocket) -> bool:
    """Put a generation to use by what it has and the one before has not; return whether that was done.

    That one must be in use, of the same applications, which some names say of thousands of chains. Somebody may have
    been at the others: where nft misses one nothing has changed, and whoever counts them (`loaded`) finds the rest.
    """
    known = edit(made)
    if known is None or known.last.sets != made.sets or not _numbered_alike(made.name, [known.last.name]):
        return False
    notes = [known.last.name, f"{eras.ERA}{since}"]
    if not all(has(netlink, one) for one in (*notes, render.form_name(layout.marks))):
        return False
    texts = list(render.beside(known.new, known.entrances))
    if len(texts) > 1 or len(known.unused) > _SWEPT_MAX or known.last.name == made.name:
        return False
    begins = eras.next_one(since, layout.marks.generation_limit)
    text = render.swap(made.name, layout, made.entrances, begins, old_chains=notes)
    try:
        load("".join(texts) + text + in_words(known.unused), "put the classifier to use")
    except DriverError:  # whether nft means the rules, or what we thought is there, the whole way will tell
        return False
    return True


def _numbered_alike(name: str, notes: Iterable[str]) -> bool:
    """Return whether the generation in use has the very applications, by their numbers, of the one of a name."""
    numbered = name.split("_")[2]
    return numbered in [one.split("_")[2] for one in notes if one.startswith(GENERATION)]


def _gone(marks: Marks, app_ids: Mapping[str, int], netlink: NetlinkSocket) -> list[int]:
    """Return the applications in the map that are none any more. Raises DriverError."""
    kept = {DEFAULT_APPLICATION_ID, *app_ids.values()}
    return [one for one in MapWriter(marks, netlink).read() if one not in kept]


def anew(
    layout: Layout,
    classifier: Classifier,
    app_ids: Mapping[str, int],
    elements: Mapping[int, Aim | None],
    members: Mapping[DeviceName, frozenset[Mac]],
    *,
    standing: Collection[Vid] = (),
    era: int | None = None,
) -> None:
    """Make the whole table anew in one transaction, whatever it was, with these elements in its maps and sets.

    `standing` are the VIDs that work, `era` is the one that went on, if it is known: no flow is classified anew then.
    Raises DriverError.
    """
    made = generation(classifier, app_ids, layout)
    steered = {one: aim for one, aim in elements.items() if layout.serves(None if aim is None else aim.to)}
    with closing(NetlinkSocket(NETFILTER)) as netlink:
        begins = era or eras.after(chains(netlink), layout.marks.generation_limit)
    text = (
        f"add table inet {TABLE}\ndelete table inet {TABLE}\n"
        + render.skeleton(layout)
        + render.renamed_skeleton(render.skeleton_name(layout), ())
        + "".join(_beside(made, layout.marks, ()))
        + render.swap(made.name, layout, made.entrances, begins)
        + contents.steered(steered, layout.marks)
        + contents.known(members)
        + contents.stood(set(standing) & set(layout.vids), layout.marks)
    )
    load(text, "load the nftables table anew")


def _bearer(beginning: str, present: Iterable[str]) -> str | None:
    """Return the chain whose name begins so; a generation's ends with how many chains it has."""
    return next((one for one in present if one.startswith(beginning)), None)


def _beside(made: Generation, marks: Marks, present: Iterable[str]) -> Iterator[str]:
    """Yield the texts that load what a generation needs and what is not there yet.

    Chains of trees bear the digest of their rules: one that is there is right. Those of applications are right if
    they were made like ours.
    """
    form, there = render.form_name(marks), set(present)
    applications = made.applications
    if form in there:
        applications = {name: rules for name, rules in applications.items() if name not in there}
    new = {name: rules for name, rules in made.fixed.items() if name not in there or not name.startswith(TREE)}
    sets = namesets.made(made.sets)
    for text in render.beside({**applications, form: (), **new}, made.entrances, there):
        yield sets + text
        sets = ""

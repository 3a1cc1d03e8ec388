"""Loading our nftables table by `nft`, in a short-lived child process each time, never by a library in this one.

Loading takes tens of milliseconds and up (thousands of rules: seconds), so it is for starts and reloads. What is loaded
is told by the names of chains, so nothing is loaded twice and nothing needs to be listed by nft.
"""

import subprocess
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Final

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables import render
from linkbalancer.drivers.nftables.elements import MapWriter, chains
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.drivers.nftables.render import (
    APPLICATION,
    FORWARD,
    GENERATION,
    MIRROR,
    SKELETON,
    STAGED,
    TABLE,
    VID,
)
from linkbalancer.links import DeviceName, Mac, Vid
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.marks import DEFAULT_APPLICATION_ID

_PATIENCE_S: Final = 120
_WORDS_MAX: Final = 2000


def load(text: str, operation: str = "load nftables rules") -> None:
    """Load nft text in one transaction. Raises DriverError with nft's own words; then nothing has changed."""
    try:
        done = subprocess.run(
            ["nft", "-f", "-"], input=text, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
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


def loaded(layout: Layout, classifier: Classifier, app_ids: Mapping[str, int], netlink: NetlinkSocket) -> bool:
    """Return whether `prepare` and `install` would find nothing to do. Raises DriverError."""
    present = chains(netlink)
    wanted = {render.skeleton_name(layout), render.generation_name(classifier, app_ids, layout.role)}
    return wanted <= set(present) and not _left_over(present, classifier)


def stage(layout: Layout, classifier: Classifier, app_ids: Mapping[str, int], netlink: NetlinkSocket) -> None:
    """Load what `install` will put to use, beside what is in use: a layout that serves both, and the classifier.

    Packets notice nothing of it. Raises DriverError.
    """
    prepare(layout, netlink)
    present = chains(netlink)
    name = render.generation_name(classifier, app_ids, layout.role)
    if name not in present and render.staged_name(name) not in present:
        notes = render.staged(name, [one for one in present if one.startswith(STAGED)])
        load(render.generation(classifier, app_ids, layout.marks) + notes, "load the classifier")


def is_staged(layout: Layout, classifier: Classifier, app_ids: Mapping[str, int], netlink: NetlinkSocket) -> bool:
    """Return whether `install` may come before `prepare`: everything that it needs is there. Raises DriverError."""
    present = set(chains(netlink))
    name = render.generation_name(classifier, app_ids, layout.role)
    return {f"{VID}{vid}" for vid in layout.vids} <= present and not present.isdisjoint(
        {name, render.staged_name(name)}
    )


def prepare(layout: Layout, netlink: NetlinkSocket, homes: Mapping[int, Vid | None] | None = None) -> bool:
    """Make or mend everything but the classifier; return False when it was loaded already. Raises DriverError.

    Applications that go to a VID which the layout does not have are sent to their `homes`, else left to main.
    """
    name = render.skeleton_name(layout)
    present = chains(netlink)
    if name in present:
        return False
    writer = MapWriter(layout.marks, netlink)
    stale = [int(one.removeprefix(VID)) for one in present if one.startswith(VID)]
    stale = [vid for vid in stale if vid not in layout.vids]
    if stale:
        load(render.skeleton(layout), "load the nftables table")
        homeless = [one for one, vid in writer.read().items() if vid in stale]
        writer.steer({one: (homes or {}).get(one) for one in homeless})
    older = [one for one in present if one.startswith(SKELETON)]
    load(render.skeleton(layout, stale) + render.renamed_skeleton(name, older), "load the nftables table")
    if DEFAULT_APPLICATION_ID not in writer.read():
        writer.steer({DEFAULT_APPLICATION_ID: None})
    return True


def install(layout: Layout, classifier: Classifier, app_ids: Mapping[str, int], netlink: NetlinkSocket) -> bool:
    """Load a classifier in place of the one in use, no packet unclassified meanwhile; needs `prepare` before.

    Return False when this very classifier, with these applications, is in use already. Raises DriverError.
    """
    present = chains(netlink)
    name = render.generation_name(classifier, app_ids, layout.role)
    left_over = _left_over(present, classifier)
    if name in present and not left_over:
        return False
    if name not in present and render.staged_name(name) not in present:
        load(render.generation(classifier, app_ids, layout.marks), "load the classifier")
    older = [*left_over, *(one for one in present if one.startswith(GENERATION))]
    kept = {DEFAULT_APPLICATION_ID, *app_ids.values()}
    applications = [int(one.removeprefix(APPLICATION)) for one in present if one.startswith(APPLICATION)]
    older += [f"{APPLICATION}{one}" for one in applications if one not in kept]
    gone = [one for one in MapWriter(layout.marks, netlink).read() if one not in kept]
    load(render.swap(name, layout, old_chains=older, old_applications=gone), "put the classifier to use")
    return True


def anew(
    layout: Layout,
    classifier: Classifier,
    app_ids: Mapping[str, int],
    elements: Mapping[int, Vid | None],
    members: Mapping[DeviceName, frozenset[Mac]],
) -> None:
    """Make the whole table anew in one transaction, whatever it was, with these elements in its map and its set.

    Raises DriverError.
    """
    name = render.generation_name(classifier, app_ids, layout.role)
    steered = {one: vid for one, vid in elements.items() if vid is None or vid in layout.vids}
    text = (
        f"add table inet {TABLE}\ndelete table inet {TABLE}\n"
        + render.skeleton(layout)
        + render.renamed_skeleton(render.skeleton_name(layout), ())
        + render.generation(classifier, app_ids, layout.marks)
        + render.swap(name, layout)
        + render.steered(steered, layout.marks)
        + render.known(members)
    )
    load(text, "load the nftables table anew")


def _left_over(present: Iterable[str], classifier: Classifier) -> list[str]:
    """Return the chains of other classifiers, and notes of those that wait: replaced, or a failed successor's."""
    own = f"_{render.short(classifier.digest)}"
    return [
        one
        for one in present
        if (one.startswith((FORWARD, MIRROR)) and not one.endswith(own)) or one.startswith(STAGED)
    ]

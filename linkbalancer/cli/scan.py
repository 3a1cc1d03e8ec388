"""`linkbalancer scan DEV`: which VRIDs are in use on a LAN, by whom, with what. It listens and sends nothing.

It needs no daemon and no configuration; where there is one, its groups are marked.
"""

import argparse
import os
import select
import socket
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from linkbalancer.cli.client import add_run_dir_option
from linkbalancer.cli.output import add_json_option, complain, emit
from linkbalancer.cli.places import DEFAULT, GATEWAY_FILE, gateway_file, in_use
from linkbalancer.cli.scanned import as_json, as_text
from linkbalancer.cli.screen import here
from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.config.findings import ConfigErrors, FieldError
from linkbalancer.config.load import load
from linkbalancer.config.quantities import parse_duration
from linkbalancer.host.lanear import LanEar
from linkbalancer.links import DeviceName, GroupId
from linkbalancer.vrrp.census import Census
from linkbalancer.vrrp.group import Group

LEAST: Final[Duration] = 100 * MILLISECOND
MOST: Final[Duration] = 3600 * SECOND
_STEP: Final[Duration] = 200 * MILLISECOND
_CLEAR: Final = "\r\x1b[K"

EXAMPLES = (
    ("scan eth0", "who uses which VRID there now"),
    ("scan eth0 --for 45s", "the same, long enough for the longest interval that VRRP version 3 knows"),
    ("scan eth0 --json", "for programs"),
)


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("device", metavar="DEV", help="the LAN device to listen on")
    parser.add_argument(
        "--for",
        dest="period",
        type=_period,
        default=5 * SECOND,
        metavar="TIME",
        help="how long to listen (default: 5s; a router is heard once in its interval, which is 1s as a rule)",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="CONFIG",
        help=f"the gateway's {GATEWAY_FILE}, whose groups are marked (default: {DEFAULT})",
    )
    add_json_option(parser)
    add_run_dir_option(parser)


def run(args: Namespace) -> int:
    """Listen, then tell; 0: done, 1: several Masters of one VRID are at work, 2: it cannot listen."""
    try:
        ours = _groups(args)
    except ConfigErrors as errors:
        complain(f"cannot mark our own groups: {errors.findings[0]}")
        ours = {}
    except OSError as error:
        complain(f"cannot mark our own groups: cannot read {error.filename}: {error.strerror}")
        ours = {}
    try:
        with closing(LanEar(args.device)) as ear:
            census = _listen(ear, args.device, args.period)
    except OSError as error:
        complain(_hindrance(error, args.device))
        return 2
    emit(
        args,
        as_json(census, args.device, args.period, ours),
        "" if args.json else as_text(census, args.device, args.period, ours, here(everything=True)),
    )
    return 1 if any(map(census.contested, census.groups())) else 0


def _period(word: str) -> Duration:
    try:
        period = parse_duration(word)
    except FieldError as error:
        raise argparse.ArgumentTypeError(f"{error.what}; {error.remedy}") from error
    if not LEAST <= period <= MOST:
        raise argparse.ArgumentTypeError(f"{word} is not between 100ms and 1h")
    return period


def _groups(args: Namespace) -> Mapping[GroupId, Group]:
    """Return the groups that are configured here on the device; without a configuration there are none."""
    path = gateway_file(args.config or in_use(args.run_dir))
    if args.config is None and not path.exists():
        return {}
    config = load(str(path), lambda name: Path(name).read_text(encoding="utf-8-sig")).config
    return {group: one.vrrp(group) for group, one in config.groups.items() if one.device == args.device}


def _listen(ear: LanEar, device: DeviceName, period: Duration) -> Census:
    """Take in what passes until the time is over, or somebody has seen enough (Ctrl-C). Raises OSError."""
    census, now = Census(), time.monotonic_ns()
    end, shows = now + period, sys.stderr.isatty()
    try:
        while (now := time.monotonic_ns()) < end:
            if shows:
                _progress(census, device, end - now)
            if select.select([ear], [], [], min(end - now, _STEP) / SECOND)[0]:
                _take(census, ear, time.monotonic_ns())
    except KeyboardInterrupt:
        if not census.groups():
            raise
    finally:
        if shows:
            sys.stderr.write(_CLEAR)
    return census


def _take(census: Census, ear: LanEar, now: Instant) -> None:
    for packet, mac, sent_here in ear.listen():
        census.take(now, packet, mac, here=sent_here)


def _progress(census: Census, device: DeviceName, left: Duration) -> None:
    found = len(census.groups())
    sys.stderr.write(f"{_CLEAR}listening on {device}, {-(-left // SECOND)} s left: {found} VRIDs so far")
    sys.stderr.flush()


def _hindrance(error: OSError, device: DeviceName) -> str:
    """Say why there is nothing to hear, and what to do."""
    if isinstance(error, PermissionError):
        return f"listening on {device} needs root (CAP_NET_RAW): run it with sudo"
    there = sorted(name for _index, name in socket.if_nameindex() if name != "lo")
    if device not in there:
        choice = f"there are {', '.join(there)}" if there else "there is none at all"
        return f"there is no device {device} here; {choice}"
    if not _is_up(device):
        return f"{device} is down: `ip link set {device} up`"
    return f"cannot listen on {device}: {error.strerror or os.strerror(error.errno or 0)}"


def _is_up(device: DeviceName) -> bool:
    flags = int(Path(f"/sys/class/net/{device}/flags").read_text(), 16)
    return bool(flags & 1)

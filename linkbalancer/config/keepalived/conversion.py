"""A keepalived.conf becomes a configuration of ours: files to write, and a remark for each thing that is different.

Everything that the file says is either carried over or spoken of: `Ledger.leftovers` names what nobody has.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from linkbalancer.config.findings import Finding, shown
from linkbalancer.config.keepalived import defaults, foreign, syncgroups, values
from linkbalancer.config.keepalived.addresses import Placed
from linkbalancer.config.keepalived.expansion import Expansion
from linkbalancer.config.keepalived.instance import Instance, password_file, written
from linkbalancer.config.keepalived.instancereader import Reader as InstanceReader
from linkbalancer.config.keepalived.notices import Notifications
from linkbalancer.config.keepalived.remarks import Kind, Remark
from linkbalancer.config.keepalived.statements import Ledger, Statement, parse
from linkbalancer.config.keepalived.syncgroups import SyncGroup
from linkbalancer.config.keepalived.trackers import Trackers
from linkbalancer.config.keepalived.tracking import Reader as TrackerReader
from linkbalancer.config.keepalived.words import Word
from linkbalancer.config.keepalived.writing import File, gateway, rules
from linkbalancer.config.quantities import write_duration
from linkbalancer.links import Address, Family, GroupId

MEMBERS_MIN: Final = 2

_NO_INSTANCE: Final = "there is no vrrp_instance that can be carried over"


_Place: TypeAlias = tuple[Address, str | None]
"""An address, and the device that it is on where others may have it on other devices (link-local IPv6)."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of a keepalived.conf: files, unless there are errors; and what is to be said of it."""

    files: tuple[File, ...]
    remarks: tuple[Remark, ...]
    errors: tuple[Finding, ...] = ()


def convert(
    path: str, read: Callable[[str], str], match: Callable[[str, str], list[str]], *, config_id: str, node: str
) -> Conversion:
    """Convert the file at `path`; see `Expansion` for what is handed in. `node` names the gateway if the file does not.

    Raises:
        ConfigErrors: The file is no text.
        OSError: It cannot be read.
    """
    expansion = Expansion(path, read, match, config_id)
    statements, errors = parse(expansion.lines)
    errors = [*expansion.errors, *errors]
    if errors:
        return Conversion((), tuple(sorted(set(expansion.remarks))), tuple(sorted(set(errors))))
    converter = Converter(statements, path, node)
    files = converter.run()
    remarks = tuple(sorted({*expansion.remarks, *converter.ledger.remarks}))
    if not files:
        return Conversion((), remarks, (Finding(path, 1, 1, _NO_INSTANCE, "see what was said of each"),))
    return Conversion(files, remarks)


@dataclass(frozen=True, slots=True)
class _Membership:
    """What a sync group means for what an instance tracks: without weights, and not what the sync group tracks."""

    weightless: bool = False
    tracked: frozenset[str] = frozenset()


_ALONE: Final = _Membership()


class Converter:
    """Turns the statements of one configuration into ours; `ledger` has what is to be said."""

    def __init__(self, statements: Iterable[Statement], path: str, node: str) -> None:
        self._statements = list(statements)
        self._path, self._node = path, node
        self.ledger = Ledger()
        self._global = defaults.Reader(self.ledger)
        self._trackers = Trackers(self.ledger)
        self._instances: dict[str, Instance] = {}
        self._groups: dict[GroupId, Instance] = {}
        self._addresses: dict[_Place, str] = {}

    def run(self) -> tuple[File, ...]:
        """Return the files, none where there would be no group."""
        rest = [one for one in self._statements if not self._is_global(one)]
        general = self._global.found
        reader = TrackerReader(self.ledger, general.script_user)
        definitions = {
            "vrrp_script": reader.script,
            "vrrp_track_file": reader.file,
            "track_file": reader.file,
            "vrrp_track_process": reader.process,
            "track_process": reader.process,
        }
        for one in rest:
            if one.keyword in definitions:
                self._trackers.define(definitions[one.keyword](one))
        for one in rest:
            if one.keyword == "vrrp_instance":
                self._instance(one)
        sync_groups = [
            found
            for one in rest
            if one.keyword == "vrrp_sync_group" and (found := syncgroups.read(self.ledger, one, general)) is not None
        ]
        document = self._document(sync_groups)
        self._trackers.finish()
        for one in rest:
            foreign.told(self.ledger, one, foreign.TOP)
        self.ledger.leftovers(self._statements)
        if not self._groups:
            return ()
        passwords = (
            File(password_file(group), found.password.decode("utf-8", "surrogateescape") + "\n", secret=True)
            for group, found in self._groups.items()
            if found.password is not None
        )
        origins = {
            _key(group): (found.name, f"{found.statement.words[0].file}:{found.statement.words[0].line}")
            for group, found in self._groups.items()
        }
        return (gateway(document, self._path, origins), rules(self._path), *passwords)

    def _is_global(self, one: Statement) -> bool:
        if one.keyword == "global_defs":
            self._global.block(one)
            return True
        # Some stand at the top level, as the parser of Keepalived has them there as well.
        return one.keyword in {
            "net_namespace",
            "instance",
            "use_pid_dir",
            "child_wait_time",
            "linkbeat_use_polling",
        } and (self._global.take(one))

    def _instance(self, statement: Statement) -> None:
        found = InstanceReader(self.ledger, statement, self._global.found).read()
        if found is None:
            return
        self._own_addresses(found)
        if found.name in self._instances:
            self._give_up(found, "has the name of another one", "give it a name of its own")
        elif not found.virtual_ips:
            self._give_up(found, "has no address of its own left", "give it one")
        elif found.id in self._groups:
            other = self._groups[found.id]
            what = f"has VRID {found.id.vid}, as {shown(other.name)} has on {other.device}: a VRID is one group here"
            self._give_up(found, what, "give one of them another VRID, on all of its routers")
        else:
            self._instances[found.name] = self._groups[found.id] = found
            places = (_place(one, found) for one in (*found.virtual_ips, *found.excluded_ips))
            self._addresses.update(dict.fromkeys(places, found.name))

    def _own_addresses(self, found: Instance) -> None:
        """Leave out addresses that an instance has already, itself or another; whether any is left is seen later."""
        seen: set[_Place] = set()
        for some in (found.virtual_ips, found.excluded_ips):
            for one in list(some):
                place = _place(one, found)
                owner = self._addresses.get(place, found.name if place in seen else None)
                if owner is not None:
                    what = f"{one.interface.ip} is an address of {shown(owner)} already"
                    self.ledger.say(Kind.LOST, one.word, what, "give each instance addresses of its own")
                    some.remove(one)
                seen.add(place)

    def _give_up(self, found: Instance, what: str, remedy: str) -> None:
        self.ledger.lost(found.statement, f"the instance {shown(found.name)} {what}", remedy)

    # -- the document ------------------------------------------------------------------------------------------------

    def _document(self, sync_groups: list[SyncGroup]) -> dict[str, Any]:
        general = self._global.found
        node = values.fitting_name(general.router_id or self._node, set())
        notifications = Notifications(self.ledger, general, node)
        synchronised, members = self._sync_groups(sync_groups, notifications)
        groups = {_key(group): self._group(found, members) for group, found in self._groups.items()}
        self._tell(notifications, sync_groups)
        document: dict[str, Any] = {"node": node, "role": "standalone"}
        rate = general.announcing.rate()
        if rate is not None:
            document["announce_rate"] = rate
        if general.startup_delay:
            document["start_delay"] = write_duration(general.startup_delay)
        document["groups"] = groups
        sections = {
            "sync_groups": synchronised,
            "trackers": self._trackers.written,
            "notifications": notifications.written,
        }
        return {
            **document,
            **{key: section for key, section in sections.items() if section},
            "applications": "apps.conf",
        }

    def _group(self, found: Instance, members: Mapping[str, _Membership]) -> dict[str, Any]:
        member = members.get(found.name, _ALONE)
        track = self._trackers.track(found.tracks, weightless=member.weightless, besides=member.tracked)
        return written(found, strict=self._global.found.strict, track=track)

    def _sync_groups(
        self, sync_groups: list[SyncGroup], notifications: Notifications
    ) -> tuple[dict[str, Any], dict[str, _Membership]]:
        """Return what `sync_groups` says, and what that means for its members."""
        synchronised: dict[str, Any] = {}
        members: dict[str, _Membership] = {}
        taken: set[str] = set()
        grouped: dict[str, str] = {}
        for one in sync_groups:
            names = [word.text for word in one.members if self._member(word, one, grouped)]
            if len(names) < MEMBERS_MIN:
                what = f"the sync group {shown(one.name)} has less than {MEMBERS_MIN} members"
                self.ledger.lost(one.statement, what, "remove it; what it tracks belongs to the instance")
                continue
            track = self._trackers.track(one.tracks)
            members |= dict.fromkeys(names, _Membership(not one.keeps_weights, frozenset(track)))
            name = values.fitting_name(one.name, taken)
            synchronised[name] = {
                "groups": [_key(self._instances[member].id) for member in names],
                **({"track": track} if track else {}),
            }
            notifications.sync_group(name, one.notices)
        return synchronised, members

    def _member(self, word: Word, one: SyncGroup, grouped: dict[str, str]) -> bool:
        """Whether a word names an instance that can be a member; a remark where it does not."""
        if word.text not in self._instances:
            self.ledger.lost_words([word], f"there is no instance {shown(word.text)} to be a member", "remove it")
        elif word.text in grouped:
            what = f"{shown(word.text)} is in the sync group {shown(grouped[word.text])} already"
            self.ledger.lost_words([word], what, "remove it from one of the two")
        else:
            grouped[word.text] = one.name
            self.ledger.carried_words(word)
            return True
        return False

    def _tell(self, notifications: Notifications, sync_groups: list[SyncGroup]) -> None:
        general = self._global.found
        mailed: list[int | str] = []
        silent = False
        for group, found in self._groups.items():
            notifications.instance(found.name, _key(group), found.notices)
            if found.notices.mails or (found.notices.mails is None and general.mails):
                mailed.append(_key(group))
            else:
                silent = True
        names = {_key(group): found.name for group, found in self._groups.items()}
        notices = [found.notices for found in self._groups.values()] + [one.notices for one in sync_groups]
        tells = general.tells_priority or any(one.tells_priority for one in notices)
        notifications.fifos(names, tells_priority=tells)
        by_sync_group = any(one.notices.mails for one in sync_groups)
        notifications.mail(mailed, everything=not silent or by_sync_group)


def _key(group: GroupId) -> int | str:
    return str(group) if group.family is Family.IPV6 else group.vid


def _place(one: Placed, found: Instance) -> _Place:
    address = one.interface.ip
    shared = address.version == 6 and address.is_link_local
    return address, (one.device or found.device) if shared else None

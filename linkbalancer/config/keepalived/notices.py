"""Whom Keepalived tells of changes: scripts, FIFOs and mail; and the notifications that do it here."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from linkbalancer.config.keepalived import defaults, values
from linkbalancer.config.keepalived.defaults import Defaults, Script
from linkbalancer.config.keepalived.remarks import Kind
from linkbalancer.config.keepalived.statements import Ledger, Statement
from linkbalancer.config.quantities import write_duration

MAIL_SERVER: Final = "127.0.0.1"
"""Where Keepalived sends mail when nobody says."""

MAILBOXES_MAX: Final = 50

_STATES: Final = {
    "notify": None,
    "notify_master": "MASTER",
    "notify_backup": "BACKUP",
    "notify_fault": "FAULT",
    "notify_stop": "STOP",
}


@dataclass(frozen=True, slots=True)
class _Told:
    state: str | None
    script: Script


@dataclass(slots=True)
class Notices:
    """Who is told of one instance or sync group."""

    scripts: list[_Told] = field(default_factory=list)
    mails: bool | None = None
    tells_priority: bool | None = None

    def take(self, ledger: Ledger, one: Statement, general: Defaults) -> bool:
        """Take a statement; whether it is about telling."""
        match one.keyword:
            case "notify" | "notify_master" | "notify_backup" | "notify_fault" | "notify_stop":
                script = defaults.script(ledger, one, general.script_user)
                if script is not None:
                    self.scripts.append(_Told(_STATES[one.keyword], script))
                    if script.user is None:
                        what = f"{one.keyword} runs as an unprivileged user here, not as keepalived_script or root"
                        ledger.say(Kind.CHANGED, one.words[0], what, "give the notification the user that it needs")
            case "notify_deleted":
                what = "notify_deleted: a group that is taken out of the configuration stops, and says STOP"
                ledger.lost(one, what, "let the script for STOP do it")
            case "notify_master_rx_lower_pri":
                ledger.lost(one, f"{one.keyword} has no state of its own", "notify a script of events: [rival]")
            case "smtp_alert":
                self.mails = values.switch(ledger, one)
            case "notify_priority_changes":
                self.tells_priority = values.switch(ledger, one)
            case _:
                return False
        return True


class Notifications:
    """All notifications of a configuration, by the names that they get."""

    def __init__(self, ledger: Ledger, general: Defaults, node: str) -> None:
        self._ledger, self._general, self._node = ledger, general, node
        self._taken: set[str] = set()
        self.written: dict[str, dict[str, Any]] = {}

    def instance(self, name: str, group: int | str, notices: Notices) -> None:
        """Add the scripts of an instance."""
        for told in notices.scripts:
            words = _only(told, kind="INSTANCE", name=None)
            self._script(name, told, words, {"events": ["group"], "groups": [group], "names": {group: name}})

    def sync_group(self, name: str, notices: Notices) -> None:
        """Add the scripts of a sync group."""
        for told in notices.scripts:
            self._script(name, told, _only(told, kind="GROUP", name=name), {"events": ["sync-group"]})

    def _script(self, of: str, told: _Told, words: list[str], which: dict[str, Any]) -> None:
        name = values.fitting_name(f"{of}-{(told.state or 'any').lower()}", self._taken)
        user = {} if told.script.user is None else {"user": told.script.user}
        self.written[name] = {"script": words, **user, **which}

    def fifos(self, names: Mapping[int | str, str], *, tells_priority: bool) -> None:
        """Add the FIFOs, which are told of everything."""
        for one in self._general.fifos:
            path = values.text(self._ledger, one)
            if path is None:
                continue
            for word in one.words[2:4]:
                what = f"{word.text}: the FIFO belongs to the service's own user"
                self._ledger.lost_words([word], what, "make the FIFO before the service starts, as its readers need it")
            events = {"events": ["group", "sync-group", "rival", "priority"]} if tells_priority else {}
            name = values.fitting_name("fifo", self._taken)
            self.written[name] = {"fifo": path, **events, **({"names": dict(names)} if names else {})}
        for one in self._general.fifo_scripts:
            what = f"{one.keyword}: nobody starts the reader of a FIFO here"
            self._ledger.lost(one, what, "start it as a service of its own")

    def mail(self, groups: Iterable[int | str], *, everything: bool) -> None:
        """Add the mail, of some groups or of everything."""
        mail, some = self._general.mail, list(groups)
        if not (everything or some):
            if mail.said is not None:
                what = "notification_email: nobody is mailed, for smtp_alert is not on"
                self._ledger.say(Kind.NEEDLESS, mail.said.words[0], what, "nothing to do")
            return
        if not mail.to:
            # As with Keepalived, whose smtp_alert without an address tells nobody.
            return
        if len(mail.to) > MAILBOXES_MAX and mail.said is not None:
            what = f"notification_email: {MAILBOXES_MAX} addresses at most get a mail"
            self._ledger.say(Kind.LOST, mail.said.words[0], what, "mail to a list")
        sender = mail.sender or f"keepalived@{self._node.replace('_', '-')}"
        timeout = {} if mail.timeout is None else {"timeout": write_duration(mail.timeout)}
        server: dict[str, Any] = {"server": mail.server or MAIL_SERVER, "port": mail.port, "security": "none"}
        which = {} if everything else {"groups": some}
        name = values.fitting_name("mail", self._taken)
        self.written[name] = {
            "email": {**server, "from": sender, "to": mail.to[:MAILBOXES_MAX]},
            "events": ["group", "sync-group"],
            **which,
            **timeout,
        }


def _only(told: _Told, *, kind: str, name: str | None) -> list[str]:
    """Return the command that runs a script; for some states alone, by a shell that looks at what it is told.

    Ours hands a script what Keepalived hands to `notify`: type, name, state and priority. A script for one state is
    told nothing.
    """
    words = list(told.script.words)
    tests = [] if name is None else [f'[ "$2" = {shlex.quote(name)} ]']
    if told.state is not None:
        tests.append(f'[ "$3" = {told.state} ]')
    if not tests:
        return words
    arguments = "" if told.state is not None else ' "$@"'
    return ["/bin/sh", "-c", f"{' && '.join(tests)} || exit 0; exec {shlex.join(words)}{arguments}", kind.lower()]

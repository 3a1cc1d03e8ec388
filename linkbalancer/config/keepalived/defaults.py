"""What a keepalived.conf says for all of its instances: global_defs, and what they add up to."""

import re
from dataclasses import dataclass, field
from typing import Final

from linkbalancer.clock import SECOND, Duration
from linkbalancer.config.findings import shown
from linkbalancer.config.keepalived import foreign, values
from linkbalancer.config.keepalived.announcing import Announcing
from linkbalancer.config.keepalived.statements import Ledger, Statement
from linkbalancer.config.keepalived.words import Word, arguments

VERSION: Final = 2
"""The version that Keepalived speaks where nobody says one."""

DOWN_TIMER_ADVERTS: Final = 3
_SERVER: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?", re.ASCII)
_MAILBOX: Final = re.compile(r"[^\s@<>,;:\"\\]+@[A-Za-z0-9.-]+", re.ASCII)
WORDS_MAX: Final = 60
MULTICAST: Final = ("224.0.0.18", "ff02::12")


@dataclass(frozen=True, slots=True)
class Script:
    """A command line, and as whom it runs."""

    words: tuple[str, ...]
    user: str | None = None


@dataclass(slots=True)
class Mail:
    """Where e-mail goes."""

    to: list[str] = field(default_factory=list)
    said: Statement | None = None
    sender: str | None = None
    server: str | None = None
    port: int = 25
    timeout: Duration | None = None


@dataclass(slots=True)
class Defaults:
    """What global_defs say, with Keepalived's own defaults."""

    router_id: str | None = None
    version: int = VERSION
    strict: bool = False
    announcing: Announcing = field(default_factory=Announcing)
    announce_rate: int | None = None
    startup_delay: Duration = 0
    script_user: str | None = None
    mail: Mail = field(default_factory=Mail)
    mails: bool = False
    tells_priority: bool = False
    fifos: list[Statement] = field(default_factory=list)
    fifo_scripts: list[Statement] = field(default_factory=list)


class Reader:
    """Reads global_defs, statement by statement."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.found = Defaults()

    def block(self, statement: Statement) -> None:
        """Take a whole block."""
        self._ledger.carried(statement, 1)
        for one in statement.inner():
            self.take(one)

    def take(self, one: Statement) -> bool:
        """Take one statement; whether it is known."""
        keyword, ledger, found = one.keyword, self._ledger, self.found
        if foreign.told(ledger, one, foreign.GLOBAL) or self._announcing(one) or self._mail(one):
            return True
        match keyword:
            case "router_id":
                found.router_id = values.text(ledger, one) or found.router_id
            case "vrrp_version":
                found.version = values.integer(ledger, one, 2, 3) or found.version
            case "vrrp_startup_delay":
                found.startup_delay = values.seconds(ledger, one, 0, 1000 * SECOND) or 0
            case "script_user":
                found.script_user = values.account(ledger, one) or found.script_user
                if len(one.words) > 2:
                    ledger.lost_words(one.words[2:3], "the group of script_user", "the user's own group is taken")
            case "notify_fifo" | "vrrp_notify_fifo":
                found.fifos.append(one)
            case "notify_fifo_script" | "vrrp_notify_fifo_script":
                found.fifo_scripts.append(one)
            case _:
                return self._protocol(one)
        return True

    def _protocol(self, one: Statement) -> bool:
        ledger, found = self._ledger, self.found
        match one.keyword:
            case "vrrp_strict":
                found.strict = True
                what = "vrrp_strict: no_accept is carried over, what else it forbids is not checked"
                ledger.changed(one, what, "remove what the RFCs do not know: authentication, unicast")
            case "vrrp_notify_priority_changes":
                found.tells_priority = values.switch(ledger, one) or False
            case "vrrp_down_timer_adverts":
                down_timer(ledger, one)
            case "vrrp_lower_prio_no_advert":
                lower_priority(ledger, one)
            case "vrrp_mcast_group4" | "vrrp_mcast_group6":
                multicast(ledger, one)
            case _:
                return False
        return True

    def _announcing(self, one: Statement) -> bool:
        if not one.keyword.startswith("vrrp_g") and one.keyword != "vrrp_min_garp":
            return False
        return self.found.announcing.take(self._ledger, one, one.keyword.removeprefix("vrrp_"))

    def _mail(self, one: Statement) -> bool:
        ledger, mail = self._ledger, self.found.mail
        match one.keyword:
            case "notification_email":
                ledger.carried(one, 1)
                mail.said = one
                mail.to += [address for line in one.inner() for word in line.words if (address := self._mailbox(word))]
            case "notification_email_from":
                mail.sender = None if values.text(ledger, one) is None else self._mailbox(one.words[1])
            case "smtp_server":
                server = values.text(ledger, one)
                if server is not None and not _SERVER.fullmatch(server):
                    ledger.lost(one, f"{shown(server)} is no mail server", "write a name or an address")
                    return True
                mail.server = server
                self._port(one)
            case "smtp_helo_name":
                ledger.lost(one, "smtp_helo_name: a mail server is told this host's name", "nothing to do")
            case "smtp_connect_timeout":
                mail.timeout = values.seconds(ledger, one, SECOND, 3600 * SECOND)
            case "smtp_alert" | "smtp_alert_vrrp":
                self.found.mails = values.switch(ledger, one) or False
            case "no_email_faults":
                ledger.lost(one, "no_email_faults: a mail tells of faults too", "filter it where it is read")
            case _:
                return False
        return True

    def _mailbox(self, word: Word) -> str | None:
        """Return the address of a word, that in its angle brackets if it has any."""
        address = word.text.partition("<")[2].partition(">")[0] or word.text
        if _MAILBOX.fullmatch(address):
            self._ledger.carried_words(word)
            return address
        self._ledger.lost_words([word], f"{shown(word.text)} is no mail address", "write such as ops@example.org")
        return None

    def _port(self, one: Statement) -> None:
        if len(one.words) > 2:
            port = values.whole(one.words[2].text)
            if port is None or not 1 <= port <= 65535:
                self._ledger.lost_words(one.words[2:3], "that is no port", "write a number from 1 to 65535")
            else:
                self.found.mail.port = port
                self._ledger.carried(one, 3)


def script(ledger: Ledger, statement: Statement, user: str | None) -> Script | None:
    """Return the script that a statement names, and as whom it runs: its own user, else `user`."""
    command = arguments(statement.values[0]) if statement.values else []
    if not command or not command[0]:
        ledger.lost(statement, f"{statement.keyword} names no script", "write the script's path")
        return None
    if len(command) > WORDS_MAX or not all(word.isprintable() for word in command):
        what = f"{statement.keyword} has more than {WORDS_MAX} words, or some that cannot be printed"
        ledger.lost(statement, what, "put them into a script of its own")
        return None
    ledger.carried(statement, 2)
    own = statement.values[1:3]
    if own and not values.is_account(own[0]):
        ledger.lost_words(statement.words[2:3], f"{shown(own[0])} is no user's name", "write one")
        own = ()
    elif own:
        ledger.carried(statement, 3)
    if len(own) > 1:
        ledger.lost_words(statement.words[3:4], f"the group {own[1]}", "the user's own group is taken")
    return Script(tuple(command), own[0] if own else user)


def down_timer(ledger: Ledger, one: Statement) -> None:
    """Take after how many adverts that did not come a Master is dead: only VRRP's own number is spoken here."""
    adverts = values.integer(ledger, one, 1, 100)
    if adverts == DOWN_TIMER_ADVERTS:
        ledger.needless(one, f"{one.keyword} is always {adverts}")
    elif adverts is not None:
        what = f"{one.keyword} {adverts} is no VRRP: a Master is dead after {DOWN_TIMER_ADVERTS} intervals"
        ledger.lost(one, what, "remove it on all routers of the group, and shorten the interval if need be")


def lower_priority(ledger: Ledger, one: Statement) -> None:
    """Take whether a Master answers the advert of a lower one: RFC 9568 says it does."""
    if values.switch(ledger, one):
        ledger.lost(one, f"{one.keyword}: a Master answers a lower advert at once (RFC 9568)", "nothing to do")
    else:
        ledger.needless(one, f"{one.keyword} off is always so")


def multicast(ledger: Ledger, one: Statement) -> None:
    """Take the multicast group: only VRRP's own is spoken here."""
    if one.values[:1] and one.values[0] in MULTICAST:
        ledger.needless(one, f"{one.keyword} {one.values[0]} is VRRP's own")
    else:
        ledger.lost(one, f"{one.keyword} has the adverts sent elsewhere", "let all routers use VRRP's own group")

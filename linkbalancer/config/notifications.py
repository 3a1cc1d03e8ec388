"""Who is told of what happens, and how: the section `notifications` (docs/notifications.md), and its checks."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.config.checks import Complaint
from linkbalancer.config.document import Path, Value
from linkbalancer.config.fields import Address, File, Integer, Name, Switch, Time, UserGroup, reading
from linkbalancer.config.findings import FieldError, as_text, shown, suggestion
from linkbalancer.config.groupfields import GroupKey
from linkbalancer.config.keyfile import Doubt
from linkbalancer.config.parts import Part, part
from linkbalancer.config.topics import USUAL, VRRP, Topic
from linkbalancer.links import GroupId

WAYS: Final = ("script", "fifo", "webhook", "email", "syslog", "journal")
"""The keys of which a notification has just one: how it is told."""

_HOST: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?", re.ASCII)
_MAILBOX: Final = re.compile(r"[^\s@<>,;:\"\\]+@[A-Za-z0-9.-]+", re.ASCII)
_SCHEMES: Final = {"http", "https"}
_PORTS: Final = {"tls": 465, "starttls": 587, "none": 25}


def parse_host(raw: object) -> str:
    """Read the name or address of a server.

    Raises:
        FieldError: It is none.
    """
    word = as_text(raw, "server", "write a name or an address, such as mail.example.org")
    if not _HOST.fullmatch(word):
        remedy = "write a name or an address; a port has a key of its own"
        raise FieldError(f"the server {shown(word)} cannot be", remedy)
    return word


def parse_mailbox(raw: object) -> str:
    """Read a mail address.

    Raises:
        FieldError: It is none.
    """
    word = as_text(raw, "mail address", "write such as operations@example.org")
    if not word.isascii() or not _MAILBOX.fullmatch(word):
        raise FieldError(f"{shown(word)} is no mail address", "write such as operations@example.org")
    return word


def parse_url(raw: object) -> str:
    """Read where a webhook is.

    Raises:
        FieldError: It is nothing that can be sent to.
    """
    remedy = "write such as https://example.org/hook"
    word = as_text(raw, "URL", remedy)
    try:
        parts = urlsplit(word)
        good = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or not word.isascii() or not word.isprintable() or " " in word:
        raise FieldError(f"{shown(word)} is no URL of a web server", remedy)
    if parts.username is not None:
        raise FieldError("the URL holds a user's name", "put what authorizes into an authorization_file")
    return word


def parse_word(raw: object) -> str:
    """Read a word that a program is given, or a name in a line of text.

    Raises:
        FieldError: It is none.
    """
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    word = as_text(raw, "word", "put it in quotes")
    if "\0" in word or "\n" in word or not word.isprintable():
        raise FieldError(f"{shown(word)} cannot be handed on", "leave out what cannot be printed")
    return word


_TEXT: Final = WithJsonSchema({"type": "string", "minLength": 1})

Host: TypeAlias = Annotated[str, BeforeValidator(reading(parse_host)), _TEXT]
Mailbox: TypeAlias = Annotated[str, BeforeValidator(reading(parse_mailbox)), _TEXT]
Url: TypeAlias = Annotated[str, BeforeValidator(reading(parse_url)), _TEXT]
Word: TypeAlias = Annotated[str, BeforeValidator(reading(parse_word)), _TEXT]
Facility: TypeAlias = Literal[
    "daemon", "user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"
]
Port: TypeAlias = Annotated[Integer, Field(ge=1, le=65535)]


class _Section(BaseModel):
    """As `config.model.Section`, which is above this file."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)


class Webhook(_Section):
    """A web server that is sent JSON."""

    url: Url
    authorization_file: File | None = None
    ca_file: File | None = None


class Email(_Section):
    """A mail server, and who gets mail by it."""

    server: Host
    port: Port | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Annotated[Mailbox, Field(alias="from")]
    to: Annotated[tuple[Mailbox, ...], Field(min_length=1, max_length=50)]
    user: Word | None = None
    password_file: File | None = None
    ca_file: File | None = None

    @property
    def place(self) -> tuple[str, int]:
        """The server's name and port."""
        return self.server, self.port or _PORTS[self.security]


class Syslog(_Section):
    """This host's system log, or another one's by UDP."""

    server: Address | None = None
    port: Port = 514
    facility: Facility = "daemon"


def _as_webhook(raw: object) -> object:
    return {"url": raw} if isinstance(raw, str) else raw


class Notification(_Section):
    """One that is told: by what, of what, and how stubbornly."""

    script: Annotated[tuple[Word, ...], Field(min_length=1, max_length=64)] | None = None
    user: UserGroup | None = None
    fifo: File | None = None
    webhook: Annotated[Webhook | None, BeforeValidator(_as_webhook)] = None
    email: Email | None = None
    syslog: Syslog | None = None
    journal: Switch = False
    events: Annotated[tuple[Topic, ...], Field(min_length=1)] | None = None
    groups: Annotated[tuple[GroupKey, ...], Field(min_length=1)] | None = None
    names: dict[GroupKey, Word] = {}
    timeout: Time = 10 * SECOND
    retries: Annotated[Integer, Field(ge=0, le=1000)] = 10
    retry_after: Time = SECOND
    coalesce: Switch = True
    queue: Annotated[Integer, Field(ge=1, le=100_000)] = 1000

    @property
    def way(self) -> str:
        """How it is told."""
        return next(way for way in WAYS if getattr(self, way))

    @property
    def topics(self) -> frozenset[Topic]:
        """What it is told of."""
        return frozenset(self.events or (VRRP if self.fifo is not None else USUAL))

    def files(self) -> Iterator[str]:
        """Yield the files that it needs, as they are named."""
        yield from self.confidential()
        for section in (self.webhook, self.email):
            if section is not None and section.ca_file is not None:
                yield section.ca_file

    def confidential(self) -> Iterator[str]:
        """Yield the files that nobody else may read."""
        return (file for _place, file in self.secrets())

    def secrets(self) -> Iterator[tuple[Path, str]]:
        """Yield the keys that name such files, with what they name."""
        if self.webhook is not None and self.webhook.authorization_file is not None:
            yield ("webhook", "authorization_file"), self.webhook.authorization_file
        if self.email is not None and self.email.password_file is not None:
            yield ("email", "password_file"), self.email.password_file


Notifications: TypeAlias = dict[Name, Notification]


def check_notifications(values: Value, groups: Iterable[GroupId]) -> Iterator[Complaint]:
    """Yield what is wrong in a document's notifications; `groups` are the configured ones."""
    section = values.get("notifications") if isinstance(values, dict) else None
    known = list(groups)
    for name, entry in section.items() if isinstance(section, dict) else ():
        one = part(Notification, entry, ("notifications", name))
        if isinstance(entry, dict):
            yield from _ways(one)
            yield from _needless(one)
            yield from _limits(one)
            yield from _groups(one, known)
            yield from _mail(one)
            yield from _web(one)


def check_secrets(
    notifications: Mapping[str, Notification], beside: Callable[[str], str], state: Callable[[str], Doubt | None]
) -> Iterator[Complaint]:
    """Warn of what is doubtful about the files with secrets, refuse those that everybody may read.

    Args:
        notifications: the configured ones.
        beside: returns the path of a file that the configuration names.
        state: says what is wrong with the file at a path.
    """
    for name, one in notifications.items():
        for place, named in one.secrets():
            doubt = state(beside(named))
            if doubt is not None:
                what = f"the {str(place[-1]).replace('_', ' ')} {beside(named)} {doubt.what}"
                yield Complaint(("notifications", name, *place), what, doubt.remedy, warning=not doubt.refused)


def _ways(one: Part) -> Iterator[Complaint]:
    given = [way for way in WAYS if way in one.given and not (one.knows(way) and one[way] in (None, False))]
    if not given:
        remedy = f"give it one of: {', '.join(WAYS)}"
        yield Complaint(one.path, "nobody is told: the notification has no way to do it", remedy, at_key=True)
    for more in given[1:]:
        what = f"{more} and {given[0]} in one notification"
        yield Complaint((*one.path, more), what, "give each a notification of its own", at_key=True)


def _needless(one: Part) -> Iterator[Complaint]:
    """Refuse what is asked for of a way that cannot do it."""
    if "user" in one.given and "script" not in one.given:
        what = "user says nothing without a script"
        yield Complaint((*one.path, "user"), what, "remove it", at_key=True)
    if "names" in one.given and not {"script", "fifo"} & one.given:
        what = "names are for a script or a fifo, which read Keepalived's words"
        yield Complaint((*one.path, "names"), what, "remove it", at_key=True)
    if "fifo" in one.given and one.knows("events") and one["events"]:
        for index, topic in enumerate(one["events"]):
            if topic not in {*VRRP, Topic.PRIORITY}:
                what = f"Keepalived's lines, which a fifo has, know no {topic}"
                remedy = f"use one of: {', '.join((*VRRP, Topic.PRIORITY))}; or a script"
                yield Complaint((*one.path, "events", index), what, remedy)


def _limits(one: Part) -> Iterator[Complaint]:
    for key, least in (("timeout", 100 * MILLISECOND), ("retry_after", 10 * MILLISECOND)):
        if one.knows(key) and one[key] < least:
            what = f"{key} is shorter than anybody answers"
            yield Complaint((*one.path, key), what, f"make it {least // MILLISECOND}ms or more")


def _groups(one: Part, known: list[GroupId]) -> Iterator[Complaint]:
    named: list[tuple[Path, GroupId]] = []
    if one.knows("groups") and one["groups"]:
        named += [((*one.path, "groups", index), group) for index, group in enumerate(one["groups"])]
    if one.knows("names"):
        named += [((*one.path, "names"), group) for group in one["names"]]
    for path, group in named:
        if group not in known:
            yield Complaint(path, f"there is no group {group}", suggestion(str(group), map(str, known)))


def _mail(one: Part) -> Iterator[Complaint]:
    mail = one["email"] if one.knows("email") else None
    if mail is None:
        return
    path = (*one.path, "email")
    if (mail.user is None) != (mail.password_file is None):
        what = "user and password_file go together"
        yield Complaint(path, what, "give both, or none where the server asks for nothing")
    elif mail.user is not None and mail.security == "none":
        what = "a password, and security: none: whoever listens reads it"
        yield Complaint((*path, "security"), what, "use starttls or tls")
    if mail.ca_file is not None and mail.security == "none":
        yield Complaint((*path, "ca_file"), "ca_file says nothing with security: none", "remove one of the two")


def _web(one: Part) -> Iterator[Complaint]:
    web = one["webhook"] if one.knows("webhook") else None
    if web is None or not web.url.startswith("http:"):
        return
    path = (*one.path, "webhook")
    if web.authorization_file is not None:
        what = "an authorization_file, and http: whoever listens reads it"
        yield Complaint(path, what, "use https")
    if web.ca_file is not None:
        yield Complaint(path, "ca_file says nothing with http", "use https, or remove it")

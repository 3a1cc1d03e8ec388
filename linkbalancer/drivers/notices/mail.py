"""A mail by SMTP. It blocks: whoever calls it has a process for it, and a time limit."""

import smtplib
import socket
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import Any

from linkbalancer.config.notifications import Email
from linkbalancer.drivers.notices.journal import as_text
from linkbalancer.drivers.notices.outcome import NotToldError

SUBJECT_MAX = 150
"""Characters of a subject."""


def compose(mail: Email, document: Mapping[str, Any], at_s: float) -> EmailMessage:
    """Return the mail on a document; the same one again has the same Message-ID."""
    message = EmailMessage(policy=SMTP)
    sentence = str(document["text"])
    subject = f"[{document['node']}] {sentence}"
    message["From"], message["To"] = mail.sender, ", ".join(mail.to)
    message["Subject"] = " ".join(subject.split())[:SUBJECT_MAX]
    message["Date"] = formatdate(at_s, localtime=True)
    message["Message-ID"] = f"<{document['id']}.{document['node']}@{mail.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    rows = [(key, as_text(value)) for key, value in document.items() if key not in {"text", "schema", "fields"}]
    rows += [(key, as_text(value)) for key, value in document["fields"].items()]
    known = "\n".join(f"{key:13}{value}" for key, value in rows if value)
    message.set_content(f"{sentence}\n\n{known}\n\nMore: linkbalancer history (on {document['node']})\n")
    return message


def send(mail: Email, message: EmailMessage, *, password: str | None, authorities: str | None, timeout_s: float) -> str:
    """Send it; return the server's last words, such as `250 OK: queued as 4F2`.

    Raises:
        NotToldError: the server did not take it, not for anybody.
    """
    try:
        with _connection(mail, authorities, timeout_s) as server:
            if mail.user is not None and password is not None:
                server.login(mail.user, password)
            return _hand_over(server, mail, message)
    except smtplib.SMTPResponseException as error:
        raise NotToldError(f"{error.smtp_code} {_plain(error.smtp_error)}") from error
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise NotToldError(f"{mail.server}: {_why(error)}") from error


def _connection(mail: Email, authorities: str | None, timeout_s: float) -> smtplib.SMTP:
    host, port = mail.place
    name = socket.gethostname()  # not its full name, which DNS would be asked for
    if mail.security == "tls":
        context = ssl.create_default_context(cadata=authorities)
        return smtplib.SMTP_SSL(host, port, local_hostname=name, timeout=timeout_s, context=context)
    server = smtplib.SMTP(host, port, local_hostname=name, timeout=timeout_s)
    if mail.security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context(cadata=authorities))
        except BaseException:
            server.close()
            raise
    return server


def _hand_over(server: smtplib.SMTP, mail: Email, message: EmailMessage) -> str:
    """Give the mail to the server; some recipients may be refused, as long as one is not."""
    server.ehlo_or_helo_if_needed()
    code, words = server.mail(mail.sender)
    if code != 250:
        raise NotToldError(f"{code} {_plain(words)}")
    refused = []
    for recipient in mail.to:
        code, words = server.rcpt(recipient)
        if code not in {250, 251}:
            refused.append(f"{recipient}: {code} {_plain(words)}")
    if len(refused) == len(mail.to):
        raise NotToldError("; ".join(refused))
    code, words = server.data(message.as_bytes())
    if code != 250:
        raise NotToldError(f"{code} {_plain(words)}")
    return f"{code} {_plain(words)}" + (f"; not for {'; '.join(refused)}" if refused else "")


def _plain(words: bytes | str) -> str:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return " ".join(text.split())[:200]


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return str(error.strerror)
    return str(error) or type(error).__name__

"""Mail by SMTP, from a thread of its own: plain text, one message to all receivers of a notice."""

import hashlib
import re
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as MAIL
from email.utils import localtime
from functools import partial
from typing import Literal, cast
from urllib.parse import SplitResult, unquote, urlsplit

import anyio

from patchbay.core.settings import Settings
from registry_api.notifications.errors import TryAgain, Undeliverable
from registry_api.notifications.sent import Sent

SECONDS_OF_A_STEP, SECONDS = 15.0, 60.0
MOST_RECEIVERS, LONGEST_SUBJECT, LONGEST_TEXT = 50, 500, 200_000
Security = Literal["smtp", "smtps", "smtp+starttls"]
PORTS: dict[Security, int] = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
PASSING = range(400, 500)
"""SMTP replies that are about the moment."""


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server as the setting names it."""

    security: Security
    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)


async def send_mail(settings: Settings, to: Sequence[str], subject: str, text: str, message_id: str) -> Sent:
    """Hand one message to the mail server; the same `message_id` gives the same Message-ID, so repeats can be told.

    Raises `Undeliverable` without a mail server, for what cannot stand in a header and for a 5xx, and `TryAgain` for a 4xx
    and when the server or the network is away. Where it turns some receivers away, they stand in the answer.
    """
    server, message = _server(settings), _message(settings.mail_from, to, subject, text, message_id)
    send = partial(_send, server, message, settings.mail_from, list(to))
    try:
        with anyio.fail_after(SECONDS):
            refused = await anyio.to_thread.run_sync(send, abandon_on_cancel=True)
    except TimeoutError as error:
        raise TryAgain(f"{server.host} took longer than {SECONDS:g} seconds.") from error
    return Sent(f"{server.host} took the message for {len(to) - len(refused)} of {len(to)}", refused)


def _server(settings: Settings) -> Server:
    said = settings.smtp_url.get_secret_value().strip() if settings.smtp_url else ""
    if not said:
        raise Undeliverable("There is no mail server; set PATCHBAY_SMTP_URL, such as smtp://mail.example:25.")
    try:
        return _parsed(urlsplit(said))
    except (ValueError, KeyError):
        # Their words may have a piece of the password, and causes are logged.
        raise Undeliverable(f"PATCHBAY_SMTP_URL is none of {', '.join(PORTS)} with :// and a host.") from None


def _parsed(url: SplitResult) -> Server:
    security = cast(Security, url.scheme)
    user, password = (None if one is None else unquote(one) for one in (url.username, url.password))
    if not url.hostname:
        raise ValueError("no host")
    usual = PORTS[security]
    return Server(security, url.hostname, url.port or usual, user, password)


def _message(sender: str, to: Sequence[str], subject: str, text: str, message_id: str) -> EmailMessage:
    if not 0 < len(to) <= MOST_RECEIVERS or len(text) > LONGEST_TEXT:
        raise Undeliverable(f"A mail has 1 to {MOST_RECEIVERS} receivers and at most {LONGEST_TEXT} characters.")
    if CONTROL.search(subject) or len(subject) > LONGEST_SUBJECT:
        raise Undeliverable(f"A mail's subject is one line of at most {LONGEST_SUBJECT} characters.")
    author = _address(sender)
    message = EmailMessage(policy=MAIL)
    message["From"], message["To"] = author, [_address(one) for one in to]
    message["Subject"], message["Date"] = subject, localtime()
    message["Message-ID"] = f"<{_local_part(message_id)}@{author.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    message.set_content(text)
    return message


def _address(text: str) -> Address:
    """Exactly one address: a list or a line break in it would reach receivers that nobody named."""
    try:
        if CONTROL.search(text):
            raise ValueError("it has a control character")
        found = Address(addr_spec=text)
    except (ValueError, MessageError) as error:
        raise Undeliverable(f"{text!r} is not one mail address: {error}.") from error
    if not found.username or not found.domain:
        raise Undeliverable(f"{text!r} is not one mail address: it lacks the part before or after @.")
    return found


def _local_part(message_id: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_-]{1,200}", message_id):
        return message_id
    return hashlib.sha256(message_id.encode()).hexdigest()


def _send(server: Server, message: EmailMessage, sender: str, to: list[str]) -> tuple[str, ...]:
    """Who was turned away, with the reason; some were not."""
    try:
        with _connected(server) as connection:
            refused = connection.send_message(message, sender, to)
    except smtplib.SMTPRecipientsRefused as error:
        raise _turned_away(server, error.recipients) from error
    except smtplib.SMTPNotSupportedError as error:
        raise Undeliverable(f"{server.host} lacks what the message or its setting needs: {error}.") from error
    except smtplib.SMTPResponseException as error:
        kind = TryAgain if error.smtp_code in PASSING else Undeliverable
        raise kind(f"{server.host} answered {_reply(error.smtp_code, error.smtp_error)}.") from error
    except OSError as error:
        raise TryAgain(f"{server.host} could not be reached: {type(error).__name__} {error}.") from error
    return tuple(f"{one}: {_reply(*reply)}" for one, reply in refused.items())


def _connected(server: Server) -> smtplib.SMTP:
    """A connection, encrypted and signed in to as the setting says, or none: never plain where it asks for TLS."""
    context = ssl.create_default_context()
    if server.security == "smtps":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=SECONDS_OF_A_STEP, context=context
        )
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=SECONDS_OF_A_STEP)
    try:
        if server.security == "smtp+starttls":
            connection.starttls(context=context)
        if server.user is not None:
            connection.login(server.user, server.password or "")
    except BaseException:
        connection.close()
        raise
    return connection


def _turned_away(server: Server, refused: dict[str, tuple[int, bytes]]) -> Exception:
    """All were turned away; a later attempt helps as soon as one of them was for the moment only."""
    passing = any(code in PASSING for code, _ in refused.values())
    said = "; ".join(f"{one}: {_reply(*reply)}" for one, reply in refused.items())
    return (TryAgain if passing else Undeliverable)(f"{server.host} took none of the receivers: {said}.")


def _reply(code: int, words: bytes | str) -> str:
    return f"{code} {words.decode('utf-8', 'replace') if isinstance(words, bytes) else words}"[:300]

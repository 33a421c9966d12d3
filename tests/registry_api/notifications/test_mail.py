"""Mail against a real SMTP server."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from traceback import format_exception_only
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from pydantic import SecretStr

from patchbay.core.settings import Settings
from registry_api.notifications.errors import TryAgain, Undeliverable
from registry_api.notifications.mail import send_mail
from tests.registry_api.notifications.certificates import trusted


class Inbox:
    """Takes mail; who stands in `answers` is answered so."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.answers: dict[str, str] = {}

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the library's name
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=default)))
        return "250 taken"


@contextmanager
def serving(handler: Inbox, **how: Any) -> Iterator[int]:
    """A mail server on a thread of its own; its port."""
    controller = Controller(handler, hostname="127.0.0.1", port=free_port(), **how)
    controller.start()
    try:
        yield int(controller.port)
    finally:
        controller.stop()


@contextmanager
def encrypted(handler: Inbox, security: str, tls: ssl.SSLContext) -> Iterator[int]:
    """A mail server that takes mail only over TLS, from those who sign in as `bob`."""

    def judged(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"bob", b"p@ss"), handled=False)

    how = {"ssl_context": tls} if security == "smtps" else {"tls_context": tls, "require_starttls": True}
    with serving(
        handler, authenticator=judged, auth_required=True, auth_require_tls=security != "smtps", **how
    ) as port:
        yield port


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def port(inbox: Inbox) -> Iterator[int]:
    with serving(inbox) as port:
        yield port


def settings(tmp_path: Path, port: int | None) -> Settings:
    return at(tmp_path, "" if port is None else f"smtp://127.0.0.1:{port}")


def at(tmp_path: Path, url: str) -> Settings:
    return Settings(home=tmp_path, smtp_url=SecretStr(url), mail_from="patchbay@ops.example")


async def test_a_mail_arrives_whole_and_a_repeat_has_the_same_message_id(
    tmp_path: Path, inbox: Inbox, port: int
) -> None:
    where = settings(tmp_path, port)
    for _ in range(2):
        await send_mail(where, ["a@x.example", "b@x.example"], "Überlast", "Zeile eins\n.\nZeile drei\n", "k1")
    (to, first), (_, second) = inbox.mails
    assert to == ["a@x.example", "b@x.example"]
    assert (first["subject"], first["from"]) == ("Überlast", "patchbay@ops.example")
    assert first["message-id"] == second["message-id"] == "<k1@ops.example>"
    assert first.get_content().splitlines() == ["Zeile eins", ".", "Zeile drei"]


async def test_one_receiver_turned_away_does_not_lose_the_others(tmp_path: Path, inbox: Inbox, port: int) -> None:
    inbox.answers["gone@x.example"] = "550 no such user"
    sent = await send_mail(settings(tmp_path, port), ["gone@x.example", "b@x.example"], "s", "t", "k")
    assert [to for to, _ in inbox.mails] == [["b@x.example"]]
    assert "550" in sent.refused[0]


@pytest.mark.parametrize(("reply", "error"), [("550 never", Undeliverable), ("451 later", TryAgain)])
async def test_whether_another_attempt_may_help_is_the_servers_to_say(
    tmp_path: Path, inbox: Inbox, port: int, reply: str, error: type[Exception]
) -> None:
    inbox.answers["a@x.example"] = reply
    with pytest.raises(error, match=reply[:3]):
        await send_mail(settings(tmp_path, port), ["a@x.example"], "s", "t", "k")


@pytest.mark.parametrize(
    ("to", "subject"),
    [
        (["a@x.example\r\nBcc: b@x.example"], "s"),
        (["a@x.example, b@x.example"], "s"),
        (["a@x.example"], "s\r\nBcc: b@x.example"),
        (["nobody"], "s"),
        ([], "s"),
    ],
)
async def test_nothing_gets_into_the_headers(
    tmp_path: Path, inbox: Inbox, port: int, to: list[str], subject: str
) -> None:
    with pytest.raises(Undeliverable):
        await send_mail(settings(tmp_path, port), to, subject, "t", "k")
    assert inbox.mails == []


async def test_no_server_is_said_so_and_one_that_is_away_is_for_later(tmp_path: Path) -> None:
    with pytest.raises(Undeliverable, match="PATCHBAY_SMTP_URL"):
        await send_mail(settings(tmp_path, None), ["a@x.example"], "s", "t", "k")
    with pytest.raises(TryAgain, match="could not be reached"):
        await send_mail(settings(tmp_path, free_port()), ["a@x.example"], "s", "t", "k")


@pytest.mark.parametrize(
    "url", ["mail.example:25", "http://bob:p@mail.example:25", "smtp://", "smtp://bob:pass/word@mail.example"]
)
async def test_a_bad_setting_is_named_without_its_password(tmp_path: Path, url: str) -> None:
    where = Settings(home=tmp_path, smtp_url=SecretStr(url))
    with pytest.raises(Undeliverable, match="PATCHBAY_SMTP_URL") as caught:
        await send_mail(where, ["a@x.example"], "s", "t", "k")
    assert "pass" not in "".join(format_exception_only(caught.value))
    assert caught.value.__suppress_context__


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # smtps is TLS from the first byte
@pytest.mark.parametrize("security", ["smtps", "smtp+starttls"])
async def test_a_mail_goes_over_tls_to_whoever_has_the_name_and_signs_in(
    tmp_path: Path, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    with encrypted(inbox, security, trusted("localhost", tmp_path, monkeypatch)) as port:
        await send_mail(at(tmp_path, f"{security}://bob:p%40ss@localhost:{port}"), ["a@x.example"], "s", "t", "k")
        with pytest.raises(Undeliverable, match="535") as caught:
            await send_mail(at(tmp_path, f"{security}://bob:wrong@localhost:{port}"), ["a@x.example"], "s", "t", "k")
        with pytest.raises(TryAgain, match="CERTIFICATE_VERIFY_FAILED"):
            await send_mail(at(tmp_path, f"{security}://bob:p%40ss@127.0.0.1:{port}"), ["a@x.example"], "s", "t", "k")
    assert len(inbox.mails) == 1
    assert "wrong" not in str(caught.value)


async def test_without_the_tls_that_is_asked_for_nothing_is_sent(tmp_path: Path, inbox: Inbox, port: int) -> None:
    with pytest.raises(Undeliverable, match="STARTTLS"):
        await send_mail(at(tmp_path, f"smtp+starttls://bob:p@127.0.0.1:{port}"), ["a@x.example"], "s", "t", "k")
    assert inbox.mails == []

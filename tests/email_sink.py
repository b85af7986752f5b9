"""A second kind of push sink, to show what one takes: a record, a handler, and its line in the registry.

It speaks just enough SMTP to hand a mail over to a relay on loopback; the product has no such sink yet.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Literal

from router.handlers import Delivered, DeliveryRequest, EndpointPolicy, Failed, Outcome, Rejected
from router.handlers.failures import failure_of
from router.handlers.resolver import GuardedResolver
from router.secrets import SecretBox
from router.settings import Settings
from tests.receivers import listening
from topics.subscriptions import PushSink, Subscription, TopicSink, WebhookSink

Mood = Literal["takes", "not now", "never", "silent"]
_ANSWERS = {"takes": b"250 ok", "not now": b"451 later", "never": b"550 no such mailbox"}


class EmailSink(PushSink):
    """A mailbox, and the relay that takes its mail."""

    kind: Literal["email"] = "email"
    to: str
    relay: str


class MailingSubscription(Subscription):
    """A subscription as it would be with the record in the union of sinks."""

    sink: TopicSink | WebhookSink | EmailSink


class EmailHandler:
    """Hands each request over as one mail."""

    def __init__(self, settings: Settings, _box: SecretBox) -> None:
        self._seconds = settings.webhook_timeout_seconds
        self._resolver = GuardedResolver(EndpointPolicy.from_settings(settings))

    async def deliver(self, request: DeliveryRequest) -> Outcome:
        """Make one attempt."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._seconds):
                code, text = await self._hand_over(request)
        except Exception as error:  # noqa: BLE001 (an outcome for each; a handler never raises)
            failure = failure_of(error)
            return Failed(None, failure.last_outcome, _since(started), failure.detail)
        match code // 100:
            case 2:
                return Delivered(code, _since(started), text)
            case 5:
                return Rejected(code, "BadRequest", _since(started), text)
            case _:
                return Failed(code, "Busy", _since(started), text)

    async def close(self) -> None:
        """Let go of the threads that resolve names."""
        self._resolver.close()

    async def _hand_over(self, request: DeliveryRequest) -> tuple[int, str]:
        sink = request.sink
        assert isinstance(sink, EmailSink)
        host, _, port = sink.relay.rpartition(":")
        (address, *_) = await self._resolver.resolve(host)
        reader, writer = await asyncio.open_connection(address, int(port))
        try:
            code, text = await _answer(reader)
            for line in (b"EHLO router", b"MAIL FROM:<router@localhost>", b"RCPT TO:<%b>" % sink.to.encode(), b"DATA"):
                if code >= 400:
                    return code, text
                writer.write(line + b"\r\n")
                code, text = await _answer(reader)
            if code < 400:
                writer.write(mail_of(request, sink.to) + b"\r\n.\r\n")
                code, text = await _answer(reader)
            return code, text
        finally:
            writer.close()


def mail_of(request: DeliveryRequest, to: str) -> bytes:
    """Return a request as a mail."""
    mail = EmailMessage(policy=SMTP)
    mail["Message-ID"], mail["To"] = f"<{request.delivery_id}@router>", to
    mail["Subject"] = f"{len(request.events)} events for {request.subscription.name}"
    mail.set_content(b"[" + b",".join(request.events) + b"]", "application", "json", cte="base64")
    return mail.as_bytes()


@dataclass
class Relay:
    """Takes mail, or does not; keeps what it took by message id."""

    mood: Mood = "takes"
    address: str = ""
    mails: dict[str, bytes] = field(default_factory=dict)
    refused: int = 0

    @property
    def sink(self) -> EmailSink:
        """A sink that leads here."""
        return EmailSink(to="ops@example.com", relay=self.address)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            if self.mood == "silent":
                await reader.read(1)
                return
            writer.write(b"220 relay\r\n")
            while line := await reader.readline():
                if line.startswith(b"RCPT"):
                    self.refused += self.mood != "takes"
                    writer.write(_ANSWERS[self.mood] + b"\r\n")
                elif line.startswith(b"DATA"):
                    writer.write(b"354 go on\r\n")
                    mail = message_from_bytes(await reader.readuntil(b"\r\n.\r\n"), policy=SMTP)
                    self.mails[mail["Message-ID"]] = mail.get_payload(decode=True)
                    writer.write(b"250 taken\r\n")
                else:
                    writer.write(b"250 ok\r\n")


@asynccontextmanager
async def a_relay(mood: Mood = "takes", host: str = "127.0.0.1") -> AsyncIterator[Relay]:
    """Give a relay that listens."""
    relay = Relay(mood)
    async with listening(relay.serve, host) as port:
        relay.address = f"{host}:{port}"
        yield relay


async def _answer(reader: asyncio.StreamReader) -> tuple[int, str]:
    line = (await reader.readline()).decode(errors="replace").strip()
    if not line[:3].isdigit():
        raise ConnectionError(line[:0] or "no SMTP")
    return int(line[:3]), line


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000

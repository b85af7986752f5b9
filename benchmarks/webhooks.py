"""What the benchmarks of delivery share: subscriptions, deliveries as fan-out writes them, the worker, the receiver."""

import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from subprocess import Popen

import httpx

from benchmarks.processes import python, running
from benchmarks.workspace_events import WORKSPACE, event
from router.handlers import new_signing_secret
from router.kafka.producer import Message
from router.secrets import SecretBox
from topics import Subscription, WebhookSink
from topics.deliveries import Delivery
from topics.subscriptions import SigningSecret, subscription_key


def a_subscription(name: str, url: str, box: SecretBox) -> Subscription:
    """Return a signed webhook subscription."""
    now = datetime.now(UTC)
    return Subscription(
        id=f"{WORKSPACE}/providers/Microsoft.EventGrid/eventSubscriptions/{name}",
        name=name,
        source=WORKSPACE,
        sink=WebhookSink(endpoint_base_url=url, sealed_endpoint_url=box.seal(url)),
        signing_secrets=(SigningSecret(sealed=box.seal(new_signing_secret()), created_at=now),),
        created_at=now,
        updated_at=now,
    )


def a_delivery(subscription: Subscription, number: int, run: str, message: Message | None = None) -> Message:
    """Return one delivery, as fan-out writes it."""
    source = message or event(number)
    owed = Delivery(
        delivery_id=f"{run}-{number}",
        subscription_id=subscription.id,
        attempt=1,
        first_published=datetime.now(UTC),
        event=source.value or b"",
        event_headers=tuple(source.headers),
    )
    return Message(subscription_key(subscription.id), owed.event, owed.headers())


def worker(
    bootstrap: str, data_dir: str, stages: str = "delivery", log: Path | None = None
) -> AbstractContextManager[Popen[bytes]]:
    """Run the real worker, allowed to deliver to loopback; with a file for it, it logs as it does by default."""
    command = ["router", "worker", "--stages", stages, "--bootstrap-servers", bootstrap]
    return running(
        python(*command, "--metrics-port", "0", "--data-dir", data_dir),
        log=log,
        ROUTER_INSTANCE="bench",
        ROUTER_WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8",
        ROUTER_WEBHOOK_ALLOW_HTTP="true",
        ROUTER_LOG_LEVEL="info" if log else "error",
    )


@contextmanager
def a_receiver() -> Iterator[tuple[str, httpx.Client]]:
    """Run the receiver; give its URL and a client."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    with running(python("benchmarks.receiver", str(port))), httpx.Client(base_url=base, timeout=30) as client:
        while True:
            try:
                client.get("/report")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield base, client

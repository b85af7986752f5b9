"""`router up` in a terminal: starts, says what to do next, stops on Ctrl-C or SIGTERM."""

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from router.kafka.embedded.release import KAFKA_VERSION
from router.up.options import UpOptions
from router.up.stack import Stack

STOP_SIGNALS: Final = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
]


def run(options: UpOptions, *, say: Callable[[str], None], remark: Callable[[str], None]) -> int:
    """Run the stack until it is told to stop; return the exit code of the process.

    Raises:
        RouterError: it cannot start; nothing is left behind.
    """
    return asyncio.run(_run(options, say, remark))


async def _run(options: UpOptions, say: Callable[[str], None], remark: Callable[[str], None]) -> int:
    began = time.monotonic()
    stack = Stack(options, report=lambda line: remark(f"{time.strftime('%H:%M:%S')} {line}"))
    signals: asyncio.Queue[str] = asyncio.Queue()
    listen(signals)
    told = asyncio.create_task(signals.get())
    starting = asyncio.create_task(_until_ready(stack))
    await asyncio.wait({told, starting}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.wait({starting})
    if not starting.cancelled():
        # Raises what went wrong, unless everything is up.
        starting.result()
        say(welcome(options, stack.bootstrap_servers, seconds=time.monotonic() - began))
    await told
    await _stop(stack, signals, remark)
    return 0


async def _until_ready(stack: Stack) -> None:
    await stack.start()
    try:
        await stack.wait_ready()
    except Exception:
        await stack.stop()
        raise


async def _stop(stack: Stack, signals: asyncio.Queue[str], remark: Callable[[str], None]) -> None:
    remark("Stopping: server, workers, Kafka …")
    stopping, impatient = asyncio.create_task(stack.stop()), asyncio.create_task(signals.get())
    await asyncio.wait({stopping, impatient}, return_when=asyncio.FIRST_COMPLETED)
    if not stopping.done():
        remark("Told again: ended by force. Nothing that was accepted is lost.")
        stack.kill()
    impatient.cancel()
    await stopping
    remark("Stopped.")


def listen(signals: asyncio.Queue[str]) -> None:
    """Put the name of each signal that asks this process to end into a queue."""
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        try:
            loop.add_signal_handler(number, signals.put_nowait, number.name)
        except NotImplementedError:  # Windows
            signal.signal(
                number, lambda got, _: loop.call_soon_threadsafe(signals.put_nowait, signal.Signals(got).name)
            )


def welcome(options: UpOptions, bootstrap_servers: str, *, seconds: float) -> str:
    """Return what a person needs to know once everything is ready."""
    kafka = (
        f"{bootstrap_servers} (embedded {KAFKA_VERSION})" if options.bootstrap_servers is None else bootstrap_servers
    )
    where = "" if options.data_dir == Path(".router") else f" --data-dir {options.data_dir}"
    tls = (
        []
        if options.tls_port is None
        else [f"  TLS          https://localhost:{options.tls_port} (router azure-cli{where})"]
    )
    return "\n".join(
        [
            f"router is ready at {options.server_url} after {seconds:.1f} s",
            *tls,
            f"  Kafka        {kafka}",
            f"  credentials  {options.data_dir / 'credentials.json'}",
            f"  logs         {options.log_dir}",
            "Try, in another terminal:",
            f"  router event-subscription create --name models --endpoint-type topic --endpoint models{where}",
            f"  router publish EVENTS.json{where}",
            f"  router consume models --from-beginning{where}",
            "Ctrl-C stops everything; the data stays.",
        ]
    )

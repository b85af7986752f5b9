"""`router consume`: what a subscriber's topic holds, and what comes."""

import asyncio
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from router.cli import output
from router.cli.connection import brokers
from router.cli.options import DEFAULT_DATA_DIR, BootstrapServers, DataDir
from router.cli.signals import when_told_to_stop
from router.errors import RefusedError

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, ConsumerRecord

    Show = Callable[[ConsumerRecord], None]

POLL_MS = 200


def consume(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the topic, with or without `subscriber.`.")],
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Begin with the oldest event; with new ones unless given.")
    ] = False,
    limit: Annotated[int | None, typer.Option("--max", min=1, metavar="N", help="End after this many events.")] = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", min=0, metavar="SECONDS", help="End when nothing came for so long."),
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as JSON on a line of its own.")] = False,
    with_metadata: Annotated[
        bool,
        typer.Option("--with-metadata", help="With --json: partition, offset, timestamp, key and headers, too."),
    ] = False,
) -> None:
    """Read the events of a subscriber's topic, as any Kafka consumer could.

    It reads committed events only, belongs to no consumer group and goes on until Ctrl-C unless told otherwise.
    """
    from topics.subscribers import NAME_RULE, PREFIX, is_subscriber_name, subscriber_topic  # noqa: PLC0415 (pydantic)

    bare = name.removeprefix(PREFIX)
    if not is_subscriber_name(bare):
        raise RefusedError(f"{name!r} cannot name a topic: it must be {NAME_RULE}")
    servers = brokers(bootstrap_servers, data_dir)
    show = _writer(as_json=as_json or with_metadata, with_metadata=with_metadata)
    end = End(limit, timeout)
    try:
        asyncio.run(_consume(servers, subscriber_topic(bare), show, end, from_beginning=from_beginning))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return


@dataclass(frozen=True, slots=True)
class End:
    """When to stop: after so many events, or when nothing came for so many seconds; None is never."""

    events: int | None
    quiet_seconds: float | None


async def _consume(servers: str, topic: str, show: "Show", end: End, *, from_beginning: bool) -> None:
    from router.kafka.reading import reading  # noqa: PLC0415 (aiokafka is heavy)

    if (task := asyncio.current_task()) is not None:
        when_told_to_stop(task.cancel, signal.SIGINT, signal.SIGTERM)
    async with reading(servers, [topic], from_beginning=from_beginning) as consumer:
        await _show_all(consumer, show, end)


async def _show_all(consumer: "AIOKafkaConsumer", show: "Show", end: End) -> None:
    """Show records, in the order of their time within each poll, until the end."""
    loop = asyncio.get_running_loop()
    shown, last = 0, loop.time()
    while end.events is None or shown < end.events:
        wanted = None if end.events is None else end.events - shown
        polled = await consumer.getmany(timeout_ms=POLL_MS, max_records=wanted)
        records = [record for partition in polled.values() for record in partition]
        for record in sorted(records, key=lambda record: (record.timestamp, record.partition, record.offset)):
            show(record)
        sys.stdout.flush()
        shown += len(records)
        if records:
            last = loop.time()
        elif end.quiet_seconds is not None and loop.time() - last >= end.quiet_seconds:
            return


def _writer(*, as_json: bool, with_metadata: bool) -> "Show":
    from router.cli.event_lines import event_line, metadata_line, readable_line  # noqa: PLC0415 (pydantic is heavy)

    console = output.stdout()

    def write_json(record: "ConsumerRecord") -> None:
        if with_metadata:
            line = metadata_line(
                record.partition, record.offset, record.timestamp, record.key, record.value, record.headers
            )
        else:
            line = event_line(record.value, record.headers)
        sys.stdout.write(line.decode() + "\n")

    def write_line(record: "ConsumerRecord") -> None:
        moment = datetime.fromtimestamp(record.timestamp / 1000, UTC).astimezone()
        console.print(readable_line(moment, record.value, record.headers), soft_wrap=True)

    return write_json if as_json else write_line

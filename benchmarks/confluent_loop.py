"""A reference of the fan-out benchmark: consume, match, produce with confluent-kafka, whose work librdkafka does in C.

At least once, it flushes what it has produced and commits ten times a second; exactly once, that is a transaction.
Its threads use the second core beside Python's.
"""

import time

import orjson
from confluent_kafka import Consumer, Producer

from benchmarks.loops import begin
from benchmarks.sink_rules import SinkRules
from topics import WORKSPACE_EVENTS

COMMIT_SECONDS = 0.1
AT_ONCE = 2_000


def fail(error, message) -> None:
    """Stop at the first record that Kafka did not take."""
    raise RuntimeError(f"{message.topic()}: {error}")


def run(bootstrap: str, group: str, sinks: list[str], *, transactional: bool) -> None:
    """Fan out from the committed offsets until killed."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "queued.min.messages": 100_000,
            "fetch.wait.max.ms": 50,
        }
    )
    settings = {
        "bootstrap.servers": bootstrap,
        "acks": "all",
        "enable.idempotence": True,
        "linger.ms": 5,
        "batch.size": 256 * 1024,
        "queue.buffering.max.messages": 1_000_000,
        "queue.buffering.max.kbytes": 512 * 1024,
        "on_delivery": fail,
        "delivery.report.only.error": True,
    }
    producer = Producer(settings | ({"transactional.id": group} if transactional else {}))
    if transactional:
        producer.init_transactions()
    consumer.subscribe([WORKSPACE_EVENTS.name])
    rules, since = SinkRules(sinks), None
    while True:
        messages = consumer.consume(AT_ONCE, 0.05)
        if messages and since is None:
            since = time.monotonic()
            if transactional:
                producer.begin_transaction()
        route(producer, rules, messages)
        if since is not None and time.monotonic() - since > COMMIT_SECONDS:
            commit(producer, consumer, transactional=transactional)
            since = None


def route(producer: Producer, rules: SinkRules, messages: list) -> None:
    """Produce each message to the sinks that want it, as it is, in the partition that it came from."""
    for message in messages:
        value = message.value()
        event = orjson.loads(value)
        for sink in rules.wanting(event["eventType"], event["subject"]):
            while True:
                try:
                    producer.produce(
                        sink, value, message.key(), partition=message.partition(), headers=message.headers()
                    )
                    break
                except BufferError:
                    producer.poll(0.01)
    producer.poll(0)


def commit(producer: Producer, consumer: Consumer, *, transactional: bool) -> None:
    """Commit what was consumed, once all that it became is written."""
    if transactional:
        offsets = consumer.position(consumer.assignment())
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
        producer.commit_transaction()
    else:
        producer.flush()
        consumer.commit(asynchronous=False)


if __name__ == "__main__":
    given = begin()
    run(given.bootstrap, given.group, given.sinks, transactional=given.transactional)

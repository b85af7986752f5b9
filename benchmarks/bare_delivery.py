"""The reference of the delivery benchmark: a bare aiohttp client loop over router.deliveries.

It reads records, posts each with the headers that a receiver needs, and stops: no subscriptions, no signatures, no
attempt records, no retries, no commits by the record.
"""

import argparse
import asyncio

import uvloop
from aiohttp import ClientSession, DummyCookieJar, TCPConnector
from aiokafka import AIOKafkaConsumer, TopicPartition

from topics import DELIVERIES
from topics.deliveries import DELIVERY_ID, SUBSCRIPTION

IN_FLIGHT = 1_000


async def run(bootstrap, base, offsets):
    """Post everything from the given offsets on."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    partitions = [TopicPartition(DELIVERIES.name, number) for number in range(DELIVERIES.partitions)]
    consumer.assign(partitions)
    for partition, offset in zip(partitions, offsets, strict=True):
        consumer.seek(partition, offset)
    slots = asyncio.Semaphore(IN_FLIGHT)
    connector = TCPConnector(limit=0)
    async with ClientSession(connector=connector, cookie_jar=DummyCookieJar(), auto_decompress=False) as session:

        async def post(record):
            headers = dict(record.headers)
            name = headers[SUBSCRIPTION].decode().rpartition("/")[2]
            url = f"{base}/{name.partition('-')[2].replace('-', '/')}"
            sent = {"Content-Type": "application/json; charset=utf-8", "webhook-id": headers[DELIVERY_ID].decode()}
            async with session.post(url, data=b"[" + record.value + b"]", headers=sent) as answer:
                await answer.read()
            slots.release()

        tasks = set()
        while True:
            for records in (await consumer.getmany(timeout_ms=100)).values():
                for record in records:
                    await slots.acquire()
                    task = asyncio.create_task(post(record))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("bootstrap")
    parser.add_argument("base")
    parser.add_argument("offsets", type=lambda text: [int(one) for one in text.split(",")])
    given = parser.parse_args()
    uvloop.run(run(given.bootstrap, given.base, given.offsets))

"""Committed offsets as a transactional consumer has to ask for them: the newest, or an error (KIP-447).

aiokafka asks in a form in which a coordinator that was restarted may answer from before the newest commits, or that
there are none: seen on Kafka 4.3.1 for ten seconds after a kill. A writer that learns from the offset whether its
transaction went through would then write it again.
"""

import asyncio
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, NotCoordinatorForGroupError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

RETRY_SECONDS: Final = 0.1
NOTHING_COMMITTED: Final = -1
UNSTABLE: Final = 88
"""A transaction with this partition's offset is neither committed nor aborted yet."""


class StableOffsetResponse(Response):  # type: ignore[misc]  # aiokafka is untyped
    """OffsetFetch version 7, which aiokafka does not know."""

    API_KEY = 9
    API_VERSION = 7
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("offset", Int64),
                        ("leader_epoch", Int32),
                        ("metadata", CompactString("utf-8")),
                        ("error_code", Int16),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("error_code", Int16),
        ("tags", TaggedFields),
    )


class StableOffsetRequestV7(RequestStruct):  # type: ignore[misc]  # aiokafka is untyped
    """OffsetFetch version 7, which aiokafka does not know."""

    FLEXIBLE_VERSION = True
    API_KEY = 9
    API_VERSION = 7
    RESPONSE_TYPE = StableOffsetResponse
    SCHEMA = Schema(
        ("group", CompactString("utf-8")),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                ("partitions", CompactArray(Int32)),
                ("tags", TaggedFields),
            ),
        ),
        ("require_stable", Boolean),
        ("tags", TaggedFields),
    )


class StableOffsetRequest(Request[StableOffsetRequestV7]):  # type: ignore[misc]  # aiokafka is untyped
    """Asks for the offset of one partition."""

    API_KEY = 9

    def __init__(self, group: str, partition: TopicPartition) -> None:
        self._group, self._partition = group, partition

    def build(self, request_struct_class: type[StableOffsetRequestV7]) -> StableOffsetRequestV7:
        """Return the request as it is sent."""
        topics: list[tuple[str, list[int], dict[int, bytes]]] = [
            (self._partition.topic, [self._partition.partition], {})
        ]
        return request_struct_class(self._group, topics, True, {})  # noqa: FBT003 (require_stable)


async def stable_offset(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int | None:
    """Return the newest committed offset of the consumer's group for a partition, None when there is none.

    Raises:
        KafkaError: the coordinator refuses; what passes by itself is waited out.
    """
    coordinator = consumer._coordinator  # noqa: SLF001 (guarded by tests/contract/test_stable_offsets.py)
    while True:
        await coordinator.ensure_coordinator_known()
        try:
            return await _ask(coordinator, partition)
        except KafkaError as error:
            if not error.retriable:
                raise
            if isinstance(error, NotCoordinatorForGroupError):
                coordinator.coordinator_dead()
            await asyncio.sleep(RETRY_SECONDS)


async def _ask(coordinator: Any, partition: TopicPartition) -> int | None:  # noqa: ANN401 (aiokafka is untyped)
    while True:
        answer = await coordinator._send_req(StableOffsetRequest(coordinator.group_id, partition))  # noqa: SLF001
        _raise(answer.error_code)
        ((_topic, ((_number, offset, _epoch, _metadata, code, _),), _),) = answer.topics
        if code != UNSTABLE:
            _raise(code)
            return None if offset == NOTHING_COMMITTED else int(offset)
        await asyncio.sleep(RETRY_SECONDS)


def _raise(code: int) -> None:
    if code:
        error: KafkaError = for_code(code)()
        raise error

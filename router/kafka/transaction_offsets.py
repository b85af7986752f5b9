"""Offsets of a consumer group as part of a transaction, with a proof of membership (KIP-447).

aiokafka commits them in a form that tells no member, so that Kafka takes them from whoever had the partition before.
This form is refused when the group has gone on without the member that sends it.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.client import ConnectionGroup, CoordinationType
from aiokafka.errors import (
    ConcurrentTransactions,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    IllegalGenerationError,
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    NotCoordinatorError,
    RequestTimedOutError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

RETRY_SECONDS: Final = 0.005
_NO_EPOCH: Final = -1
_MOVED: Final = (
    CoordinatorNotAvailableError,
    NotCoordinatorError,
    NodeNotReadyError,
    KafkaConnectionError,
    RequestTimedOutError,
)
_BUSY: Final = (CoordinatorLoadInProgressError, ConcurrentTransactions, UnknownTopicOrPartitionError)


class Member(NamedTuple):
    """A member of a consumer group, as of one assignment."""

    generation: int
    member_id: str
    instance_id: str | None


def member_of(consumer: AIOKafkaConsumer) -> Member:
    """Return who a consumer is in its group now."""
    coordinator = consumer._coordinator  # noqa: SLF001 (guarded by tests/contract/test_seats.py)
    return Member(coordinator.generation, coordinator.member_id, coordinator._group_instance_id)  # noqa: SLF001


class TransactionOffsetsResponse(Response):  # type: ignore[misc]  # aiokafka is untyped
    """TxnOffsetCommit version 3, which aiokafka does not know."""

    API_KEY = 28
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(("partition", Int32), ("error_code", Int16), ("tags", TaggedFields)),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class TransactionOffsetsRequestV3(RequestStruct):  # type: ignore[misc]  # aiokafka is untyped
    """TxnOffsetCommit version 3, which aiokafka does not know."""

    FLEXIBLE_VERSION = True
    API_KEY = 28
    API_VERSION = 3
    RESPONSE_TYPE = TransactionOffsetsResponse
    SCHEMA = Schema(
        ("transactional_id", CompactString("utf-8")),
        ("group", CompactString("utf-8")),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("generation", Int32),
        ("member_id", CompactString("utf-8")),
        ("instance_id", CompactString("utf-8")),
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
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class TransactionOffsetsRequest(Request[TransactionOffsetsRequestV3]):  # type: ignore[misc]  # aiokafka is untyped
    """Commits offsets of a group in a producer's transaction."""

    API_KEY = 28

    def __init__(self, transactions: Any, group: str, member: Member, offsets: Mapping[TopicPartition, int]) -> None:  # noqa: ANN401
        self._transactions, self._group, self._member, self._offsets = transactions, group, member, offsets

    def build(self, request_struct_class: type[TransactionOffsetsRequestV3]) -> TransactionOffsetsRequestV3:
        """Return the request as it is sent."""
        topics: dict[str, list[tuple[int, int, int, str, dict[int, bytes]]]] = {}
        for (topic, partition), offset in self._offsets.items():
            topics.setdefault(topic, []).append((partition, offset, _NO_EPOCH, "", {}))
        transactions = self._transactions
        return request_struct_class(
            transactions.transactional_id,
            self._group,
            transactions.producer_id,
            transactions.producer_epoch,
            *self._member,
            [(topic, partitions, {}) for topic, partitions in topics.items()],
            {},
        )


async def commit_offsets(
    producer: AIOKafkaProducer, group: str, member: Member, offsets: Mapping[TopicPartition, int]
) -> None:
    """Make offsets of a consumer group part of the transaction that a producer has begun with this group.

    Raises:
        KafkaError: the group has gone on without the member, or Kafka refuses; what passes by itself is waited out.
    """
    if member.generation < 0:
        raise IllegalGenerationError("no member of the group")  # Kafka would take it for a client that tells none
    sender = producer._sender  # noqa: SLF001 (guarded by tests/contract/test_seats.py)
    request = TransactionOffsetsRequest(producer._txn_manager, group, member, offsets)  # noqa: SLF001
    while True:
        node = await sender._find_coordinator(CoordinationType.GROUP, group)  # noqa: SLF001
        try:
            _raise_first(await sender.client.send(node, request, group=ConnectionGroup.COORDINATION))
        except _MOVED:
            sender._coordinator_dead(CoordinationType.GROUP)  # noqa: SLF001
        except _BUSY:
            pass
        else:
            return
        await asyncio.sleep(RETRY_SECONDS)


def _raise_first(answer: TransactionOffsetsResponse) -> None:
    for _topic, partitions, _ in answer.topics:
        for _partition, code, _ in partitions:
            if code:
                error: KafkaError = for_code(code)()
                raise error

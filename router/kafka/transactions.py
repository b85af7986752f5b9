"""Transactions in the order that costs the fewest waits.

What is relied on in aiokafka 0.14 is guarded by tests/contract/test_aiokafka_internals.py.
"""

from typing import Any


async def begin_with_group(producer: Any, group: str) -> None:  # noqa: ANN401 (aiokafka is untyped)
    """Begin a transaction and tell Kafka that offsets of a consumer group will be part of it.

    aiokafka tells so beside the first records. Kafka then finds the transaction in the middle of a change when it
    checks whether it may take them (KIP-890), refuses, and they are sent again after a pause. So it is told before.

    Raises:
        KafkaError: somebody else writes with this transactional id, or Kafka refuses.
    """
    await producer.begin_transaction()
    sender, transaction = producer._sender, producer._txn_manager  # noqa: SLF001
    told = False
    while transaction.is_in_transaction() and not told:
        # False after a pause, when the markers of the transaction before are not written yet.
        told = await sender._do_add_offsets_to_txn(group)  # noqa: SLF001
    if not transaction.is_in_transaction():
        await transaction.wait_for_transaction_end()  # raises what Kafka refused it with

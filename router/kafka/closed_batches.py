"""What aiokafka's sender takes for a closed BatchBuilder: batches in Kafka's record format 2.

How the sender of aiokafka 0.14 treats a batch is guarded by tests/contract/test_aiokafka_internals.py.
"""

from typing import Final

MAGIC: Final = 2
NOBODY: Final = -1


class ClosedBatch:
    """A batch of one partition that takes no more records; the sender says whose it is, and has it built."""

    def __init__(self) -> None:
        self._producer: tuple[int, int, int] = (NOBODY, NOBODY, 0)

    def closed(self) -> bool:
        """Say that no record may be added."""
        return True

    def close(self) -> None:
        """Do nothing: it is closed."""

    def append(self, **_record: object) -> None:
        """Take no record: what is sent one by one goes into a batch of its own."""

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._producer = (producer_id, producer_epoch, base_sequence)

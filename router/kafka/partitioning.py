"""Which partition a key belongs to, as Kafka's default partitioner decides (murmur2)."""

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, count: int) -> int:
    """Return the partition of `key` in a topic of `count` partitions; the Java client agrees."""
    return int((murmur2(key) & 0x7FFFFFFF) % count)

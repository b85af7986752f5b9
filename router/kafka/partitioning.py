"""Which partition a key belongs to, as Kafka's default partitioner decides (murmur2)."""

from typing import Final

from murmurhash2 import murmurhash2

_SEED: Final = 0x9747B28C


def placement_of(key: bytes) -> int:
    """Return the number that tells the partition of `key`: what is left when it is divided by how many there are."""
    return murmurhash2(key, _SEED) & 0x7FFFFFFF


def partition_of(key: bytes, count: int) -> int:
    """Return the partition of `key` in a topic of `count` partitions; the Java client agrees."""
    return (murmurhash2(key, _SEED) & 0x7FFFFFFF) % count

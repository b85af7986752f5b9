import pytest
from aiokafka.partitioner import murmur2
from hypothesis import given, strategies

from router.kafka.partitioning import partition_of, placement_of, placements_of


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    ],
)
def test_partitions_agree_with_the_java_client(key, hashed):
    # The hashes are those of Kafka's own tests of its murmur2.
    assert partition_of(key, 1000) == (hashed & 0x7FFFFFFF) % 1000


@given(key=strategies.binary(max_size=64), count=strategies.integers(1, 100))
def test_partitions_agree_with_aiokafkas_own(key, count):
    assert partition_of(key, count) == (murmur2(key) & 0x7FFFFFFF) % count


@given(keys=strategies.lists(strategies.binary(max_size=64)))
def test_many_keys_are_placed_as_each_alone(keys):
    assert placements_of(keys) == [placement_of(key) for key in keys]

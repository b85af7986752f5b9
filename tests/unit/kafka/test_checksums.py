import random

import pytest

from router.kafka.checksums import crc32c, with_beginning


def test_the_checksum_is_castagnolis():
    assert crc32c(b"123456789") == 0xE3069283


@pytest.mark.parametrize("following", [0, 1, 7, 255, 256, 65_536, 262_143, 2_097_152])
def test_a_changed_beginning_changes_the_checksum_as_reading_all_of_it_would(following):
    chance = random.Random(following)  # noqa: S311 (no secret)
    rest = chance.randbytes(following)
    for _ in range(3):
        old, new = chance.randbytes(40), chance.randbytes(40)
        assert with_beginning(crc32c(old + rest), old, new, following) == crc32c(new + rest)


def test_the_same_beginning_changes_nothing():
    assert with_beginning(crc32c(b"head and tail"), b"head", b"head", 9) == crc32c(b"head and tail")

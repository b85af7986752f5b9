import random

import pytest

from router.kafka import checksums
from router.kafka.checksums import crc32c, with_beginning


@pytest.mark.parametrize("is_in_hardware", [True, False])
def test_the_checksum_is_castagnolis_in_hardware_and_in_tables(is_in_hardware, monkeypatch):
    assert checksums._IN_HARDWARE  # noqa: SLF001 (else this machine tests one of two ways only)
    monkeypatch.setattr(checksums, "_IN_HARDWARE", is_in_hardware)
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"1234", b"56789") == 0xE3069283
    assert crc32c(b"", b"") == 0


@pytest.mark.parametrize("following", [0, 1, 7, 255, 256, 65_536, 262_143, 2_097_152])
def test_a_changed_beginning_changes_the_checksum_as_reading_all_of_it_would(following):
    chance = random.Random(following)  # noqa: S311 (no secret)
    rest = chance.randbytes(following)
    for _ in range(3):
        old, new = chance.randbytes(40), chance.randbytes(40)
        assert with_beginning(crc32c(old + rest), old, new, following) == crc32c(new + rest)


def test_the_same_beginning_changes_nothing():
    assert with_beginning(crc32c(b"head and tail"), b"head", b"head", 9) == crc32c(b"head and tail")

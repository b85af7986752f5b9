"""Record batches without their compression, for what aiokafka does not take apart."""

from collections.abc import Callable
from typing import Final

from aiokafka.codec import gzip_decode, lz4_decode, snappy_decode, zstd_decode

from router.kafka.batch_header import HEADER_BYTES, codec_of, size_at, without_codec

_DECODERS: Final[dict[int, Callable[[bytes], bytes]]] = {
    1: gzip_decode,
    2: snappy_decode,
    3: lz4_decode,
    4: zstd_decode,
}


def uncompressed(data: bytes, at: int) -> bytes:
    """Return the batch that begins there with its records as they are; its CRC is no longer one."""
    batch = data[at : at + size_at(data, at)]
    codec = codec_of(batch, 0)
    return batch if not codec else without_codec(batch, _DECODERS[codec](batch[HEADER_BYTES:]))

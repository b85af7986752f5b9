"""What a process does with memory that it no longer needs."""

import ctypes
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from router.process_memory import keep_freed_memory
if "keep" in sys.argv:
    keep_freed_memory()
for _ in range(3):
    blocks = [bytearray(1 << 20) for _ in range(16)]
    del blocks
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    blocks = [bytearray(1 << 20) for _ in range(16)]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(*words):
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], check=True, capture_output=True, text=True)
    return int(done.stdout)


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc"
)
def test_large_blocks_are_used_again_without_the_kernel():
    assert page_faults("keep") < 100 < page_faults()

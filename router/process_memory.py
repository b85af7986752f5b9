"""Memory of a busy process: it is looked through rarely, and what is freed stays at hand for what comes next."""

import ctypes
import gc
import sys
from typing import Final

_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_THRESHOLD: Final = -3
"""Parameters of glibc's mallopt(3)."""

_KEPT_BYTES: Final = 256 * 1024 * 1024
_STEP_BYTES: Final = 4 * 1024 * 1024
_LARGE_BYTES: Final = 32 * 1024 * 1024


def collect_rarely() -> None:
    """Spare the collector what is there already, and let it run after 200,000 new objects instead of 700.

    Records are many, short-lived and free of cycles: looking for these all the time costs a tenth of the CPU.
    """
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)


def keep_freed_memory() -> None:
    """Let the C library keep memory that was freed, up to 256 MB, instead of giving it back and asking for it anew.

    Bodies and record batches are large and live for milliseconds: getting their pages from the kernel each time took a
    seventh of the CPU time of large requests. Without glibc this does nothing.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, size in (
            (_TRIM_THRESHOLD, _KEPT_BYTES),
            (_TOP_PAD, _STEP_BYTES),
            (_MMAP_THRESHOLD, _LARGE_BYTES),
        ):
            mallopt(parameter, size)

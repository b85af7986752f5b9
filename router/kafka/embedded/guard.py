"""Starts a command that must not outlive its parent: `python guard.py PARENT_PID [--poll] -- COMMAND…`.

On Linux the kernel kills the command when the parent ends, and this program becomes the command. Elsewhere, and with
`--poll`, it stays: it looks for the parent, hands signals on, and kills the command when the parent is gone.
Standard library only, and started by its path: it must be quick.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType
from typing import Final, NoReturn

PR_SET_PDEATHSIG: Final = 1
POLL_SECONDS: Final = 0.25
PARENT_GONE: Final = 1
USAGE: Final = 2


def guarded(command: Sequence[str], *, poll: bool | None = None) -> list[str]:
    """Return the command line that runs `command` only as long as this process lives.

    The kernel watches the thread that started the child, not the process: from any but the main thread it must poll.
    """
    if poll is None:
        poll = sys.platform != "linux" or threading.current_thread() is not threading.main_thread()
    how = ["--poll"] if poll else []
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *how, "--", *command]


def main(arguments: Sequence[str]) -> int:
    """Run the command of a guarded command line; return its exit code where this program outlives it."""
    try:
        options, command = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
        parent = int(options[0])
    except (ValueError, IndexError):
        return USAGE
    if not command:
        return USAGE
    return _watch(parent, command) if "--poll" in options else _become(parent, command)


def _become(parent: int, command: Sequence[str]) -> NoReturn:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the kernel was told to watch it.
    if os.getppid() != parent:
        sys.exit(PARENT_GONE)
    os.execv(command[0], list(command))  # noqa: S606 (the command is the caller's)


def _watch(parent: int, command: Sequence[str]) -> int:
    child = subprocess.Popen(command)  # noqa: S603 (the command is the caller's)

    def hand_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, hand_on)
    while child.poll() is None:
        # An orphan gets another parent; on Windows it keeps the number of the dead one, which then cannot be asked for.
        if os.getppid() != parent or (sys.platform == "win32" and not _is_alive(parent)):
            child.kill()
            child.wait()
            return PARENT_GONE
        time.sleep(POLL_SECONDS)
    return child.returncode


def _is_alive(pid: int) -> bool:
    if sys.platform != "win32":
        return True
    handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)  # noqa: FBT003 (its signature)
    if not handle:
        return False
    code = ctypes.c_ulong()
    ctypes.windll.kernel32.GetExitCodeProcess(handle, ctypes.byref(code))
    ctypes.windll.kernel32.CloseHandle(handle)
    return code.value == 259  # noqa: PLR2004 (STILL_ACTIVE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

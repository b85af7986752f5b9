"""Commands are quick to begin: nothing heavy is imported before it is needed."""

import subprocess
import sys

HEAVY = ("aiohttp", "aiokafka", "cryptography", "fastapi", "faust", "httpx", "pydantic", "uvicorn")


def test_importing_the_commands_imports_nothing_heavy():
    program = f"import sys, router.cli; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

"""Commands are quick to begin: nothing heavy is imported before it is needed."""

import subprocess
import sys

HEAVY = ("aiohttp", "aiokafka", "cryptography", "fastapi", "faust", "httpx", "pydantic", "uvicorn")


def test_importing_the_commands_imports_nothing_heavy():
    program = f"import sys, router.cli.app; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_ctrl_c_while_the_commands_are_imported_shows_no_traceback():
    program = """
import sys, router.cli
class CtrlC:
    def find_spec(self, name, *_):
        if name == "router.cli.app":
            raise KeyboardInterrupt
sys.meta_path.insert(0, CtrlC())
router.cli.main(["--version"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")

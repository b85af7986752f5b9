"""What hostile endpoints could lead astray is met in a network namespace where loopback is all there is."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(400)]

HERE = Path(__file__).parent
ISOLATED = ("isolated_endpoints.py", "test_handlers.py", "test_webhook_security.py", "test_every_handler.py")
ALONE = 'ip link set lo up && exec "$@"'


def namespace() -> list[str]:
    """Return the beginning of a command that runs the rest where only loopback exists; where that is not permitted, skip."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("unshare and ip are not installed")
    # Root may; others may where user namespaces are open to them.
    for user in ([], ["--map-root-user"]):
        command = ["unshare", *user, "--net", "sh", "-c", ALONE, "sh"]
        if subprocess.run([*command, "true"], capture_output=True, timeout=30, check=False).returncode == 0:
            return command
    pytest.skip("network namespaces are not permitted here")


def test_hostile_endpoints_lead_nowhere_and_harm_nothing():
    command = [*namespace(), sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not npm"]
    done = subprocess.run(
        [*command, *(str(HERE / name) for name in ISOLATED)],
        cwd=HERE.parent.parent,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=360,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 150

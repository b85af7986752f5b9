"""Clients and receivers that are programs of their own: Node, Java and Go, each with its packages from its registry."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.expected import Endpoints
from tests.node_packages import CACHE, node_packages, run_node

HERE = Path(__file__).parent
GO_FOLDERS = f"{os.environ.get('PATH', '')}:/usr/local/go/bin"
DOWNLOAD_SECONDS = 400
LOCAL = {"NO_PROXY": "localhost,127.0.0.1", "no_proxy": "localhost,127.0.0.1"}


def run_node_client(given: Endpoints) -> Any:
    """Run tests/clients/node."""
    packages = node_packages("@azure/eventgrid")
    return run_node(packages, (HERE / "node" / "publish.mjs").read_text(), **given.environment())


def run_node_receiver(requests: dict[str, Any], wrong_secret: str) -> Any:
    """Let tests/clients/node/receive.mjs read requests, given as headers, body and secrets by a name."""
    packages = node_packages("@azure/eventgrid", "cloudevents", "standardwebhooks", "svix")
    program = (HERE / "node" / "receive.mjs").read_text()
    return run_node(packages, program, REQUESTS=json.dumps(requests), WRONG_SECRET=wrong_secret)


def run_java_client(given: Endpoints) -> Any:
    """Run tests/clients/java; without Maven and Java, or what Maven fetches, the test is skipped."""
    if shutil.which("mvn") is None or shutil.which("java") is None or shutil.which("keytool") is None:
        pytest.skip("Maven and Java are not installed")
    folder = CACHE.parent / "java-client"
    folder.mkdir(parents=True, exist_ok=True)
    classes, trusted = folder / "class-path.txt", folder / f"trusted-{os.getpid()}.p12"
    fetch = ["mvn", "-q", "-B", "-f", str(HERE / "java" / "pom.xml"), "dependency:build-classpath"]
    done = _run([*fetch, f"-Dmdep.outputFile={classes}"])
    if done.returncode:
        pytest.skip("Maven cannot fetch com.azure:azure-messaging-eventgrid")
    store = ["-keystore", str(trusted), "-storepass", "changeit", "-storetype", "PKCS12"]
    try:
        imported = _run(["keytool", "-importcert", "-noprompt", "-alias", "router", "-file", given.ca_file, *store])
        assert imported.returncode == 0, imported.stdout
        trust = [f"-Djavax.net.ssl.trustStore={trusted}", "-Djavax.net.ssl.trustStorePassword=changeit"]
        command = ["java", *trust, "-cp", classes.read_text(), str(HERE / "java" / "Publish.java")]
        return _answer(_run(command, **given.environment()))
    finally:
        trusted.unlink(missing_ok=True)


def run_go_client(given: Endpoints) -> Any:
    """Run tests/clients/go; without Go, or the modules that it fetches, the test is skipped."""
    go = shutil.which("go", path=GO_FOLDERS)
    if go is None:
        pytest.skip("Go is not installed")
    program = CACHE.parent / "go-client"
    done = _run([go, "mod", "download"], cwd=HERE / "go")
    if done.returncode:
        pytest.skip("Go cannot fetch azeventgrid")
    built = _run([go, "build", "-o", str(program), "."], cwd=HERE / "go")
    assert built.returncode == 0, built.stderr
    return _answer(_run([str(program)], **given.environment(), SSL_CERT_FILE=given.ca_file))


def _run(command: list[str], cwd: Path = HERE, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | LOCAL | environment,
        capture_output=True,
        text=True,
        timeout=DOWNLOAD_SECONDS,
        check=False,
    )


def _answer(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)

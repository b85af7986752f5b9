"""The main way over a Kafka that wants TLS, a client certificate and a password: server, worker, history, commands."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import router
from router.kafka.embedded import broker
from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions
from router.kafka.embedded.configuration import server_properties
from router.kafka.embedded.ports import free_port
from tests.certificates import Authority
from tests.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.long, pytest.mark.timeout(300)]

COMMAND = (sys.executable, "-P", "-m", "router")
LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
EVENT = {
    "id": "secured-1",
    "subject": "models/churn:3",
    "eventType": "Microsoft.MachineLearningServices.ModelRegistered",
    "eventTime": "2025-10-20T12:00:00Z",
    "data": {"modelName": "churn"},
    "dataVersion": "1",
}


class SecuredKafka:
    """The embedded Kafka with a second listener, for those who have a certificate and a password."""

    def __init__(self, directory: Path):
        self._directory = directory
        self._authority = Authority(directory)
        self.port = free_port()
        self.kafka = EmbeddedKafka(EmbeddedKafkaOptions(directory / "kafka", port=0, short_lived=True))

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def properties(self, logs: Path, port: int, controller_port: int) -> dict[str, str]:
        mine, tls = server_properties(logs, port, controller_port), "listener.name.sasl_ssl."
        certificate, key = self._authority.sign("127.0.0.1")
        (self._directory / "broker.pem").write_text(key.read_text() + certificate.read_text())
        mine["listeners"] += f",SASL_SSL://{self.bootstrap_servers}"
        mine["advertised.listeners"] += f",SASL_SSL://{self.bootstrap_servers}"
        mine["listener.security.protocol.map"] += ",SASL_SSL:SASL_SSL"
        return mine | {
            f"{tls}ssl.keystore.type": "PEM",
            f"{tls}ssl.keystore.location": str(self._directory / "broker.pem"),
            f"{tls}ssl.truststore.type": "PEM",
            f"{tls}ssl.truststore.location": str(self._authority.file),
            f"{tls}ssl.client.auth": "required",
            f"{tls}sasl.enabled.mechanisms": "PLAIN",
            f"{tls}plain.sasl.jaas.config": f'{LOGIN} user_router="secret";',
        }

    def environment(self, password: str = "secret") -> dict[str, str]:  # noqa: S107 (of this test)
        certificate, key = self._authority.sign("router")
        (self._directory / "password").write_text(f"{password}\n")
        mine = {
            "SECURITY_PROTOCOL": "SASL_SSL",
            "CA_FILE": self._authority.file,
            "CLIENT_CERTIFICATE": certificate,
            "CLIENT_KEY": key,
            "SASL_USERNAME": "router",
            "SASL_PASSWORD_FILE": self._directory / "password",
        }
        return os.environ | {
            "PYTHONPATH": str(Path(router.__file__).parents[1]),
            **{f"ROUTER_KAFKA_{name}": str(value) for name, value in mine.items()},
        }


@pytest.fixture
async def secured(tmp_path, monkeypatch):
    one = SecuredKafka(tmp_path)
    monkeypatch.setattr(broker, "server_properties", one.properties)
    await one.kafka.start()
    yield one
    one.kafka.kill()


def started(environment, *arguments) -> subprocess.Popen:
    return subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True, env=environment)


def cli(environment, data_dir, *arguments) -> subprocess.CompletedProcess:
    command = [*COMMAND, *arguments, "--data-dir", str(data_dir)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)


async def test_events_go_their_whole_way_over_a_secured_kafka(secured, tmp_path):
    environment, data_dir = secured.environment(), tmp_path / "data"
    ports = ["--port", f"{free_port()}", "--bootstrap-servers", secured.bootstrap_servers]
    up = started(environment, "up", "--data-dir", str(data_dir), *ports)
    try:
        assert "router is ready at" in up.stdout.readline()
        (tmp_path / "event.json").write_text(json.dumps([EVENT]))
        topic = ["--endpoint-type", "topic", "--endpoint", "models"]
        for arguments in (
            ["event-subscription", "create", "--name", "models", *topic],
            ["publish", str(tmp_path / "event.json")],
        ):
            done = cli(environment, data_dir, *arguments)
            assert done.returncode == 0, done.stderr
        consumed = cli(environment, data_dir, "consume", "models", "--from-beginning", "--max", "1", "--json")
        assert '"secured-1"' in consumed.stdout

        def is_in_history():
            return '"written"' in cli(environment, data_dir, "events", "show", "secured-1", "--json").stdout

        await until(is_in_history, seconds=60)
    finally:
        up.terminate()
        assert up.wait(60) == 0
        up.stdout.close()


async def test_a_wrong_password_is_hinted_at(secured, tmp_path):
    asked = ["topics", "list", "--bootstrap-servers", secured.bootstrap_servers]
    answer = cli(secured.environment(password="wrong"), tmp_path, *asked)  # noqa: S106 (of this test)

    assert answer.returncode == 1
    assert "the password and certificates that go with it" in answer.stderr

"""The server around its routes: what is not found, what fails, who may ask; and its credentials file."""

import json
import stat
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from starlette.routing import Route

from router import server as server_module
from router.errors import KafkaUnavailableError, SettingsError
from router.observability.endpoints import operations_routes
from router.observability.health import Health
from router.observability.metrics import Metrics
from router.observability.serving import BackgroundServer
from router.server import CredentialsFile, build_server
from router.settings import Settings
from router.sources.view import AccessKeys
from tests.builders import WORKSPACE

KEYS = AccessKeys("one", "two")


async def broken(_request):
    raise ValueError("the secret of the server")


async def without_kafka(_request):
    raise KafkaUnavailableError("no Kafka answers at 127.0.0.1:1")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    routes = [
        Route("/broken", broken),
        Route("/without-kafka", without_kafka),
        *operations_routes(Metrics(), Health()),
    ]
    server = BackgroundServer(build_server(Settings(), routes), "127.0.0.1", 0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await server.start()}", trust_env=False) as started:
        yield started
    await server.stop()


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_not_there_is_a_404_in_azures_shape(client):
    answer = await client.get("/nothing?secret=1")
    assert (answer.status_code, answer.json()["error"]["details"][0]["code"]) == (404, "ResourceNotFound")
    assert "secret" not in answer.text


@pytest.mark.asyncio(loop_scope="module")
async def test_a_wrong_verb_is_a_405(client):
    answer = await client.post("/healthz")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "MethodNotAllowed")
    assert "GET" in answer.headers["allow"]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_failure_says_nothing_of_what_is_inside(client):
    answer = await client.get("/broken")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "InternalServerError")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.asyncio(loop_scope="module")
async def test_an_error_for_people_is_told_to_them(client):
    answer = await client.get("/without-kafka")
    assert (answer.status_code, answer.json()["error"]["message"]) == (503, "no Kafka answers at 127.0.0.1:1")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "headers", [{"host": "evil.test"}, {"origin": "http://evil.test"}, {"origin": "null"}, {"origin": "http://["}]
)
async def test_a_page_from_elsewhere_is_refused(client, headers):
    answer = await client.get("/healthz", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "Forbidden")


@pytest.mark.asyncio(loop_scope="module")
async def test_operations_need_no_credentials(client):
    assert (await client.get("/healthz")).status_code == 200
    assert (await client.get("/readyz")).json() == {"ready": True, "waiting_for": {}}
    assert "# TYPE" in (await client.get("/metrics")).text


async def test_a_port_that_is_taken_is_an_error_that_names_it():
    first = BackgroundServer(build_server(Settings(), []), "127.0.0.1", 0)
    port = await first.start()
    with pytest.raises(SettingsError, match=f"127.0.0.1:{port}"):
        await BackgroundServer(build_server(Settings(), []), "127.0.0.1", port).start()
    await first.stop()


async def test_without_kafka_the_server_does_not_start_and_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(server_module, "KAFKA_SECONDS", 0.1)
    with pytest.raises(KafkaUnavailableError, match=r"no Kafka answers at 127\.0\.0\.1:1"):
        await server_module.serve(Settings(data_dir=tmp_path, bootstrap_servers="127.0.0.1:1", port=0))


def credentials(path):
    return json.loads((path / "credentials.json").read_text())


def test_credentials_are_written_for_their_owner_only(tmp_path):
    settings = Settings(data_dir=tmp_path / "new", bootstrap_servers="127.0.0.1:9092")
    CredentialsFile(settings).write(8080, KEYS)
    written = credentials(tmp_path / "new")
    assert stat.S_IMODE((tmp_path / "new" / "credentials.json").stat().st_mode) == 0o600
    assert written.pop("admin_token")
    assert written["identity"].pop("header")
    assert written == {
        "server": "http://127.0.0.1:8080",
        "tls_server": None,
        "ca_file": None,
        "bootstrap_servers": "127.0.0.1:9092",
        "identity": {"endpoint": "http://127.0.0.1:8080/msi/token"},
        "workspace": {
            "resource_id": WORKSPACE,
            "publish_url": "http://127.0.0.1:8080/api/events",
            "key1": "one",
            "key2": "two",
        },
    }


def test_a_restart_keeps_the_token_and_the_identity(tmp_path):
    settings = Settings(data_dir=tmp_path)
    CredentialsFile(settings).write(1, KEYS)
    first = credentials(tmp_path)
    CredentialsFile(settings).write(2, KEYS)
    again = credentials(tmp_path)
    assert (again["admin_token"], again["identity"]["header"]) == (first["admin_token"], first["identity"]["header"])
    assert again["server"] == "http://127.0.0.1:2"


def test_a_token_that_was_given_wins(tmp_path):
    CredentialsFile(Settings(data_dir=tmp_path)).write(1, KEYS)
    given = CredentialsFile(Settings(data_dir=tmp_path, admin_token="given"))  # noqa: S106 (of this test)
    given.write(1, KEYS)
    assert given.admin_token == credentials(tmp_path)["admin_token"] == "given"  # noqa: S105 (of this test)


@pytest.mark.parametrize(
    ("host", "server"),
    [
        ("0.0.0.0", "http://127.0.0.1:1"),  # noqa: S104 (bound by nobody)
        ("::", "http://[::1]:1"),
        ("::1", "http://[::1]:1"),
        ("10.0.0.1", "http://10.0.0.1:1"),
    ],
)
def test_the_server_is_named_so_that_this_machine_reaches_it(tmp_path, host, server):
    CredentialsFile(Settings(data_dir=tmp_path, host=host)).write(1, KEYS)
    assert credentials(tmp_path)["server"] == server


def test_new_keys_of_the_workspace_are_written_at_once(tmp_path):
    file = CredentialsFile(Settings(data_dir=tmp_path))
    file.keys_changed(AccessKeys("too", "early"))
    file.write(1, KEYS)
    file.keys_changed(AccessKeys("one", "new"))
    assert credentials(tmp_path)["workspace"]["key2"] == "new"


def test_a_broken_credentials_file_is_an_error_that_names_it(tmp_path):
    (tmp_path / "credentials.json").write_text("{")
    with pytest.raises(SettingsError, match=r"credentials\.json"):
        CredentialsFile(Settings(data_dir=tmp_path))

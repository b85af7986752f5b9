"""The commands against the real API and the real publish endpoint, over real sockets."""

import json
from http import HTTPStatus

import pytest
import structlog

from tests.api.publishing import ADMIN_TOKEN, publishing
from tests.api.running_api import LIVE, TOKEN, credentials_for
from tests.builders import WORKSPACE, a_cloud_event, an_event
from tests.command_line import router

ML = "Microsoft.MachineLearningServices."


@pytest.fixture(autouse=True)
def _quiet_servers():
    """What the servers log in this process is not the commands' output."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    for name in ("ROUTER_SERVER", "ROUTER_TOKEN", "ROUTER_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROUTER_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def served(api, data_dir):
    """The API, and credentials for it in the commands' data directory."""
    credentials_for(api.url).write(data_dir)
    return api


async def create(name, *flags):
    return await router("event-subscription", "create", "--name", name, *flags)


class TestEventSubscriptions:
    async def test_the_documented_command_works_as_typed(self, served, endpoint):
        done = await create(
            "alerts",
            "--included-event-types",
            ML + "ModelRegistered",
            "--subject-begins-with",
            "models/mymodelname",
            "--endpoint",
            f"{endpoint.url}/hook",
        )
        assert (done.code, done.err) == (0, "")
        assert done.out.splitlines()[1].split()[:2] == ["alerts", "Succeeded"]
        stored = served.stored("alerts")
        assert stored.provisioning_state == LIVE
        assert stored.filter.included_event_types == (ML + "ModelRegistered",)
        assert stored.filter.subject_begins_with == "models/mymodelname"

    async def test_types_are_separated_by_spaces(self, served):
        done = await create(
            "runs",
            "--included-event-types",
            ML + "RunCompleted",
            ML + "RunStatusChanged",
            "--endpoint-type",
            "topic",
            "--endpoint",
            "runs",
            "--labels",
            "a",
            "b",
            "--json",
        )
        assert json.loads(done.out)["properties"]["labels"] == ["a", "b"]
        assert served.stored("runs").filter.included_event_types == (ML + "RunCompleted", ML + "RunStatusChanged")
        assert served.stored("runs").sink.name == "runs"
        assert {name.removeprefix("subscriber.") for name in served.topics.names} == {"runs"}

    @pytest.mark.usefixtures("served")
    async def test_a_failed_handshake_is_told_in_the_services_words(self, endpoint):
        endpoint.confirms = False
        done = await create("alerts", "--endpoint", f"{endpoint.url}/hook")
        assert done.code == 1
        assert "Webhook validation handshake failed" in done.err
        assert "Traceback" not in done.err

    @pytest.mark.usefixtures("served")
    async def test_a_topic_has_no_signing_secret_that_a_script_could_take_for_one(self):
        await create("models", "--endpoint-type", "topic", "--endpoint", "models")
        done = await router("event-subscription", "signing-secret", "--name", "models")
        assert (done.code, done.out) == (1, "")
        assert "not signed" in done.err

    @pytest.mark.usefixtures("served")
    @pytest.mark.parametrize("source", ["", "local"])
    async def test_a_source_is_a_resource_id(self, source):
        done = await router("event-subscription", "list", "--source-resource-id", source)
        assert (done.code, done.out) == (1, "")
        assert "is no resource id" in done.err

    @pytest.mark.usefixtures("served")
    @pytest.mark.parametrize(
        "command",
        [
            ("event-subscription", "show", "--name", ""),
            ("workspace", "show", ""),
            ("custom-topic", "show", ""),
            ("events", "show", ""),
            ("dead-letters", "show", ""),
            ("principal", "delete", "--name", ""),
        ],
    )
    async def test_an_empty_name_shows_nothing(self, command):
        done = await router(*command)
        assert (done.code, done.out) == (1, "")
        assert "a name or an id is empty" in done.err

    @pytest.mark.usefixtures("served")
    async def test_an_unknown_type_is_warned_of(self):
        done = await create(
            "odd",
            "--included-event-types",
            ML + "ModelRegisterd",
            "--endpoint-type",
            "topic",
            "--endpoint",
            "odd",
        )
        assert done.code == 0
        assert done.err.startswith("warning: ")
        assert ML + "ModelRegistered" in done.err

    @pytest.mark.parametrize(
        ("flags", "words"),
        [
            ([], "--endpoint is missing"),
            (["--endpoint", "not a url"], "not a URL"),
            (["--endpoint-type", "topic", "--endpoint", "../../etc"], "cannot name a topic"),
        ],
    )
    @pytest.mark.usefixtures("data_dir")
    async def test_what_cannot_be_is_refused_before_the_server_is_asked(self, flags, words):
        done = await create("refused", *flags)
        assert done.code == 1
        assert done.err.startswith("error: ")
        assert words in done.err

    @pytest.mark.usefixtures("served")
    async def test_the_servers_refusal_is_told(self):
        done = await create("x", "--endpoint-type", "topic", "--endpoint", "x")
        assert done.code == 1
        assert "3 to 64" in done.err

    @pytest.mark.usefixtures("served")
    async def test_a_source_that_does_not_exist_is_refused(self):
        source = WORKSPACE.replace("/local", "/nowhere")
        done = await create("lost", "--source-resource-id", source, "--endpoint-type", "topic", "--endpoint", "lost")
        assert done.code == 1
        assert "not found" in done.err

    async def test_list_show_update_and_delete(self, served, endpoint):
        await create("alerts", "--endpoint", f"{endpoint.url}/hook?code=secret", "--subject-begins-with", "models/")
        await create("every", "--endpoint-type", "topic", "--endpoint", "every")
        listed = await router("event-subscription", "list", "--json")
        assert [found["name"] for found in json.loads(listed.out)] == ["alerts", "every"]
        assert "topic subscriber.every" in (await router("event-subscription", "list")).out

        hidden = await router("event-subscription", "show", "--name", "alerts")
        assert "secret" not in hidden.out
        shown = await router("event-subscription", "show", "-n", "alerts", "--include-full-endpoint-url")
        assert "?code=secret" in shown.out

        done = await router("event-subscription", "update", "-n", "alerts", "--subject-ends-with", ":1")
        assert done.code == 0, done.err
        assert served.stored("alerts").filter.subject_begins_with == "models/"
        assert served.stored("alerts").filter.subject_ends_with == ":1"
        again = await router("event-subscription", "show", "-n", "alerts", "--include-full-endpoint-url", "--json")
        url = json.loads(again.out)["properties"]["destination"]["properties"]["endpointUrl"]
        assert url == f"{endpoint.url}/hook?code=secret"

        assert "Deleted" in (await router("event-subscription", "delete", "-n", "alerts")).out
        gone = await router("event-subscription", "delete", "-n", "alerts")
        assert (gone.code, "nothing to delete" in gone.out) == (0, True)
        assert served.stored("alerts") is None

    async def test_delete_takes_the_topic_along_when_asked_to(self, served):
        await create("one", "--endpoint-type", "topic", "--endpoint", "one")
        await create("two", "--endpoint-type", "topic", "--endpoint", "two")
        await router("event-subscription", "delete", "--name", "one")
        await router("event-subscription", "delete", "--name", "two", "--delete-topic")
        assert {name.removeprefix("subscriber.") for name in served.topics.names} == {"one"}

    @pytest.mark.parametrize("command", ["show", "update"])
    @pytest.mark.usefixtures("served")
    async def test_what_is_not_there_is_said(self, command):
        done = await router(
            "event-subscription", command, "--name", "nothing", *(["--labels", "x"][: 2 * (command == "update")])
        )
        assert done.code == 1
        assert "there is no event subscription nothing" in done.err

    @pytest.mark.usefixtures("served")
    async def test_an_empty_list_is_json_too(self):
        assert json.loads((await router("event-subscription", "list", "--json")).out) == []


class TestWorkspaces:
    async def test_a_workspace_is_created_shown_and_listed(self, served):
        created = await router("workspace", "create", "vision")
        assert f"publish to   {served.url}/workspaces/vision/api/events" in created.out
        shown = json.loads((await router("workspace", "show", "vision", "--json")).out)
        assert shown["id"] == WORKSPACE.replace("/local", "/vision").replace(
            "resourceGroups/vision", "resourceGroups/local"
        )
        listed = json.loads((await router("workspace", "list", "--json")).out)
        assert {found["name"] for found in listed} == {"local", "vision"}

    @pytest.mark.usefixtures("served")
    async def test_keys_are_shown_and_made_anew_one_at_a_time(self):
        before = json.loads((await router("workspace", "keys", "local", "--json")).out)
        after = json.loads((await router("workspace", "keys", "local", "--regenerate", "key2", "--json")).out)
        assert set(before) == set(after) == {"key1", "key2"}
        assert before["key1"] == after["key1"]
        assert before["key2"] != after["key2"]

    @pytest.mark.parametrize("command", ["show", "keys"])
    @pytest.mark.usefixtures("served")
    async def test_what_is_not_there_is_said(self, command):
        done = await router("workspace", command, "nowhere")
        assert done.code == 1
        assert "there is no workspace nowhere" in done.err


class TestPublish:
    @pytest.fixture
    async def endpoint(self, data_dir):
        async with publishing() as running:
            credentials_for(running.url, ADMIN_TOKEN).write(data_dir)
            yield running

    async def test_events_of_both_schemas_are_published_from_a_file(self, endpoint, tmp_path):
        file = tmp_path / "events.jsonl"
        events = [an_event(id="1"), a_cloud_event(id="2"), an_event(id="3")]
        file.write_text("\n".join(map(json.dumps, events)))
        done = await router("publish", str(file))
        assert (done.code, done.out) == (0, "3 events accepted.\n")
        assert [json.loads(message.value) for message in endpoint.messages] == events

    async def test_one_event_is_published_from_standard_input(self, endpoint):
        done = await router("publish", "-", "--json", stdin=json.dumps(an_event(), indent=2))
        assert (done.code, json.loads(done.out)) == (0, {"accepted": 1})
        assert len(endpoint.messages) == 1

    async def test_a_refused_batch_is_named_and_what_was_accepted_counted(self, endpoint):
        lines = [json.dumps(an_event(id="good")), json.dumps(an_event(id="bad", subject=5))]
        done = await router("publish", "-", "--batch-size", "1", stdin="\n".join(lines))
        assert done.code == 1
        assert 'Not accepted: event 2 (id "bad"). 1 of 2 events were accepted before.' in done.err
        assert len(endpoint.messages) == 1

    @pytest.mark.usefixtures("endpoint")
    async def test_a_file_that_is_not_there_is_named(self):
        done = await router("publish", "nowhere.json")
        assert done.code == 1
        assert "nowhere.json" in done.err


class TestConnection:
    async def test_without_credentials_the_way_to_get_some_is_told(self, data_dir):
        done = await router("workspace", "list")
        assert done.code == 1
        assert f"no credentials.json in {data_dir}" in done.err
        assert "hint: Start one: router up" in done.err

    async def test_a_router_that_does_not_answer_is_named(self, data_dir):
        credentials_for("http://127.0.0.1:1").write(data_dir)
        for command in (["workspace", "list"], ["event-subscription", "list"]):
            done = await router(*command)
            assert done.code == 1
            assert "no router answers at http://127.0.0.1:1" in done.err

    @pytest.mark.usefixtures("data_dir")
    async def test_the_environment_stands_in_for_credentials(self, api, monkeypatch):
        monkeypatch.setenv("ROUTER_SERVER", api.url)
        monkeypatch.setenv("ROUTER_TOKEN", TOKEN)
        done = await router("workspace", "list", "--json")
        assert [found["name"] for found in json.loads(done.out)] == ["local"]

    @pytest.mark.usefixtures("served")
    async def test_a_wrong_token_is_refused(self, monkeypatch):
        monkeypatch.setenv("ROUTER_TOKEN", "wrong")
        done = await router("workspace", "list")
        assert done.code == 1
        assert "hint: The token or key is not this router's" in done.err

    async def test_credentials_that_cannot_be_read_are_named(self, data_dir):
        (data_dir / "credentials.json").write_text("{}")
        done = await router("workspace", "list")
        assert done.code == 1
        assert "credentials.json cannot be read" in done.err


class TestUsage:
    @pytest.mark.parametrize(
        "command",
        [
            [],
            ["up"],
            ["demo"],
            ["server"],
            ["worker"],
            ["publish"],
            ["consume"],
            ["topics", "create"],
            ["topics", "list"],
            *(["workspace", name] for name in ("create", "list", "show", "keys")),
            *(["event-subscription", name] for name in ("create", "show", "list", "update", "delete")),
        ],
    )
    async def test_every_command_explains_itself_with_an_example(self, command):
        done = await router(*command, "--help")
        assert (done.code, done.err) == (0, "")
        assert "Usage: router" in done.out
        assert "Examples:\n  " in done.out

    async def test_a_misspelled_command_gets_a_suggestion(self):
        done = await router("event-subscripton", "list")
        assert done.code == 2
        assert "event-subscription" in done.err

    async def test_an_option_without_values_is_named(self):
        done = await create("x", "--labels", "--endpoint", "http://h/")
        assert done.code == 2
        assert "--labels" in done.err
        assert "at least one value" in done.err

    async def test_the_version_is_shown(self):
        assert (await router("--version")).out.startswith("router ")


async def test_an_error_of_the_server_is_no_traceback(data_dir):
    async with publishing() as running:
        credentials_for(running.url).write(data_dir)
        done = await router("event-subscription", "list")
    assert done.code == 1
    assert "Traceback" not in done.err
    assert str(HTTPStatus.NOT_FOUND.value) in done.err or "No HTTP resource" in done.err

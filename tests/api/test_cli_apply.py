"""`router apply` against the real API, over a real socket."""

import json
from datetime import UTC, datetime

import pytest
import pytest_asyncio
import structlog

from router.settings import Settings
from tests.api.running_api import Api, credentials_for, running, to_topic
from tests.builders import WORKSPACE
from tests.command_line import Done, router

NEWER = datetime(2100, 1, 1, tzinfo=UTC)
FILE = """
eventSubscriptions:
  - name: models
    topic: models
    labels: [kept]
    filter:
      subjectBeginsWith: models/
  - name: drift
    topic: drift
"""


@pytest.fixture(autouse=True)
def _quiet_servers():
    with structlog.testing.capture_logs():
        yield


@pytest_asyncio.fixture(autouse=True)
async def api(tmp_path, monkeypatch):
    for name in ("ROUTER_SERVER", "ROUTER_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROUTER_DATA_DIR", str(tmp_path))
    async with running(Api(Settings(data_dir=tmp_path))) as started:
        credentials_for(started.url).write(tmp_path)
        yield started


@pytest.fixture
def apply(tmp_path):
    async def run(text: str, *flags: str) -> Done:
        (tmp_path / "file").write_text(text)
        return await router("apply", "-f", str(tmp_path / "file"), *flags)

    return run


async def test_a_file_is_compared_applied_and_then_nothing_is_left_to_do(api, apply):
    before = await apply(FILE, "--dry-run")
    assert (before.code, api.stored("models")) == (2, None)
    assert '+ filter.subjectBeginsWith: "models/"' in before.out
    done = await apply(FILE)
    assert (done.code, "2 were created" in done.err) == (0, True)
    assert (api.stored("models").labels, api.stored("drift").sink.name) == (("kept",), "drift")
    assert [(await apply(FILE, *flags)).code for flags in ((), ("--dry-run",), ("--prune", "--dry-run"))] == [0, 0, 0]


async def test_a_change_is_shown_and_made(api, apply):
    await apply(FILE)
    changed = FILE.replace("[kept]", "[other]")
    assert (await apply(changed, "--dry-run")).code == 2
    done = await apply(changed)
    assert (done.code, '- labels: ["kept"]' in done.out, '+ labels: ["other"]' in done.out) == (0, True, True)
    assert api.stored("models").labels == ("other",)
    assert api.stored("models").filter.subject_begins_with == "models/"


async def test_prune_deletes_what_the_file_has_not(api, apply):
    await apply(FILE)
    await api.put("stray", to_topic("stray"))
    assert (await apply(FILE)).code == 0
    assert api.stored("stray") is not None
    shown = await apply(FILE, "--prune", "--dry-run")
    assert (shown.code, "- stray" in shown.out, api.stored("stray") is None) == (2, True, False)
    assert ((await apply(FILE, "--prune")).code, api.stored("stray")) == (0, None)
    assert api.stored("models") is not None


async def test_what_show_prints_and_an_arm_template_are_files_too(api, apply):
    await apply(FILE)
    shown = await router("event-subscription", "show", "--name", "models", "--json")
    assert (await apply(shown.out, "--dry-run")).code == 0
    template = {
        "resources": [
            {
                "type": "Microsoft.Resources/tags",
                "name": "default",
            },
            {
                "type": "Microsoft.EventGrid/eventSubscriptions",
                "scope": WORKSPACE,
                "name": "from-template",
                "properties": to_topic("template"),
            },
        ]
    }
    assert (await apply(json.dumps(template))).code == 0
    assert api.stored("from-template").sink.name == "template"


async def test_what_is_wrong_is_said_and_nothing_else_is_made(api, apply):
    refused = await apply(FILE.replace("name: models", "name: m"))
    assert (refused.code, "3 to 64" in refused.err) == (1, True)
    assert api.stored("drift") is None
    assert (await apply("{]")).code == 1
    assert "cannot be read" in (await router("apply", "-f", "nowhere.yaml")).err


async def test_somebody_elses_change_is_not_overwritten_unseen(api, apply, monkeypatch):
    await apply(FILE)
    show = "router.cli.apply._show"

    def meanwhile(_changes) -> None:
        """Change the subscription while a person reads the difference."""
        stored = api.stored("models")
        key, value = stored.id.lower().encode(), stored.model_copy(update={"updated_at": NEWER}).encode()
        api.subscriptions.view.apply(key, value)

    monkeypatch.setattr(show, meanwhile)
    done = await apply(FILE.replace("[kept]", "[other]"))
    assert (done.code, "again" in done.err) == (1, True)
    assert api.stored("models").labels == ("kept",)


async def test_a_change_that_is_refused_is_named_with_how_far_it_had_gone(api, apply):
    done = await apply("eventSubscriptions: [{name: models, topic: a}, {name: x, topic: b}, {name: drift, topic: c}]")
    assert (done.code, api.stored("models") is None, api.stored("drift")) == (1, False, None)
    assert done.err.startswith("error: x: ")
    assert "1 of 3 changes were made before." in done.err


async def test_a_file_of_nothing_is_a_mistake(apply):
    done = await apply("")
    assert (done.code, "is empty" in done.err) == (1, True)
    assert (await apply("eventSubscriptions: []")).code == 0

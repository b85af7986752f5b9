"""What commands say of input that they cannot use, before they ask any server."""

import json

import pytest

from router.cli.loadtest import _must_be_writable
from router.cli.topics import unheeded
from router.errors import RefusedError
from tests.command_line import router


@pytest.fixture(autouse=True)
def _no_router(tmp_path, monkeypatch):
    for name in ("ROUTER_SERVER", "ROUTER_TOKEN", "ROUTER_BOOTSTRAP_SERVERS", "ROUTER_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROUTER_DATA_DIR", str(tmp_path / "none"))


async def test_a_file_of_an_event_that_is_not_there_is_named(tmp_path):
    done = await router("explain", str(tmp_path / "nowhere.json"))
    assert (done.code, done.err) == (1, f"error: cannot read {tmp_path / 'nowhere.json'}: No such file or directory\n")


async def test_a_directory_is_no_event(tmp_path):
    assert (await router("explain", str(tmp_path))).err == f"error: cannot read {tmp_path}: Is a directory\n"


async def test_bytes_that_are_no_text_are_no_event(tmp_path):
    (tmp_path / "event.json").write_bytes(b"\xff\xfe\x00")
    done = await router("explain", str(tmp_path / "event.json"))
    assert (done.code, "is not JSON" in done.err, "unexpected" in done.err) == (1, True, False)


@pytest.mark.parametrize(
    ("draft", "words"),
    [({"subjectBeginWith": "models/"}, "a filter has no subjectBeginWith"), ([1], "holds no filter")],
)
async def test_a_draft_with_what_no_filter_has_is_refused(tmp_path, draft, words):
    (tmp_path / "draft.json").write_text(json.dumps(draft))
    done = await router("explain", "-", "--filter", str(tmp_path / "draft.json"), stdin="{}")
    assert (done.code, words in done.err) == (1, True)


async def test_a_load_test_writes_no_report_where_it_cannot_and_says_so_first(tmp_path):
    done = await router("loadtest", "--html", str(tmp_path / "nowhere" / "report.html"))
    assert (done.code, done.out) == (1, "")
    assert "cannot write" in done.err
    assert "unexpected" not in done.err
    with pytest.raises(RefusedError, match="Is a directory"):
        _must_be_writable(tmp_path)


async def test_a_rate_that_nobody_could_wait_for_is_refused():
    done = await router("loadtest", "--rate", "inf")
    assert (done.code, "--rate" in done.err) == (2, True)


async def test_brokers_that_are_no_addresses_are_named():
    done = await router("consume", "models", "--bootstrap-servers", "kafka:port")
    assert (done.code, done.err.splitlines()[0]) == (1, "error: 'kafka:port' names no Kafka brokers")


async def test_how_to_make_a_signing_secret_is_not_passed_over():
    done = await router("event-subscription", "signing-secret", "--name", "alerts", "--algorithm", "ed25519")
    assert (done.code, "Give --rotate" in done.err) == (1, True)


def test_partitions_that_a_topic_does_not_get_are_told():
    assert (unheeded(4, 4), unheeded(4, None)) == (None, None)
    assert unheeded(8, 4) == "workspace.events has 4 partitions, not 8: a topic that exists stays as it is"


@pytest.mark.parametrize("command", [("server", "--metrics-port", "1"), ("worker", "--port", "1")])
async def test_a_process_has_no_option_that_would_do_nothing(command):
    done = await router(*command)
    assert (done.code, "No such option" in done.err) == (2, True)


@pytest.mark.parametrize("group", [(), ("topics",), ("events",), ("dead-letters",), ("event-subscription",)])
async def test_what_a_command_does_is_not_cut_in_the_list_of_its_group(group):
    assert "..." not in (await router(*group, "--help")).out.partition("\n\n")[2]

"""The files that Event Grid would write for dead letters."""

import json
import re
from datetime import UTC, datetime

import pytest

from router.history.archive import write
from router.history.dead_letter_files import DeadLetterFile, container_of, file_of
from tests.builders import a_subscription

DIED = datetime(2019, 8, 8, 5, 30, tzinfo=UTC)


def stored_in(container):
    return a_subscription(
        dead_letter={"endpointType": "StorageBlob", "properties": {"resourceId": "/x", "blobContainerName": container}}
    )


def test_path_and_content_are_those_of_event_grid():
    file = file_of("d-1", DIED, b'{"id":"1"}', container="dead", subscription="my-subscription")
    assert re.fullmatch(r"dead/MY-SUBSCRIPTION/2019/8/8/5/[0-9a-f-]{36}\.json", file.path)
    assert json.loads(file.content) == [{"id": "1"}]


def test_a_file_that_is_written_again_is_the_same_file_and_a_second_death_another():
    def path(delivery_id, at):
        return file_of(delivery_id, at, b"{}", container="c", subscription="s").path

    assert path("d-1", DIED) == path("d-1", DIED)
    assert len({path("d-1", DIED), path("d-2", DIED), path("d-1", DIED.replace(minute=31))}) == 3


@pytest.mark.parametrize("name", ["../up", "a/b", "", "..", "a" * 64, "a\x00"])
def test_a_container_that_leads_elsewhere_is_none(name):
    assert container_of(stored_in(name)) is None


def test_the_container_is_the_subscriptions():
    assert container_of(stored_in("dead-letters")) == "dead-letters"
    assert container_of(a_subscription()) is None
    assert container_of(None) is None


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_a_file_is_written_below_a_local_folder(tmp_path, prefix):
    for _ in range(2):
        write(f"{prefix}{tmp_path}/letters", DeadLetterFile("c/S/2019/8/8/5/x.json", b"[{}]"))
    assert (tmp_path / "letters/c/S/2019/8/8/5/x.json").read_bytes() == b"[{}]"
    assert [path.name for path in (tmp_path / "letters").rglob("*") if path.is_file()] == ["x.json"]

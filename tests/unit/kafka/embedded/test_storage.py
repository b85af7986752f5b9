"""When a data directory is refused."""

import json

import pytest

from router.errors import EmbeddedKafkaError
from router.kafka.embedded.release import KAFKA_VERSION
from router.kafka.embedded.storage import RECORD, check_directory, log_directory


def made_by(directory, version: str) -> None:
    log_directory(directory).mkdir()
    (log_directory(directory) / RECORD).write_text(json.dumps({"kafka": version}))


def test_a_new_directory_is_made(tmp_path):
    check_directory(tmp_path / "a" / "b")

    assert list((tmp_path / "a" / "b").iterdir()) == []


@pytest.mark.parametrize("version", [KAFKA_VERSION, "4.2.0"])
def test_data_of_this_or_an_older_kafka_is_kept(tmp_path, version):
    made_by(tmp_path, version)

    check_directory(tmp_path)


@pytest.mark.parametrize("version", ["4.3.2", "4.10.0", "5.0.0"])
def test_data_of_a_newer_kafka_is_refused(tmp_path, version):
    made_by(tmp_path, version)

    with pytest.raises(EmbeddedKafkaError, match=f"made by Kafka {version}, which is newer than {KAFKA_VERSION}"):
        check_directory(tmp_path)


def test_data_of_someone_else_is_left_alone(tmp_path):
    log_directory(tmp_path).mkdir()

    with pytest.raises(EmbeddedKafkaError, match="was not made by this router") as raised:
        check_directory(tmp_path)

    assert "left alone" in raised.value.hint


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kafka": 4}', '{"kafka": "four"}'])
def test_a_record_that_cannot_be_read_is_an_error_in_words(tmp_path, text):
    made_by(tmp_path, "")
    (log_directory(tmp_path) / RECORD).write_text(text)

    with pytest.raises(EmbeddedKafkaError, match="cannot be read"):
        check_directory(tmp_path)


def test_too_little_room_is_refused_with_figures(tmp_path):
    with pytest.raises(EmbeddedKafkaError, match=r"too little room .* MB free, 1000000000000 MB needed"):
        check_directory(tmp_path, least_free_bytes=10**18)


def test_a_directory_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(EmbeddedKafkaError, match="cannot write to Kafka's data directory"):
        check_directory(tmp_path / "file")

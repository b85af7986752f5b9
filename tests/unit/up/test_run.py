"""What `router up` says."""

from pathlib import Path

import pytest

from router.errors import SettingsError
from router.up.options import UpOptions
from router.up.run import welcome
from router.up.stack import Stack


def test_the_welcome_says_where_everything_is_and_what_to_try():
    text = welcome(UpOptions(), "127.0.0.1:9092", seconds=4.2)

    assert "router is ready at http://127.0.0.1:8080 after 4.2 s" in text
    assert "127.0.0.1:9092 (embedded 4.3.1)" in text
    assert ".router/credentials.json" in text
    assert "--data-dir" not in text


def test_commands_to_try_name_another_data_directory():
    text = welcome(UpOptions(data_dir=Path("/data"), bootstrap_servers="kafka:9092"), "kafka:9092", seconds=1)

    assert text.count("--data-dir /data") == 3
    assert "embedded" not in text


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        ({"tls_port": 8080}, "--port and --tls-port are both 8080"),
        ({"kafka_port": 8080}, "--port and --kafka-port are both 8080"),
    ],
)
async def test_ports_that_are_one_are_refused_before_anything_starts(tmp_path, ports, words):
    with pytest.raises(SettingsError, match=words):
        await Stack(UpOptions(data_dir=tmp_path, port=8080, **ports)).start()
    assert list(tmp_path.iterdir()) == []

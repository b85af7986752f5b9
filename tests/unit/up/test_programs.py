"""The children's command lines and environments."""

import re
import sys
from pathlib import Path

import pytest

from router.settings import Settings
from router.up.options import UpOptions
from router.up.programs import program_specs
from router.up.workers import specs_of

OPTIONS = UpOptions(data_dir=Path("/data"), port=8080)


def specs(options=OPTIONS, ports=(8081, 8082), environment=None):
    return program_specs(
        options,
        bootstrap_servers="127.0.0.1:9092",
        metrics_ports=ports,
        instance="local-abc",
        environment=environment or {"PATH": "/bin"},
    )


def test_a_server_and_its_workers_are_recognisable():
    server, workers = specs()

    assert " ".join(server.command).startswith(f"{sys.executable} -P -m router server --host 127.0.0.1 --port 8080 ")
    assert [re.search(r"router worker .*--metrics-port (\d+)", " ".join(w.command))[1] for w in workers] == [
        "8081",
        "8082",
    ]
    assert [worker.name for worker in workers] == ["worker-0", "worker-1"]


def test_only_workers_say_worker():
    server, _ = specs()

    assert "worker" not in " ".join(server.command)


def test_each_worker_has_a_stable_instance_of_its_own():
    _, workers = specs()

    assert [worker.environment["ROUTER_INSTANCE"] for worker in workers] == ["local-abc-0", "local-abc-1"]


def test_the_server_is_ready_only_with_its_workers():
    server, _ = specs(environment={"ROUTER_READY_REQUIRES": "http://127.0.0.1:9/own"})

    assert server.environment["ROUTER_READY_REQUIRES"] == (
        "http://127.0.0.1:9/own,http://127.0.0.1:8081/readyz,http://127.0.0.1:8082/readyz"
    )


def test_webhooks_may_be_on_this_machine_beside_what_the_user_allows():
    server, (worker, _) = specs(environment={"ROUTER_WEBHOOK_ALLOWED_NETWORKS": "10.0.0.0/8"})

    for each in (server, worker):
        assert each.environment["ROUTER_WEBHOOK_ALLOWED_NETWORKS"] == "127.0.0.0/8,::1/128,10.0.0.0/8"
        assert each.environment["ROUTER_WEBHOOK_ALLOW_HTTP"] == "true"


def test_a_user_who_forbids_plain_http_is_obeyed():
    server, _ = specs(environment={"ROUTER_WEBHOOK_ALLOW_HTTP": "false"})

    assert server.environment["ROUTER_WEBHOOK_ALLOW_HTTP"] == "false"


def test_children_inherit_the_environment_and_what_the_options_add():
    server, _ = specs(UpOptions(environment={"ROUTER_LOG_LEVEL": "debug"}), environment={"PATH": "/bin", "X": "1"})

    assert server.environment["X"] == "1"
    assert server.environment["ROUTER_LOG_LEVEL"] == "debug"


def test_the_data_directory_is_given_as_an_absolute_path():
    server, _ = specs(UpOptions(data_dir=Path("here")))

    assert server.command[server.command.index("--data-dir") + 1] == str(Path.cwd() / "here")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),  # noqa: S104 (never bound)
        ("::1", "http://[::1]:8080"),
    ],
)
def test_the_address_of_the_server_is_one_that_this_machine_can_use(host, url):
    assert UpOptions(host=host).server_url == url


def test_several_workers_of_one_command_have_its_flags_and_names_of_their_own():
    settings = Settings(bootstrap_servers="kafka:9092", data_dir="/data", instance="host", stages="fanout")
    first, second = specs_of(settings, (8081, 8082))

    assert " ".join(first.command).endswith(
        "-m router worker --metrics-port 8081 --host 127.0.0.1 --bootstrap-servers kafka:9092 "
        "--data-dir /data --stages fanout"
    )
    assert (first.environment["ROUTER_INSTANCE"], second.environment["ROUTER_INSTANCE"]) == ("host-0", "host-1")
    assert first.environment["ROUTER_WORKER_PROCESSES"] == "1"


def test_a_worker_of_router_up_is_one_process_whatever_the_environment_says():
    _, (worker, _) = specs(environment={"ROUTER_WORKER_PROCESSES": "2"})

    assert worker.environment["ROUTER_WORKER_PROCESSES"] == "1"

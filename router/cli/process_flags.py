"""The flags of the commands that run processes (`router up`, `router server`, `router worker`), and their settings."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from router.settings import Settings


def _port(name: str, words: str) -> Any:  # noqa: ANN401 (typer's own type for an option)
    return typer.Option(name, metavar="N", min=0, max=65535, help=words)


def _brokers(words: str) -> Any:  # noqa: ANN401
    return typer.Option("--bootstrap-servers", metavar="HOST:PORT,…", help=words)


Host = Annotated[
    str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on; 127.0.0.1 unless given.")
]
Port = Annotated[int | None, _port("--port", "Port of the HTTP API; 8080 unless given.")]
TlsPort = Annotated[
    int | None,
    _port(
        "--tls-port", "Port for https beside --port, with a certificate made in the data directory; off unless given."
    ),
]
MetricsPort = Annotated[
    int | None, _port("--metrics-port", "Port of the worker's /metrics and /readyz; 8081 unless given.")
]
FirstMetricsPort = Annotated[
    int | None,
    _port(
        "--metrics-port",
        "Port of the first worker's /metrics, 8081 unless given; the next ones follow. A taken one is replaced.",
    ),
]
KafkaPort = Annotated[int, _port("--kafka-port", "Port of the embedded Kafka; 0 is any.")]
Brokers = Annotated[str | None, _brokers("Kafka brokers; 127.0.0.1:9092 unless given.")]
OwnBrokers = Annotated[str | None, _brokers("A Kafka of your own; then no embedded one is started.")]
ProcessDataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", metavar="DIR", help="Directory for credentials and keys; .router unless given (ROUTER_DATA_DIR)."
    ),
]
Stages = Annotated[
    str | None,
    typer.Option("--stages", metavar="STAGE,…", help="Stages to run: fanout, delivery, retry; all unless given."),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", metavar="N", min=1, max=64, help="Worker processes, which share the partitions; 1 unless given."
    ),
]


def process_settings(**flags: object) -> "Settings":
    """Read the settings, over which the given flags go, and log as they say; raises SettingsError."""
    from router.observability.logs import configure_logs  # noqa: PLC0415 (pydantic is heavy)
    from router.settings import load_settings  # noqa: PLC0415

    settings = load_settings(**flags)
    configure_logs(settings.log_level, settings.log_format)
    return settings

"""`router server` and `router worker`: the parts of a router as processes of their own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from router.settings import Settings

Host = Annotated[
    str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on; 127.0.0.1 unless given.")
]
Port = Annotated[
    int | None, typer.Option("--port", metavar="N", min=0, max=65535, help="Port of the HTTP API; 8080 unless given.")
]
TlsPort = Annotated[
    int | None,
    typer.Option(
        "--tls-port",
        metavar="N",
        min=0,
        max=65535,
        help="Port for https beside --port, with a certificate made in the data directory; off unless given.",
    ),
]
MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics-port",
        metavar="N",
        min=0,
        max=65535,
        help="Port of a worker's /metrics and /readyz; 8081 unless given.",
    ),
]
Brokers = Annotated[
    str | None,
    typer.Option("--bootstrap-servers", metavar="HOST:PORT,…", help="Kafka brokers; 127.0.0.1:9092 unless given."),
]
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


def server(
    host: Host = None,
    port: Port = None,
    tls_port: TlsPort = None,
    metrics_port: MetricsPort = None,
    bootstrap_servers: Brokers = None,
    data_dir: ProcessDataDir = None,
) -> None:
    """Run the server: the publish endpoint, the management API and health, against a Kafka that runs already.

    Each option is also an environment variable, such as ROUTER_PORT; what is given here goes first.
    """
    settings = _settings(host, port, metrics_port, bootstrap_servers, data_dir, tls_port=tls_port)
    from router.server import main  # noqa: PLC0415 (heavy: only this command needs it)

    raise typer.Exit(main(settings))


def worker(
    host: Host = None,
    port: Port = None,
    metrics_port: MetricsPort = None,
    bootstrap_servers: Brokers = None,
    data_dir: ProcessDataDir = None,
    stages: Stages = None,
) -> None:
    """Run a worker: fan-out, delivery and retry, against a Kafka that runs already.

    Workers share the partitions; start as many as there is work for, each with a ROUTER_INSTANCE of its own.
    """
    settings = _settings(host, port, metrics_port, bootstrap_servers, data_dir, stages)
    from router.worker import main  # noqa: PLC0415 (heavy: only this command needs it)

    raise typer.Exit(main(settings))


def _settings(
    host: str | None,
    port: int | None,
    metrics_port: int | None,
    bootstrap_servers: str | None,
    data_dir: Path | None,
    stages: str | None = None,
    tls_port: int | None = None,
) -> "Settings":
    """Read the settings, and log as they say."""
    from router.observability.logs import configure_logs  # noqa: PLC0415 (pydantic is heavy)
    from router.settings import load_settings  # noqa: PLC0415

    settings = load_settings(
        host=host,
        port=port,
        tls_port=tls_port,
        metrics_port=metrics_port,
        bootstrap_servers=bootstrap_servers,
        data_dir=data_dir,
        stages=stages,
    )
    configure_logs(settings.log_level, settings.log_format)
    return settings

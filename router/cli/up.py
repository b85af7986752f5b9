"""`router up`: everything on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from router.cli import output
from router.cli.process_flags import (
    FirstMetricsPort,
    Host,
    KafkaPort,
    OwnBrokers,
    Port,
    ProcessDataDir,
    TlsPort,
    Workers,
)

if TYPE_CHECKING:
    from router.up.options import UpOptions


def up(
    data_dir: ProcessDataDir = None,
    host: Host = None,
    port: Port = None,
    tls_port: TlsPort = None,
    kafka_port: KafkaPort = 9092,
    bootstrap_servers: OwnBrokers = None,
    metrics_port: FirstMetricsPort = None,
    workers: Workers = None,
) -> None:
    """Run everything on this machine: an embedded Kafka, the server and the workers.

    What ends is brought back. Ctrl-C or SIGTERM stops all of it in order, with nothing lost; the data stays in the
    data directory. Webhooks may be on this machine and plain http.
    """
    options = _options(data_dir, host, port, tls_port, kafka_port, bootstrap_servers, metrics_port, workers)
    from router.up.run import run  # noqa: PLC0415 (only this command needs it)

    raise typer.Exit(run(options, say=output.say, remark=output.remark))


def _options(
    data_dir: Path | None,
    host: str | None,
    port: int | None,
    tls_port: int | None,
    kafka_port: int,
    bootstrap_servers: str | None,
    metrics_port: int | None,
    workers: int | None,
) -> "UpOptions":
    """Read flags and settings; the children read the settings again, so that mistakes must show here."""
    from router.errors import SettingsError  # noqa: PLC0415
    from router.settings import load_settings  # noqa: PLC0415 (pydantic is heavy)
    from router.up.options import UpOptions  # noqa: PLC0415

    settings = load_settings(
        data_dir=data_dir,
        host=host,
        port=port,
        tls_port=tls_port,
        bootstrap_servers=bootstrap_servers,
        metrics_port=metrics_port,
        worker_processes=workers,
    )
    own_kafka = "bootstrap_servers" in settings.model_fields_set
    if settings.kafka_security_protocol != "PLAINTEXT" and not own_kafka:
        raise SettingsError(
            "ROUTER_KAFKA_SECURITY_PROTOCOL is for a Kafka of your own; the embedded one is on loopback only and plain",
            hint="Give --bootstrap-servers, or leave the ROUTER_KAFKA_ settings out.",
        )
    return UpOptions(
        data_dir=settings.data_dir,
        host=settings.host,
        port=settings.port,
        tls_port=settings.tls_port,
        kafka_port=kafka_port,
        bootstrap_servers=settings.bootstrap_servers if own_kafka else None,
        metrics_port=settings.metrics_port,
        workers=settings.worker_processes,
        maven_repository=settings.maven_repository,
    )

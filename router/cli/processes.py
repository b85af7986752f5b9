"""`router server` and `router worker`: the parts of a router as processes of their own."""

import typer

from router.cli import output
from router.cli.process_flags import (
    Brokers,
    Host,
    MetricsPort,
    Port,
    ProcessDataDir,
    Stages,
    TlsPort,
    process_settings,
)


def server(
    host: Host = None,
    port: Port = None,
    tls_port: TlsPort = None,
    bootstrap_servers: Brokers = None,
    data_dir: ProcessDataDir = None,
) -> None:
    """Run the server: the publish endpoint, the management API and health, against a Kafka that runs already.

    Each option is also an environment variable, such as ROUTER_PORT; what is given here goes first.
    """
    settings = process_settings(
        host=host,
        port=port,
        tls_port=tls_port,
        bootstrap_servers=bootstrap_servers,
        data_dir=data_dir,
    )
    from router.server import main  # noqa: PLC0415 (heavy: only this command needs it)

    raise typer.Exit(main(settings))


def worker(
    host: Host = None,
    metrics_port: MetricsPort = None,
    bootstrap_servers: Brokers = None,
    data_dir: ProcessDataDir = None,
    stages: Stages = None,
) -> None:
    """Run a worker: fan-out, delivery and retry, against a Kafka that runs already.

    Workers share the partitions; start as many as there is work for, each with a ROUTER_INSTANCE of its own. With
    ROUTER_WORKER_PROCESSES=N this command starts N, and starts those again that end.
    """
    settings = process_settings(
        host=host,
        metrics_port=metrics_port,
        bootstrap_servers=bootstrap_servers,
        data_dir=data_dir,
        stages=stages,
    )
    if settings.worker_processes > 1:
        from router.up.workers import run_workers  # noqa: PLC0415 (only needed for several)

        raise typer.Exit(run_workers(settings, remark=output.remark))
    from router.worker import main  # noqa: PLC0415 (heavy: only this command needs it)

    raise typer.Exit(main(settings))

"""The children's command lines and environments: pure, so that a test can read them."""

import os
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import router
from router.kafka.embedded.ports import LOOPBACK
from router.up.options import UpOptions

LOOPBACK_NETWORKS: Final = "127.0.0.0/8,::1/128"


@dataclass(frozen=True, slots=True)
class ProgramSpec:
    """One child: its name in logs, its command line and its whole environment."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


def program_specs(
    options: UpOptions,
    *,
    bootstrap_servers: str,
    metrics_ports: Sequence[int],
    instance: str,
    environment: Mapping[str, str],
) -> tuple[ProgramSpec, list[ProgramSpec]]:
    """Return the server and the workers, one for each metrics port; `environment` is that of this process."""
    inherited = {**importing_this_router(environment), **webhook_rules(environment), **options.environment}
    everywhere = ["--bootstrap-servers", bootstrap_servers, "--data-dir", str(options.data_dir.absolute())]
    tls = () if options.tls_port is None else ("--tls-port", f"{options.tls_port}")
    ready = [f"http://{LOOPBACK}:{port}/readyz" for port in metrics_ports]
    server = ProgramSpec(
        "server",
        _router("server", "--host", options.host, "--port", f"{options.port}", *tls, *everywhere),
        {**inherited, "ROUTER_READY_REQUIRES": _joined(inherited.get("ROUTER_READY_REQUIRES"), *ready)},
    )
    workers = worker_specs(
        ["--host", LOOPBACK, *everywhere], metrics_ports=metrics_ports, instance=instance, environment=inherited
    )
    return server, workers


def worker_specs(
    flags: Sequence[str], *, metrics_ports: Sequence[int], instance: str, environment: Mapping[str, str]
) -> list[ProgramSpec]:
    """Return workers that share the partitions, one for each metrics port; each keeps its name over restarts."""
    return [
        ProgramSpec(
            f"worker-{number}",
            _router("worker", "--metrics-port", f"{port}", *flags),
            {**environment, "ROUTER_INSTANCE": f"{instance}-{number}", "ROUTER_WORKER_PROCESSES": "1"},
        )
        for number, port in enumerate(metrics_ports)
    ]


def webhook_rules(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that let webhooks be on this machine and over plain http (design §10)."""
    name = "ROUTER_WEBHOOK_ALLOWED_NETWORKS"
    return {
        "ROUTER_WEBHOOK_ALLOW_HTTP": "true",
        **environment,
        name: _joined(LOOPBACK_NETWORKS, environment.get(name)),
    }


def importing_this_router(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which children import the same router, be it a checkout that is not installed."""
    home = str(Path(router.__file__).parent.parent)
    if home in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        return dict(environment)
    paths = [home, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    return {**environment, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def _router(*arguments: str) -> tuple[str, ...]:
    # -P: a folder `router` in the user's own directory must not be taken for this one.
    return (sys.executable, "-P", "-m", "router", *arguments)


def _joined(*lists: str | None) -> str:
    return ",".join(part for part in lists if part)

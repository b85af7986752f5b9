"""`router worker` with several processes: starts them, brings back those that end, stops all of them in order."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from typing import Final

from router.settings import Settings
from router.up.metrics_ports import MetricsPorts
from router.up.part import Program
from router.up.programs import ProgramSpec, importing_this_router, worker_specs
from router.up.run import listen
from router.up.supervisor import Supervisor

STOP_SECONDS: Final = 25.0
FAILED: Final = 1


def run_workers(settings: Settings, *, remark: Callable[[str], None]) -> int:
    """Run as many workers as the settings say until told to stop; return 0, or 1 when one of them keeps ending."""
    return asyncio.run(_run(settings, lambda line: remark(f"{time.strftime('%H:%M:%S')} {line}")))


def specs_of(settings: Settings, metrics_ports: Sequence[int]) -> list[ProgramSpec]:
    """Return the workers' command lines; what is no flag they read from the environment, as this process did."""
    flags = [
        *("--host", settings.host),
        *("--bootstrap-servers", settings.bootstrap_servers),
        *("--data-dir", str(settings.data_dir.absolute())),
        *("--stages", ",".join(settings.stages)),
    ]
    return worker_specs(
        flags,
        metrics_ports=metrics_ports,
        instance=settings.instance,
        environment=importing_this_router(os.environ),
    )


async def _run(settings: Settings, report: Callable[[str], None]) -> int:
    signals: asyncio.Queue[str] = asyncio.Queue()
    listen(signals)
    supervisor, ports = Supervisor(report), MetricsPorts()
    logs = settings.data_dir / "logs"
    specs = specs_of(settings, ports.take(settings.metrics_port, settings.worker_processes))
    try:
        for spec in specs:
            await supervisor.start(spec.name, Program(spec, logs / f"{spec.name}.log"))
        report(f"{len(specs)} workers started; their logs are in {logs}")
        told, trouble = asyncio.create_task(signals.get()), asyncio.create_task(supervisor.troubles.get())
        await asyncio.wait({told, trouble}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(*(supervisor.stop(spec.name, timeout_seconds=STOP_SECONDS) for spec in specs))
        return 0 if told.done() else FAILED
    finally:
        await supervisor.close()
        ports.release()

"""A process that is told to stop while it starts does, whatever it waits for."""

import asyncio
import os
import signal

import pytest

from router.settings import Settings
from router.stopping import told_to_stop, unless
from router.worker import run_worker
from tests.waiting import free_port


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_that_waits_for_kafka_stops_when_it_is_told_to(tmp_path, number):
    absent = f"127.0.0.1:{free_port()}"
    settings = Settings(bootstrap_servers=absent, data_dir=tmp_path, metrics_port=free_port())
    working = asyncio.create_task(run_worker(settings))
    await asyncio.sleep(0.1)
    os.kill(os.getpid(), number)
    assert await asyncio.wait_for(working, 20) == 0


async def test_work_that_ends_before_is_done_and_its_errors_are_told():
    stopping = told_to_stop()

    async def work(answer):
        await asyncio.sleep(0)
        return 1 / answer

    assert await unless(stopping, work(2)) == 0.5
    with pytest.raises(ZeroDivisionError):
        await unless(stopping, work(0))

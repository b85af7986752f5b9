"""One run of one contestant: started, watched by the offsets that it commits, stopped, and its outputs counted."""

import asyncio
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from benchmarks import groups
from benchmarks.fanout_contestants import COOL_DOWN, Contestant, Run
from benchmarks.fanout_topics import Sinks, Source
from benchmarks.processes import cpu_seconds, running
from router.kafka.admin import admin_client
from router.kafka.producer import KafkaProducer
from topics import WORKSPACE_EVENTS

LOOK_SECONDS = 0.04
LIMIT_SECONDS = 180.0
SETTLING = 0.3
"""Events after everybody has joined that are not measured yet, for each that is measured."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run showed; lost and doubled count events at sinks."""

    events_per_second: float
    cpu_us: float
    events: int
    lost: int
    doubled: int


@dataclass(frozen=True, slots=True)
class Sample:
    """How much was committed when, and the CPU seconds used by then."""

    at: float
    done: int
    cpu: float


@dataclass(frozen=True, slots=True)
class Task:
    """Where a run begins, between which numbers of events it is measured, and how many there are in all.

    Behind the measured ones there are more: whoever reads ahead has work in hand at both ends of the measurement.
    Several processes join one after the other, which stops all of them for a moment: it begins some events after that.
    """

    start: dict[int, int]
    warm_up: int
    settling: int
    until: int
    total: int

    @classmethod
    def of(cls, contestant: Contestant, source: Source, measured: int) -> "Task":
        """Return the task of a contestant: the last events of the source."""
        start = source.last(contestant.routed(measured))
        total = sum(source.end.values()) - sum(start.values())
        until = total - round(measured * COOL_DOWN)
        settling = round(measured * SETTLING) if contestant.processes > 1 else 0
        return cls(start, until - measured, settling, until, total)


class FailedRunError(RuntimeError):
    """A contestant ended, or did not come to an end."""


async def run_one(contestant: Contestant, run: Run, task: Task, sinks: Sinks, producer: KafkaProducer) -> Figures:
    """Let a contestant fan out, then read what its sinks got.

    Raises:
        FailedRunError: it ended early or took too long; the message has the last lines of its log.
    """
    groups.begin_at(run.bootstrap, run.group, WORKSPACE_EVENTS.name, task.start)
    await sinks.make(producer)
    try:
        samples = await _watched(contestant, run, task)
        records, different = await asyncio.to_thread(sinks.received)
    finally:
        await groups.leave(run.bootstrap, run.group, contestant.instances)
        await sinks.remove(producer)
    first, last = samples[0], samples[-1]
    done = last.done - first.done
    return Figures(
        events_per_second=done / (last.at - first.at),
        cpu_us=(last.cpu - first.cpu) / done * 1e6,
        events=done,
        lost=task.total * len(run.sinks) - different,
        doubled=records - different,
    )


async def _watched(contestant: Contestant, run: Run, task: Task) -> list[Sample]:
    log = Path(run.data_dir) / f"{run.sinks[0]}-{contestant.name}.log"
    try:
        with ExitStack() as ending:
            processes = [
                ending.enter_context(running(program.command, log=log, **program.environment))
                for program in contestant.programs(run)
            ]
            async with admin_client(run.bootstrap) as client:
                return await _samples(client, run.group, task, processes)
    except FailedRunError as failure:
        said = log.read_text(errors="replace").strip()[-1_500:]
        raise FailedRunError(f"{contestant.name} {failure}; it said: {said or 'nothing'}") from None


async def _samples(
    client: AIOKafkaAdminClient, group: str, task: Task, processes: Sequence[subprocess.Popen]
) -> list[Sample]:
    """Look again and again until all is committed; samples begin when everybody has joined and is warm."""
    samples, done, begin, end = [], 0, None, time.monotonic() + LIMIT_SECONDS
    while done < task.total:
        await asyncio.sleep(LOOK_SECONDS)
        if any(process.poll() is not None for process in processes):
            raise FailedRunError("ended by itself")
        if time.monotonic() > end:
            raise FailedRunError(f"has done {done:,} of {task.total:,} events in {LIMIT_SECONDS:g} s")
        done = await groups.progress(client, group, WORKSPACE_EVENTS.name, task.start)
        if begin is None and await groups.members(client, group) >= len(processes):
            begin = max(task.warm_up, done + task.settling)
        last = samples[-1].done if samples else 0
        if begin is not None and done >= begin and last < min(done, task.until):
            samples.append(Sample(time.perf_counter(), done, cpu_seconds(*(one.pid for one in processes))))
    if len(samples) < 2:
        raise FailedRunError("was done before it could be measured: give it more --events")
    return samples

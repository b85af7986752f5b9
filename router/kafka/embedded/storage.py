"""The directory of an embedded Kafka: formatted once, kept over restarts, refused when it is not ours."""

import json
import os
import shutil
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from router.errors import EmbeddedKafkaError
from router.kafka.embedded.configuration import format_command, properties_text, server_properties
from router.kafka.embedded.java import Java
from router.kafka.embedded.process import ChildProcess
from router.kafka.embedded.release import KAFKA_VERSION

LEAST_FREE_BYTES: Final = 500_000_000
RECORD: Final = "router-kafka.json"
FORMAT_SECONDS: Final = 120


def check_directory(directory: Path, *, least_free_bytes: int = LEAST_FREE_BYTES) -> None:
    """Make the directory when it is missing, and see that Kafka can work in it.

    Raises:
        EmbeddedKafkaError: it cannot be written, has too little room, or holds data that this Kafka cannot read.
    """
    probe = directory / f".probe-{os.getpid()}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x")
        probe.unlink()
        free = shutil.disk_usage(directory).free
    except OSError as error:
        raise EmbeddedKafkaError(
            f"cannot write to Kafka's data directory {directory}: {error.strerror}",
            hint="--data-dir names another place.",
        ) from error
    if free < least_free_bytes:
        raise EmbeddedKafkaError(
            f"too little room for Kafka in {directory}: {free // 10**6} MB free, {least_free_bytes // 10**6} MB needed",
            hint="Make room, or give a --data-dir on another disk.",
        )
    _check_origin(log_directory(directory))


def log_directory(directory: Path) -> Path:
    """Return where the broker keeps its topics."""
    return directory / "data"


def _check_origin(logs: Path) -> None:
    other = f"move {logs} away to begin anew, or give another --data-dir"
    try:
        made_by = json.loads((logs / RECORD).read_text())["kafka"]
        newer = [int(part) for part in made_by.split(".")] > [int(part) for part in KAFKA_VERSION.split(".")]
    except FileNotFoundError:
        if logs.exists():
            raise EmbeddedKafkaError(
                f"{logs} was not made by this router: it has no {RECORD}", hint=f"To be safe it is left alone; {other}."
            ) from None
        return
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EmbeddedKafkaError(f"{logs / RECORD} cannot be read: {error}", hint=f"{other.capitalize()}.") from error
    if newer:
        raise EmbeddedKafkaError(
            f"{logs} was made by Kafka {made_by}, which is newer than {KAFKA_VERSION}",
            hint=f"Use the router that made it; {other}.",
        )


async def format_once(directory: Path, java: Java, class_path: Sequence[Path], log_path: Path) -> bool:
    """Format the log directory when there is none; return whether it was done. Takes a second.

    Raises:
        EmbeddedKafkaError: Kafka's tool refuses; what it said is in the log.
    """
    logs = log_directory(directory)
    if logs.exists():
        return False
    draft, properties = directory / f"data.{os.getpid()}.draft", directory / f"format.{os.getpid()}.properties"
    cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    try:
        shutil.rmtree(draft, ignore_errors=True)
        properties.write_text(properties_text(server_properties(draft.absolute(), port=1, controller_port=2)))
        await _run(format_command(java, class_path, os.pathsep, properties, cluster_id), log_path)
        (draft / RECORD).write_text(json.dumps({"kafka": KAFKA_VERSION, "cluster_id": cluster_id}))
        # Renamed only when whole: a process that is killed here leaves nothing half formatted.
        draft.rename(logs)
    except OSError as error:
        raise EmbeddedKafkaError(f"cannot format {directory}: {error}") from error
    finally:
        properties.unlink(missing_ok=True)
        shutil.rmtree(draft, ignore_errors=True)
    return True


async def _run(command: Sequence[str], log_path: Path) -> None:
    process = ChildProcess(command, log_path)
    try:
        await process.wait(timeout_seconds=FORMAT_SECONDS)
    finally:
        process.kill()
    if process.exit_code:
        raise EmbeddedKafkaError(
            f"Kafka could not format its directory (exit code {process.exit_code})",
            hint=f"What it said is in {log_path}",
        )

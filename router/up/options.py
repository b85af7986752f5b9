"""What `router up` is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from router.kafka.embedded.ports import LOOPBACK

_ANY_ADDRESS: Final = {"0.0.0.0": LOOPBACK, "::": "[::1]"}  # noqa: S104 (recognised, not bound)


@dataclass(frozen=True, slots=True)
class UpOptions:
    """One stack: where it listens, where its data is, and whose Kafka it uses (None: the embedded one)."""

    data_dir: Path = Path(".router")
    host: str = LOOPBACK
    port: int = 8080
    tls_port: int | None = None
    kafka_port: int = 9092
    bootstrap_servers: str | None = None
    metrics_port: int = 8081
    workers: int = 1
    maven_repository: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for the children, beside those of this process."""

    @property
    def server_url(self) -> str:
        """Return the address under which this machine reaches the server."""
        host = _ANY_ADDRESS.get(self.host, f"[{self.host}]" if ":" in self.host else self.host)
        return f"http://{host}:{self.port}"

    @property
    def own_kafka_port(self) -> int | None:
        """Return the port of the embedded Kafka; None where another Kafka is used."""
        return self.kafka_port if self.bootstrap_servers is None else None

    @property
    def log_dir(self) -> Path:
        """Return where the output of the children goes."""
        return self.data_dir / "logs"

"""ROUTER_*: every setting, read once, described where it is declared, frozen."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from router.errors import SettingsError

DeliveryGuarantee = Literal["effectively_once", "at_least_once"]
SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
Stage = Literal["fanout", "delivery", "retry"]
ALL_STAGES: tuple[Stage, ...] = get_args(Stage)

CLIENT_VARIABLES = frozenset({"ROUTER_SERVER", "ROUTER_TOKEN"})
"""Read by the commands that talk to a server, not by the processes."""


class KafkaSettings(BaseSettings):
    """How Kafka is reached; read also by commands that connect to it."""

    model_config = SettingsConfigDict(env_prefix="ROUTER_", frozen=True, extra="forbid")

    bootstrap_servers: str = Field("127.0.0.1:9092", description="Kafka brokers, `host:port` separated by commas")
    kafka_security_protocol: SecurityProtocol = Field(
        "PLAINTEXT", description="How to connect to Kafka: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`"
    )
    kafka_sasl_mechanism: SaslMechanism = Field(
        "PLAIN", description="How to sign in to Kafka: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`"
    )
    kafka_sasl_username: str | None = Field(None, description="User name at Kafka")
    kafka_sasl_password: SecretStr | None = Field(None, description="Password at Kafka")
    kafka_sasl_password_file: Path | None = Field(
        None, description="File that holds the password at Kafka, in place of the one above"
    )
    kafka_ca_file: Path | None = Field(
        None, description="Certificates (PEM) that Kafka's must be signed by; those that the system trusts if absent"
    )
    kafka_client_certificate: Path | None = Field(None, description="Certificate (PEM) to show to Kafka (mutual TLS)")
    kafka_client_key: Path | None = Field(
        None, description="Private key (PEM) of that certificate; in the certificate's file if absent"
    )


class Settings(KafkaSettings):
    """What the processes can be told; each field is the environment variable ROUTER_<NAME>."""

    data_dir: Path = Field(Path(".router"), description="Where credentials, keys, logs and the embedded Kafka live")
    host: str = Field("127.0.0.1", description="Address to listen on; loopback unless told otherwise")
    port: int = Field(8080, ge=0, le=65535, description="Port of the server's HTTP API")
    tls_port: int | None = Field(
        None, ge=0, le=65535, description="Port on which the server speaks TLS too, with a certificate of its own"
    )
    metrics_port: int = Field(8081, ge=0, le=65535, description="Port of a worker's /metrics, /healthz and /readyz")
    public_url: str | None = Field(
        None,
        description="How the outside reaches the server (base of validation URLs); made from host and port if absent",
    )
    event_partitions: int = Field(4, ge=1, le=1000, description="Partitions of workspace.events when it is created")
    replication_factor: int = Field(1, ge=1, le=32, description="Replicas of each topic when it is created")
    delivery_guarantee: DeliveryGuarantee = Field(
        "effectively_once",
        description="`effectively_once` (one Kafka transaction a batch) or `at_least_once` (idempotent producer)",
    )
    worker_processes: int = Field(
        1, ge=1, le=64, description="Worker processes that `router up` or `router worker` starts"
    )
    stages: Annotated[tuple[Stage, ...], NoDecode] = Field(
        ALL_STAGES, description="Stages that a worker runs, separated by commas: fanout, delivery, retry"
    )
    instance: str = Field(
        default_factory=socket.gethostname,
        description="Stable name of this process in its consumer groups; must differ between workers",
    )
    leave_on_stop: bool = Field(
        default=False,
        description="Whether a worker that is told to stop hands its partitions to the others at once; "
        "else they wait 30 s for it to come back",
    )
    webhook_allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="Private networks (CIDR, separated by commas) that webhooks may be delivered to"
    )
    webhook_allow_http: bool = Field(default=False, description="Whether webhooks may use plain http")
    webhook_timeout_seconds: float = Field(30.0, gt=0, le=300, description="Time for one delivery attempt in all")
    webhook_client_certificates: Annotated[dict[str, tuple[Path, Path | None]], NoDecode] = Field(
        {},
        description="Client certificates (mutual TLS) that a subscription may name: `name=cert.pem:key.pem`, commas",
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Keys that seal secrets at rest, newest first; made in the data directory if absent",
    )
    admin_token: SecretStr | None = Field(
        None, description="Bearer token of the administrator; made in the data directory if absent"
    )
    ready_requires: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="URLs that must answer 200 for this server to be ready, such as its workers' /readyz",
    )
    history_max_megabytes: int = Field(
        1024, ge=16, description="Size of history.sqlite3, beyond which a server forgets what is oldest"
    )
    dead_letter_url: str | None = Field(
        None,
        description="Where the files of dead letters go: a folder, or a location that fsspec knows; "
        "`<data directory>/dead-letters` if absent",
    )
    maven_repository: str | None = Field(
        None, description="Maven repository to fetch the embedded Kafka from; the public one if absent"
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="Log lines: `json`, `text`, or `auto` (text on a terminal)"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe level that is logged"
    )

    @field_validator("stages", "webhook_allowed_networks", "ready_requires", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("webhook_client_certificates", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        found: dict[str, tuple[str, str | None]] = {}
        for part in (one.strip() for one in value.split(",") if one.strip()):
            name, equals, files = part.partition("=")
            certificate, _, key = files.partition(":")
            if not equals or not name or not certificate:
                raise ValueError("each part must be name=certificate.pem or name=certificate.pem:key.pem")
            found[name] = (certificate, key or None)
        return found


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401 (pydantic validates them)
    """Read the environment, then the given flags (None means: not given).

    Raises:
        SettingsError: a value is wrong or a ROUTER_ variable is unknown; the message names it.
    """
    known = {f"ROUTER_{name.upper()}" for name in Settings.model_fields} | CLIENT_VARIABLES
    unknown = sorted(name for name in os.environ if name.upper().startswith("ROUTER_") and name.upper() not in known)
    if unknown:
        raise SettingsError(
            f"unknown setting {unknown[0]}", hint=f"Settings are {', '.join(sorted(known - CLIENT_VARIABLES))}."
        )
    with _told_to_people():
        return Settings(**{name: value for name, value in overrides.items() if value is not None})


def load_kafka_settings() -> KafkaSettings:
    """Read from the environment how Kafka is reached.

    Raises:
        SettingsError: a value is wrong; the message names it.
    """
    with _told_to_people():
        return KafkaSettings()


@contextmanager
def _told_to_people() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        name = "ROUTER_" + "_".join(str(part) for part in first["loc"][:1]).upper()
        raise SettingsError(f"{name}: {first['msg']} (got {first.get('input')!r})") from None

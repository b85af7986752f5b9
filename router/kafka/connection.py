"""How every Kafka client of the router connects: brokers, TLS and SASL, from ROUTER_KAFKA_*, in this one place.

Whoever makes an aiokafka client passes `**connection(bootstrap_servers)`. The settings are read from the environment,
not handed through, as commands, the history's process and Faust's clients need them as much as server and worker do.
"""

import ssl
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from router.errors import SettingsError
from router.kafka.lost_connections import tell_lost_connections
from router.settings import KafkaSettings, load_kafka_settings

LAST_PORT: Final = 65535


def connection(bootstrap_servers: str) -> dict[str, Any]:
    """Return the arguments of an aiokafka client that say where the brokers are and who it is.

    Raises:
        SettingsError: the brokers are no addresses, a ROUTER_KAFKA_ setting is wrong, or a file that it names cannot be
            used.
    """
    _must_be_addresses(bootstrap_servers)
    tell_lost_connections()
    return {"bootstrap_servers": bootstrap_servers, **security(load_kafka_settings())}


def hint_when_nobody_answers() -> str:
    """Say what may be wrong: aiokafka tells a refused sign-in from a broker that is away in its log only."""
    if load_kafka_settings().kafka_security_protocol == "PLAINTEXT":
        return "Start one (`router up` brings its own) or give --bootstrap-servers."
    return (
        "Check --bootstrap-servers, ROUTER_KAFKA_SECURITY_PROTOCOL, and the password and certificates that go with it; "
        "ROUTER_LOG_LEVEL=debug shows what the Kafka client says."
    )


def security(settings: KafkaSettings) -> dict[str, Any]:
    """Return the arguments that say how a connection is secured, none for a plain one; raises as `connection` does."""
    protocol = settings.kafka_security_protocol
    _refuse_what_does_not_apply(settings)
    if protocol == "PLAINTEXT":
        return {}
    arguments: dict[str, Any] = {"security_protocol": protocol}
    if protocol.endswith("SSL"):
        arguments["ssl_context"] = _context(
            settings.kafka_ca_file, settings.kafka_client_certificate, settings.kafka_client_key
        )
    if protocol.startswith("SASL"):
        arguments["sasl_mechanism"] = settings.kafka_sasl_mechanism
        arguments["sasl_plain_username"] = _must_be_given(settings, "kafka_sasl_username", settings.kafka_sasl_username)
        arguments["sasl_plain_password"] = _must_be_given(settings, "kafka_sasl_password", _password(settings))
    return arguments


def _must_be_addresses(bootstrap_servers: str) -> None:
    for address in bootstrap_servers.split(","):
        host, colon, port = address.strip().rpartition(":")
        is_bare = not colon or port.endswith("]")  # a name without a port, or an IPv6 address in brackets
        if not address.strip() or not (is_bare or (host and port.isdecimal() and int(port) <= LAST_PORT)):
            raise SettingsError(
                f"{bootstrap_servers!r} names no Kafka brokers", hint="Such as kafka-1:9092,kafka-2:9092."
            )


def _refuse_what_does_not_apply(settings: KafkaSettings) -> None:
    """Refuse settings that would have no effect: whoever gives them believes that they protect something."""
    protocol = settings.kafka_security_protocol
    for marker, names in (
        ("SASL", ("kafka_sasl_username", "kafka_sasl_password", "kafka_sasl_password_file")),
        ("SSL", ("kafka_ca_file", "kafka_client_certificate", "kafka_client_key")),
    ):
        given = [name for name in names if getattr(settings, name) is not None]
        if given and marker not in protocol.split("_"):
            raise SettingsError(
                f"ROUTER_{given[0].upper()} is given, but ROUTER_KAFKA_SECURITY_PROTOCOL is {protocol}",
                hint=f"Set it to one with {marker}, such as SASL_SSL.",
            )
    if settings.kafka_client_key is not None and settings.kafka_client_certificate is None:
        raise SettingsError("ROUTER_KAFKA_CLIENT_KEY is given, but no ROUTER_KAFKA_CLIENT_CERTIFICATE")


def _must_be_given(settings: KafkaSettings, name: str, value: str | None) -> str:
    if not value:
        raise SettingsError(f"ROUTER_{name.upper()} is missing: {settings.kafka_security_protocol} needs it")
    return value


def _password(settings: KafkaSettings) -> str | None:
    if settings.kafka_sasl_password is not None:
        return settings.kafka_sasl_password.get_secret_value()
    if settings.kafka_sasl_password_file is None:
        return None
    try:
        return settings.kafka_sasl_password_file.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingsError(
            f"ROUTER_KAFKA_SASL_PASSWORD_FILE: cannot read {settings.kafka_sasl_password_file}: {why}"
        ) from None


@lru_cache(maxsize=4)
def _context(authority: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return a context that verifies brokers and their names; files are read once a process."""
    if authority is not None and not authority.is_file():
        raise SettingsError(f"ROUTER_KAFKA_CA_FILE: there is no file {authority}")
    try:
        context = ssl.create_default_context(cafile=authority)
    except ssl.SSLError as error:
        raise SettingsError(f"ROUTER_KAFKA_CA_FILE: {authority} holds no certificates ({error.reason})") from None
    if certificate is not None:
        try:
            # A password would be asked for on the terminal.
            context.load_cert_chain(certificate, key, password=lambda: b"")
        except OSError as error:
            raise SettingsError(
                f"ROUTER_KAFKA_CLIENT_CERTIFICATE: cannot use {certificate}: {error.strerror or error}",
                hint="PEM, with its key in the same file or in ROUTER_KAFKA_CLIENT_KEY, which must not be encrypted.",
            ) from None
    return context

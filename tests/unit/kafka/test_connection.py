"""What ROUTER_KAFKA_* makes of a connection, and which mistakes are told."""

import ssl

import pytest

from router.errors import SettingsError
from router.kafka.connection import connection, security
from router.settings import KafkaSettings
from tests.certificates import Authority


def told(**settings) -> dict:
    return security(KafkaSettings(**settings))


def test_nothing_is_added_to_a_plain_connection():
    assert connection("kafka:9092") == {"bootstrap_servers": "kafka:9092"}


def test_the_environment_says_how_to_connect(monkeypatch):
    monkeypatch.setenv("ROUTER_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("ROUTER_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512")
    monkeypatch.setenv("ROUTER_KAFKA_SASL_USERNAME", "router")
    monkeypatch.setenv("ROUTER_KAFKA_SASL_PASSWORD", "secret")

    assert connection("kafka:9093") == {
        "bootstrap_servers": "kafka:9093",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "router",
        "sasl_plain_password": "secret",
    }


def test_the_password_may_be_in_a_file(tmp_path):
    (tmp_path / "password").write_text("from the file\n")
    found = told(
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_sasl_username="router",
        kafka_sasl_password_file=tmp_path / "password",
    )
    assert found["sasl_plain_password"] == (tmp_path / "password").read_text().strip()


def test_tls_verifies_brokers_by_the_given_authority_and_shows_a_certificate(tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.sign("router")
    context = told(
        kafka_security_protocol="SSL",
        kafka_ca_file=authority.file,
        kafka_client_certificate=certificate,
        kafka_client_key=key,
    )["ssl_context"]

    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert len(context.get_ca_certs()) == 1


SASL = {"kafka_security_protocol": "SASL_PLAINTEXT"}
NO_FILE = "/there/is/no/such/file"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (SASL, "ROUTER_KAFKA_SASL_USERNAME is missing: SASL_PLAINTEXT needs it"),
        (SASL | {"kafka_sasl_username": "router"}, "ROUTER_KAFKA_SASL_PASSWORD is missing"),
        (
            SASL | {"kafka_sasl_username": "router", "kafka_sasl_password_file": NO_FILE},
            f"ROUTER_KAFKA_SASL_PASSWORD_FILE: cannot read {NO_FILE}: No such file",
        ),
        ({"kafka_sasl_password": "x"}, "ROUTER_KAFKA_SASL_PASSWORD is given, but .* is PLAINTEXT"),
        (SASL | {"kafka_ca_file": NO_FILE}, "ROUTER_KAFKA_CA_FILE is given, but .* is SASL_PLAINTEXT"),
        ({"kafka_security_protocol": "SSL", "kafka_ca_file": NO_FILE}, f"there is no file {NO_FILE}"),
        ({"kafka_security_protocol": "SSL", "kafka_ca_file": __file__}, "holds no certificates"),
        ({"kafka_security_protocol": "SSL", "kafka_client_key": NO_FILE}, "but no ROUTER_KAFKA_CLIENT_CERTIFICATE"),
        (
            {"kafka_security_protocol": "SSL", "kafka_client_certificate": NO_FILE},
            f"ROUTER_KAFKA_CLIENT_CERTIFICATE: cannot use {NO_FILE}: No such file",
        ),
    ],
)
def test_a_mistake_is_named(settings, message):
    with pytest.raises(SettingsError, match=message):
        told(**settings)


def test_a_protocol_that_does_not_exist_is_refused(monkeypatch):
    monkeypatch.setenv("ROUTER_KAFKA_SECURITY_PROTOCOL", "TLS")
    with pytest.raises(SettingsError, match="ROUTER_KAFKA_SECURITY_PROTOCOL: Input should be 'PLAINTEXT'"):
        connection("kafka:9093")


def test_the_password_is_not_shown():
    assert "secret" not in repr(KafkaSettings(kafka_sasl_password="secret"))  # noqa: S106 (of this test)


@pytest.mark.parametrize("brokers", ["kafka-1:9092,kafka-2", "127.0.0.1:9092", "[::1]:9092", "[::1]", "a:1, b:2"])
def test_addresses_of_brokers_are_taken_as_they_are(brokers):
    assert connection(brokers)["bootstrap_servers"] == brokers


@pytest.mark.parametrize("brokers", ["", "kafka:port", "kafka:9092,", "kafka:99999", "kafka:-1", ":9092"])
def test_what_is_no_address_is_refused(brokers):
    with pytest.raises(SettingsError, match="names no Kafka brokers"):
        connection(brokers)

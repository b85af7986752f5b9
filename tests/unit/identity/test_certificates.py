"""The router's own certificates."""

import ssl
import stat
from datetime import UTC, datetime, timedelta

from cryptography import x509

from router.identity.certificates import ensure_certificates

NOW = datetime.now(UTC)


def names_of(path):
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name) for name in extension.get_values_for_type(x509.DNSName)} | {
        str(name) for name in extension.get_values_for_type(x509.IPAddress)
    }


def test_the_certificate_names_this_machine_in_every_way(tmp_path):
    files = ensure_certificates(tmp_path, ["box"], NOW)
    assert names_of(files.server) == {"localhost", "127.0.0.1", "::1", "box"}
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.server, files.key)


def test_keys_are_for_their_owner_only(tmp_path):
    ensure_certificates(tmp_path, [], NOW)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tls").glob("*.key")} == {0o600}


def test_what_is_good_stays(tmp_path):
    first = {path.name: path.read_bytes() for path in ensure_certificates(tmp_path, ["box"], NOW)}
    assert first == {path.name: path.read_bytes() for path in ensure_certificates(tmp_path, ["box"], NOW)}


def test_a_new_name_or_a_near_end_makes_a_new_certificate_of_the_same_authority(tmp_path):
    authority, server, _ = (path.read_bytes() for path in ensure_certificates(tmp_path, [], NOW))
    renamed = ensure_certificates(tmp_path, ["box"], NOW)
    assert "box" in names_of(renamed.server)
    renewed = ensure_certificates(tmp_path, ["box"], NOW + timedelta(days=380))
    assert x509.load_pem_x509_certificate(renewed.server.read_bytes()).not_valid_after_utc > NOW + timedelta(days=700)
    assert (renewed.authority.read_bytes(), renewed.server.read_bytes() != server) == (authority, True)

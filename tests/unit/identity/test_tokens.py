"""Access tokens: what is accepted, and everything else."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.fernet import Fernet

from router.identity.tokens import AZURE_AUDIENCES, TENANT, Subject, new_signing_key, open_key, sign, verified
from router.secrets import SecretBox

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BOX = SecretBox(Fernet.generate_key().decode())
OURS, THEIRS = new_signing_key(BOX, NOW), new_signing_key(BOX, NOW)
KEY = open_key(BOX, OURS)
KEYS = {OURS.name: KEY.public_key()}
SUBJECT = Subject("object", "application")
AUDIENCE = AZURE_AUDIENCES[0]
AUDIENCES = frozenset(AZURE_AUDIENCES)


def token(**changes):
    given = {"audience": AUDIENCE, "issuer": "https://localhost", "now": NOW} | changes
    return sign(OURS.name, KEY, SUBJECT, **given)


def claims(text):
    return jwt.decode(text, options={"verify_signature": False})


def signed(changed, key=KEY, algorithm="RS256", name=OURS.name):
    return jwt.encode(changed, key, algorithm=algorithm, headers={"kid": name})


def test_a_token_says_who_it_is_about():
    assert verified(token(), KEYS, AUDIENCES, NOW) == SUBJECT
    assert verified(token(audience=AUDIENCE + "/"), KEYS, AUDIENCES, NOW) == SUBJECT
    assert {"tid", "oid", "aud", "exp"} <= claims(token()).keys()


@pytest.mark.parametrize("later", [timedelta(hours=1), timedelta(days=300), -timedelta(minutes=5)])
def test_a_token_is_good_for_an_hour_only(later):
    assert verified(token(), KEYS, AUDIENCES, NOW + later) is None


def test_a_token_for_somebody_else_is_refused():
    assert verified(token(audience="https://vault.azure.net"), KEYS, AUDIENCES, NOW) is None


def test_a_token_of_another_router_is_refused():
    foreign = open_key(BOX, THEIRS)
    for name in (OURS.name, THEIRS.name):
        assert verified(signed(claims(token()), foreign, name=name), KEYS, AUDIENCES, NOW) is None


@pytest.mark.parametrize("missing", ["exp", "nbf", "aud", "tid", "oid"])
def test_a_token_that_does_not_say_all_is_refused(missing):
    less = {name: value for name, value in claims(token()).items() if name != missing}
    assert verified(signed(less), KEYS, AUDIENCES, NOW) is None


@pytest.mark.parametrize(
    "changed",
    [{"tid": "other"}, {"aud": [AUDIENCE]}, {"aud": 5}, {"exp": "9999999999"}, {"exp": 1e12}, {"oid": None}],
)
def test_a_token_with_odd_claims_is_refused(changed):
    assert verified(signed(claims(token()) | changed), KEYS, AUDIENCES, NOW) is None


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "x",
        "a.b.c",
        "é.é.é",
        token() + "x",
        token().rpartition(".")[0] + ".",
        jwt.encode(claims(token()), None, algorithm="none", headers={"kid": OURS.name}),
        jwt.encode(claims(token()), "s" * 32, algorithm="HS256", headers={"kid": OURS.name}),
        "x" * 100_000,
    ],
)
def test_a_forged_token_is_refused(forged):
    assert verified(forged, KEYS, AUDIENCES, NOW) is None


def test_the_tenant_is_the_same_for_all():
    assert claims(token())["tid"] == TENANT

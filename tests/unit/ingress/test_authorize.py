"""Who may publish for which source."""

import hmac
from base64 import b64decode, b64encode
from urllib.parse import quote_plus

import pytest

from router.credentials import BearerTokens
from router.ingress.authorize import Claims, authorize
from router.ingress.refusals import Refusal
from tests.builders import NOON, a_box, a_source, a_sources_view, an_access_key

BOX = a_box()
LOCAL, OTHER = a_source(box=BOX), a_source("other", BOX)
VIEW = a_sources_view(LOCAL, OTHER, box=BOX)
TOKENS = BearerTokens("admin-token")


def claims(**given) -> Claims:
    return Claims(host="router.test", path="/api/events", now=NOON, **given)


def decide(addressed=None, **given):
    return authorize(claims(**given), addressed, VIEW, TOKENS)


def a_token(key: str, year: int = 2030, resource: str = "http://router.test/api/events") -> str:
    signed = f"r={quote_plus(resource)}&e={year}-01-01"
    return f"{signed}&s={quote_plus(b64encode(hmac.digest(b64decode(key), signed.encode(), 'sha256')))}"


@pytest.mark.parametrize("number", [1, 2])
def test_either_key_tells_the_source(number):
    assert decide(sas_key=an_access_key("local", number)) == LOCAL
    assert decide(sas_key=an_access_key("other", number), addressed=OTHER) == OTHER


def test_the_key_of_another_source_than_the_path_names_is_refused():
    answer = decide(sas_key=an_access_key("other"), addressed=LOCAL)
    assert (answer.status, answer.message) == (401, "The request authorization key is not authorized for ROUTER.TEST.")


@pytest.mark.parametrize(
    ("given", "status", "code", "words"),
    [
        (
            {},
            401,
            "Unauthorized",
            "Request must contain one of the following authorization signature: aeg-sas-token, aeg-sas-key.",
        ),
        ({"sas_key": ""}, 400, "InvalidSas", "Request must have a value for aeg-sas-key."),
        (
            {"sas_key": "no base64!"},
            401,
            "Unauthorized",
            "for ROUTER.TEST. This is due to the reason: The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, or an illegal character among the padding characters. .",
        ),
        ({"sas_key": "é"}, 401, "Unauthorized", "Base-64"),
        ({"sas_token": "x"}, 401, "Unauthorized", "The token does not have the form"),
        (
            {"authorization": "Basic eDp5"},
            401,
            "Unauthorized",
            "Request has an unsupported Authorization scheme (must be SharedAccessSignature or Bearer).",
        ),
        ({"authorization": ""}, 401, "Unauthorized", "unsupported Authorization scheme"),
        ({"authorization": "Bearer nobody"}, 401, "Unauthorized", "Unable to read access token."),
        ({"authorization": "Bearer"}, 401, "Unauthorized", "Unable to read access token."),
    ],
)
def test_wrong_credentials_are_refused_in_event_grids_words(given, status, code, words):
    answer = decide(**given)
    assert isinstance(answer, Refusal)
    assert (answer.status, answer.detail_code) == (status, code)
    assert words in answer.message


@pytest.mark.parametrize("number", [1, 2])
def test_a_token_signed_with_either_key_is_good_in_both_headers(number):
    token = a_token(an_access_key("other", number))
    assert decide(sas_token=token) == OTHER
    assert decide(authorization=f"SharedAccessSignature {token}") == OTHER


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (a_token(an_access_key(), 2020), "The token has expired."),
        (a_token(an_access_key("nobody")), "The signature is not valid."),
        (a_token(an_access_key(), resource="http://elsewhere.test/"), "The token was made for another resource."),
    ],
)
def test_a_token_that_is_not_good_is_refused(token, words):
    assert words in decide(sas_token=token).message


def test_a_token_of_another_source_than_the_path_names_is_refused():
    assert decide(sas_token=a_token(an_access_key("other")), addressed=LOCAL).status == 401


def test_the_administrator_publishes_for_every_source_and_for_the_local_workspace_unless_told():
    assert decide(authorization="Bearer admin-token") == LOCAL
    assert decide(authorization="bearer admin-token", addressed=OTHER) == OTHER

"""What endpoints answer is kept without what looks like a secret."""

import pytest

from router.history.redaction import redact


@pytest.mark.parametrize(
    "text",
    [
        "no such function: https://x.azurewebsites.net/api/hook?code=SECRET==&clientId=1",
        "Authorization: Bearer SECRET",
        'headers: {"authorization": "Bearer SECRET", "a": 1}',
        "Authorization: SharedAccessSignature r=SECRET&s=SECRET",
        '{"password":"SECRET"}',
        "{'client_secret': 'SECRET'}",
        "aeg-sas-key: SECRET",
        "api_key=SECRET&x=1",
        "AccountKey=SECRET;EndpointSuffix=core",
        "user https://bob:SECRET@example.com/x",
        "token=SECRET",
        "Set-Cookie: SECRET",
        "eyJSECRETSECRET.eyJzdWIiOiIxIn0.SECRET",
        "signed with whsec_SECRET",
        "key is SECRETaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa12",
    ],
)
def test_a_secret_is_not_kept(text):
    assert "SECRET" not in redact(text)
    assert "[redacted]" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Service Unavailable",
        "status code 503 of upstream, error code E42",
        "event 3f8ecd80-f53b-4791-87a9-ecfa61163ee9 is not valid",
        "see https://example.com/docs/errors",
        "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers/x",
    ],
)
def test_other_words_stay(text):
    assert redact(text) == text


def test_a_long_answer_is_cut_after_its_secrets_are_gone():
    text = "x" * 500 + " token=SECRETSECRET"
    assert len(redact(text)) <= 512
    assert "SECRET" not in redact(text)

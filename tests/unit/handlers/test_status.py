"""What a status means (§5.2, §5.9)."""

import pytest

from router.handlers.status import last_outcome_of, status_name, verdict_of


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204])
def test_only_200_to_204_are_success(status):
    assert verdict_of(status) == "delivered"


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_some_refusals_are_for_good(status):
    assert verdict_of(status) == "rejected"


@pytest.mark.parametrize(
    "status",
    [100, 205, 206, 226, 300, 301, 302, 304, 307, 308, 402, 404, 408, 409, 410, 422, 429, 500, 502, 503, 504, 599],
)
def test_everything_else_is_tried_again(status):
    assert verdict_of(status) == "failed"


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "BadRequest"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "NotFound"),
        (408, "TimedOut"),
        (409, "BadRequest"),
        (410, "NotFound"),
        (413, "PayloadTooLarge"),
        (422, "BadRequest"),
        (429, "Busy"),
        (499, "BadRequest"),
        (500, "GenericError"),
        (502, "GenericError"),
        (503, "Busy"),
        (504, "GenericError"),
        (301, "GenericError"),
        (205, "GenericError"),
    ],
)
def test_each_status_has_event_grids_word(status, word):
    assert last_outcome_of(status) == word


@pytest.mark.parametrize(
    ("status", "name"), [(404, "NotFound"), (200, "Ok"), (202, "Accepted"), (500, "InternalServerError"), (599, "599")]
)
def test_a_status_is_named_as_azure_names_it(status, name):
    assert status_name(status).lower() == name.lower()

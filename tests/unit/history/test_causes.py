"""Dead letters that died alike have the same cause."""

import pytest

from router.history.causes import cause_of, message_class


@pytest.mark.parametrize(
    ("last_outcome", "status", "detail", "cause"),
    [
        ("Busy", 503, "Service Unavailable", "endpoint/503/service-unavailable"),
        ("Busy", 503, "", "endpoint/503/busy"),
        ("TimedOut", None, "no answer in time", "endpoint/none/no-answer-in-time"),
        ("GenericError", 500, '{"error": "no such table"}', "endpoint/500/error-no-such-table"),
        ("Unauthorized", 401, "bad token", "credentials/401/bad-token"),
        ("Forbidden", 403, "", "credentials/403/forbidden"),
        ("Forbidden", None, "the endpoint's address is not allowed",
         "configuration/none/the-endpoints-address-is-not-allowed"),
        ("NotFound", 404, "<html><body>Not Found</body></html>", "configuration/404/html-body-not-found"),
        ("ResolutionError", None, "the endpoint's name cannot be resolved",
         "network/none/the-endpoints-name-cannot-be-resolved"),
        ("SocketError", None, "cannot connect: Connection refused", "network/none/cannot-connect-connection-refused"),
        ("PayloadTooLarge", 413, "", "event/413/payload-too-large"),
        ("BadRequest", 400, "", "event/400/bad-request"),
    ],
)  # fmt: skip
def test_a_cause_says_who_is_at_fault_with_which_status_saying_what(last_outcome, status, detail, cause):
    assert cause_of(last_outcome, status, detail) == cause


def test_what_differs_from_one_answer_to_the_next_does_not_make_another_cause():
    one = "request 3f8ecd80-f53b-4791 failed at 2025-10-20T12:00:00Z on 10.0.0.7 after 31 ms"
    other = "request 9a1b1c2d-aaaa-0001 failed at 2026-01-01T00:00:01Z on 10.0.0.8 after 2 ms"
    assert message_class(one) == message_class(other) == "request-failed-at-on-after-ms"


def test_a_hostile_answer_stays_short():
    assert len(message_class("x" * 100_000)) <= 60
    assert message_class("\u202e\x00 ;;; ///") == ""

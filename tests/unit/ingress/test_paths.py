"""Where events may be published, and in which version."""

import pytest

from router.ingress.api_version import unsupported_version
from router.ingress.paths import PublishPath, read_path


@pytest.mark.parametrize("path", ["/", "/api/events", "/api/events/", "/API/Events"])
def test_a_path_without_a_name_leaves_the_source_to_the_key(path):
    assert read_path(path) == PublishPath()


@pytest.mark.parametrize("path", ["/topics/Orders/api/events", "/Topics/Orders/api/events/"])
def test_a_path_names_its_source(path):
    assert read_path(path) == PublishPath("custom-topic", "Orders")


@pytest.mark.parametrize(
    "path", ["/api", "/api/events/x", "/topics//api/events", "/x/y/api/events", "//api/events", "*"]
)
def test_nothing_else_is_a_publish_path(path):
    assert read_path(path) is None


@pytest.mark.parametrize("query", [b"", b"api-version=2018-01-01", b"a=b&Api-Version=2018-01-01", b"aeg-sas-key=x"])
def test_one_version_is_understood_and_none_means_that_one(query):
    assert unsupported_version(query, str) is None


def test_another_version_is_refused():
    refusal = unsupported_version(b"api-version=2020-06-01", lambda: "http://x/api/events")
    assert (refusal.status, refusal.code) == (400, "UnsupportedApiVersion")
    assert refusal.message.endswith("does not support the API version '2020-06-01'.")

"""What Kafka answers to an administrator is told, also when it is no."""

import pytest
from aiokafka.protocol.admin import DeleteTopicsResponse_v1

from router.errors import RefusedError
from router.kafka import admin


class AdminOfOneAnswer:
    """An admin client of a Kafka that answers everything with one error code."""

    code = 0

    def __init__(self, **_settings):
        pass

    async def start(self):
        pass

    async def close(self):
        pass

    async def delete_topics(self, names):
        return DeleteTopicsResponse_v1(0, [(name, self.code) for name in names])


@pytest.fixture
def kafka_answers(monkeypatch):
    monkeypatch.setattr(admin, "AIOKafkaAdminClient", AdminOfOneAnswer)
    return lambda code: monkeypatch.setattr(AdminOfOneAnswer, "code", code)


@pytest.mark.parametrize(
    ("code", "why"), [(29, "TopicAuthorizationFailed"), (41, "NotController"), (73, r"UnknownError \(error 73\)")]
)
async def test_a_topic_that_kafka_does_not_delete_is_told_with_the_reason(kafka_answers, code, why):
    kafka_answers(code)
    with pytest.raises(RefusedError, match=f"refuses to delete topic subscriber.a: {why}") as refused:
        await admin.delete_topic("127.0.0.1:1", "subscriber.a")
    assert refused.value.target == "subscriber.a"


@pytest.mark.parametrize("code", [0, 3])
async def test_a_topic_that_is_deleted_or_was_none_is_no_error(kafka_answers, code):
    kafka_answers(code)
    await admin.delete_topic("127.0.0.1:1", "subscriber.a")

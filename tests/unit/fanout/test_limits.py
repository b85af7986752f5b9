"""What a sink's topic does not take is put aside, for that sink only."""

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from router.fanout.agent import age_seconds
from router.fanout.limits import parts, put_aside_what_is_too_large
from router.fanout.partitions import topic_to_make
from router.fanout.plan import plan_batch
from router.fanout.reading import Reader
from router.kafka.record_batches import BATCH_BYTES
from router.subscriptions.view import SubscriptionsView
from tests.builders import a_record, a_subscription, an_event
from topics import DELIVERIES, UNREADABLE
from topics.subscriptions import subscription_key

PARTITIONS = {"workspace.events": 4, "subscriber.one": 4, "subscriber.two": 4}


def a_plan(record):
    view = SubscriptionsView()
    for name in ("one", "two"):
        view.apply(subscription_key(a_subscription(name).id), a_subscription(name).encode())
    return plan_batch([record], Reader(view.routes), PARTITIONS)


def bytes_of(record):
    """What a batch with this record has."""
    builder = DefaultRecordBatchBuilder(2, 0, 1, -1, -1, 0, 3_000_000)
    builder.append(0, record.timestamp, record.key, record.value, list(record.headers))
    return len(builder.build())


def test_what_is_larger_than_a_topic_takes_goes_aside_and_to_the_other_sink():
    record = a_record(an_event(data={"x": "y" * 5000}), offset=17)
    plan = a_plan(record)
    put_aside_what_is_too_large(plan, record, {"subscriber.one": 4000})
    assert plan.outputs.keys() == {("subscriber.two", 2), (UNREADABLE.name, 0)}
    ((_time, key, value, headers),) = plan.outputs[UNREADABLE.name, 0]
    told = dict(headers)
    assert (key, value, told["origin-offset"]) == (record.key, record.value, b"17")
    assert told["reason"] == b"larger than the 4000 bytes that topic subscriber.one takes"
    assert plan.unreadable == 1


@pytest.mark.parametrize("size", [0, 100, 200, 20_000])
def test_nothing_that_kafka_would_refuse_is_left_and_little_else_is_put_aside(size):
    record = a_record(an_event(data={"x": "y" * size}))
    needed = bytes_of(record)
    for limit in range(needed - 200, needed + 200, 7):
        plan = a_plan(record)
        put_aside_what_is_too_large(plan, record, {"subscriber.one": limit})
        is_kept = ("subscriber.one", 2) in plan.outputs
        assert not is_kept or needed <= limit
        assert is_kept or limit < needed + 110


@pytest.mark.parametrize("limit", [9_000, 20_000, 200_000, 300_000, 1_048_588])
def test_parts_are_in_order_and_fit_and_what_may_not_fit_is_alone(limit):
    sizes = [100, 30_000, 200, 1_100_000, *[700] * 60, 250_000, 1_040_000, 300]
    records = [a_record(an_event(data={"x": "y" * size}), offset=offset) for offset, size in enumerate(sizes)]
    split = list(parts(records, {"subscriber.one": limit}))
    assert [record.offset for part in split for record in part] == list(range(len(sizes)))
    for part in split:
        assert len(part) == 1 or all(bytes_of(record) < limit for record in part)
        assert len(part) == 1 or limit > BATCH_BYTES or sum(map(bytes_of, part)) <= limit
    assert limit < 300_000 or len(split) < 10


def test_without_limits_all_is_one_part():
    records = [a_record(offset=offset) for offset in range(3)]
    assert list(parts(records, {})) == [records]


def test_topics_of_the_router_are_made_as_they_are_declared_and_those_of_sinks_like_their_source():
    assert topic_to_make(UNREADABLE.name, 12) is UNREADABLE
    assert topic_to_make(DELIVERIES.name, 12) is DELIVERIES
    assert topic_to_make("subscriber.one", 12).partitions == 12


def test_only_a_time_at_which_a_record_can_have_been_written_gives_an_age():
    now = 1_800_000_000.0
    assert age_seconds(1_799_999_999_500, now) == 0.5
    assert age_seconds(1_800_000_900_000, now) == 0
    assert [age_seconds(timestamp, now) for timestamp in (-1, 0, 1)] == [None] * 3

import json

import pytest

from router.fanout.plan import plan_batch
from router.fanout.reading import Reader
from router.kafka.shared_batches import fields_of
from router.kafka.verbatim import verbatim
from router.subscriptions.view import SubscriptionsView
from tests.builders import (
    NOON,
    WORKSPACE,
    StoredRecord,
    a_binary_record,
    a_cloud_event,
    a_record,
    a_subscription,
    an_event,
    as_bytes,
    event_headers,
)
from topics.deliveries import Delivery
from topics.subscriptions import AdvancedFilter, Filter, WebhookSink, subscription_key

PARTITIONS = {"workspace.events": 4, "router.deliveries": 8, "subscriber.one": 4, "subscriber.two": 4}


def planned(records, *subscriptions, partitions=None):
    view = SubscriptionsView()
    for subscription in subscriptions:
        view.apply(subscription_key(subscription.id), subscription.encode())
    return plan_batch(records, Reader(view.routes), PARTITIONS | (partitions or {}))


def a_webhook(name="hook", **fields):
    sink = WebhookSink(endpoint_base_url="http://127.0.0.1:9/", sealed_endpoint_url="sealed")
    return a_subscription(name, sink=sink, **fields)


def test_a_topic_sink_gets_key_bytes_headers_and_time_unchanged_in_the_same_partition():
    record = a_record()
    plan = planned([record], a_subscription("one"))
    assert dict(plan.outputs) == {("subscriber.one", 2): [(record.timestamp, record.key, record.value, record.headers)]}
    assert plan.matched == {"one": 1}


def test_an_event_that_nobody_wants_is_counted():
    plan = planned([a_record()], a_subscription("one", filter=Filter(included_event_types=("Other",))))
    assert (plan.outputs, plan.unmatched, plan.events) == ({}, 1, 1)


def test_events_of_another_source_are_not_for_this_workspace():
    assert planned([a_record(an_event(topic="/elsewhere"))], a_subscription("one")).unmatched == 1


def test_a_cloud_event_with_a_source_of_its_own_is_routed_by_the_header():
    event = a_cloud_event(source="/my/trainer")
    record = a_record(event, headers=(*event_headers(event), ("router-source", WORKSPACE.encode())))
    assert planned([record], a_subscription("one")).matched == {"one": 1}


@pytest.mark.parametrize("count", [1, 48])
def test_deliveries_use_the_partitions_that_there_are(count):
    hooks = [a_webhook(f"hook-{number}") for number in range(20)]
    plan = planned([a_record()], *hooks, partitions={"router.deliveries": count})
    used = {partition for _topic, partition in plan.outputs}
    assert used <= set(range(count))
    assert max(used) >= min(count - 1, 8)


def test_order_within_a_partition_is_kept():
    records = [a_record(an_event(id=str(n)), offset=n) for n in range(5)]
    plan = planned(records, a_subscription("one"), a_subscription("two"))
    for sink in ("subscriber.one", "subscriber.two"):
        assert [out[2] for out in plan.outputs[sink, 2]] == [record.value for record in records]


def test_a_sink_with_another_number_of_partitions_is_filled_by_key():
    records = [a_record(key=b"foobar"), a_record(key=None, partition=3)]
    plan = planned(records, a_subscription("one"), partitions={"subscriber.one": 3})
    by_key = (-790332482 & 0x7FFFFFFF) % 3
    assert sorted(plan.outputs) == sorted({("subscriber.one", by_key), ("subscriber.one", 0)})


def test_an_event_is_converted_for_a_sink_that_wants_the_other_schema():
    plan = planned([a_record()], a_subscription("one", delivery_schema="CloudEventSchemaV1_0"))
    (_, _, value, headers) = plan.outputs["subscriber.one", 2][0]
    assert json.loads(value) == a_cloud_event()
    assert ("content-type", b"application/cloudevents+json; charset=utf-8") in headers


def test_an_event_of_a_custom_schema_reaches_a_topic_as_it_was_published():
    record = a_record(an_event(data={"myId": "1", "total": 12.50}))
    plan = planned([record], a_subscription("one", delivery_schema="CustomInputSchema"), a_subscription("two"))
    assert plan.outputs["subscriber.one", 2][0][2] == b'{"myId": "1", "total": 12.5}'
    assert plan.outputs["subscriber.two", 2][0][2] == record.value


def test_a_binary_cloud_event_goes_to_a_cloud_events_topic_as_it_is():
    record = a_binary_record(b"{}")
    plan = planned([record], a_subscription("one", delivery_schema="CloudEventSchemaV1_0"))
    assert plan.outputs["subscriber.one", 2][0][2:] == (b"{}", record.headers)


def test_a_push_sink_gets_a_delivery_that_can_be_read_back():
    record = a_record(headers=(*event_headers(an_event()), ("x-trace", b"\x00raw"), ("router-attempt", b"forged")))
    plan = planned([record], a_webhook())
    ((topic, _), [(timestamp, key, value, headers)]) = next(iter(plan.outputs.items()))
    delivery = Delivery.from_record(value, headers)
    assert (topic, timestamp, key) == ("router.deliveries", None, subscription_key(a_webhook().id))
    assert (delivery.attempt, delivery.first_published, delivery.subscription_id) == (1, NOON, a_webhook().id)
    assert ("x-trace", b"\x00raw") in delivery.event_headers
    assert delivery.event == record.value


def test_a_delivery_id_is_the_same_each_time_and_differs_by_subscription_and_position():
    def ids(record, *subscriptions):
        outputs = planned([record], *subscriptions).outputs.values()
        return {Delivery.from_record(out[2], out[3]).delivery_id for outs in outputs for out in outs}

    first = ids(a_record(), a_webhook())
    assert ids(a_record(), a_webhook()) == first
    assert len(ids(a_record(), a_webhook(), a_webhook("other"))) == 2
    assert ids(a_record(offset=42), a_webhook()) != first
    assert ids(a_record(timestamp=1), a_webhook()) != first


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"[1]", b'{"id": 1}'])
def test_unreadable_bytes_are_set_aside_with_place_and_reason_and_stop_nothing(value):
    good = a_record()
    plan = planned([StoredRecord(value, key=b"bad", offset=7), good], a_subscription("one"))
    ((_, key, kept, headers),) = plan.outputs["router.unreadable", 0]
    assert (key, kept, plan.unreadable) == (b"bad", value, 1)
    assert dict(headers)["origin-topic"] == b"workspace.events"
    assert dict(headers)["origin-partition"] == b"2"
    assert dict(headers)["origin-offset"] == b"7"
    assert dict(headers)["reason"]
    assert plan.matched == {"one": 1}


def test_a_value_that_no_sink_could_take_is_set_aside_and_cut():
    plan = planned([StoredRecord(as_bytes(an_event(data="x" * 3_000_000)))], a_subscription("one"))
    ((_, _, kept, headers),) = plan.outputs["router.unreadable", 0]
    assert len(kept) < 2 * 1024 * 1024
    assert b"more than" in dict(headers)["reason"]


def test_data_that_is_not_what_it_claims_is_set_aside_only_where_it_must_be_converted():
    plan = planned(
        [a_binary_record(b"{nope")], a_subscription("one"), a_subscription("two", delivery_schema="EventGridSchema")
    )
    assert len(plan.outputs["subscriber.one", 2]) == 1
    assert ("subscriber.two", 2) not in plan.outputs
    assert plan.unreadable == 1


def test_a_record_without_a_time_is_written_without_one():
    plan = planned([a_record(timestamp=-1)], a_subscription("one"), a_webhook())
    assert plan.outputs["subscriber.one", 2][0][0] is None


def with_value(key, *values):
    return Filter(advanced_filters=(AdvancedFilter(operator="StringIn", key=key, values=values),))


def test_filters_look_into_the_data():
    records = [a_record(an_event(data={"modelName": name})) for name in ("churn", "CHURN", "fraud")]
    plan = planned(records, a_subscription("one", filter=with_value("data.modelName", "churn")))
    assert [out[2] for out in plan.outputs["subscriber.one", 2]] == [record.value for record in records[:2]]


def test_filters_look_into_a_binary_cloud_event_as_into_a_structured_one():
    wanted = a_subscription("one", filter=with_value("data.a", "b"))
    assert planned([a_binary_record(b'{"a": "b"}')], wanted).matched == {"one": 1}
    assert planned([a_binary_record(b'{"a": "c"}')], wanted).unmatched == 1


def test_of_data_that_is_not_what_it_claims_only_the_envelope_is_seen():
    record = a_binary_record(b"{nope")
    plan = planned([record], a_subscription("one", filter=with_value("data.a", "b")), a_subscription("two"))
    assert plan.matched == {"two": 1}


JSON_TYPE = ("content-type", b"application/json; charset=utf-8")
STRUCTURED = ("content-type", b"application/cloudevents+json; charset=utf-8")
BINARY = (("ce_specversion", b"1.0"), ("ce_id", b"7"), ("ce_type", b"T"), ("ce_source", WORKSPACE.encode()))


@pytest.mark.parametrize(
    "record",
    [
        a_record(),
        a_record(a_cloud_event()),
        a_binary_record(b'{"a": "b"}'),
        a_record(headers=()),
        a_record(headers=(JSON_TYPE,), key=None, timestamp=-1),
        a_record(a_cloud_event(), headers=(JSON_TYPE, ("a", b"b"), STRUCTURED)),
        a_record(headers=(JSON_TYPE, *BINARY)),
        a_record(headers=(("a", None), ("content-type", None), JSON_TYPE)),
        a_record(an_event(topic="/elsewhere")),
        StoredRecord(b"{nope", headers=(JSON_TYPE,)),
        StoredRecord(None, headers=(JSON_TYPE,)),
    ],
)
def test_what_becomes_of_a_record_is_the_same_when_it_is_kept_as_bytes(record):
    subscriptions = (
        a_subscription("one"),
        a_subscription("two", filter=with_value("data.modelName", "churn"), delivery_schema="CloudEventSchemaV1_0"),
        a_webhook(),
    )
    kept = verbatim(record, record.topic, record.partition)
    # Twice, as the second one is read as the first one was.
    taken_apart, as_bytes_ = (planned([one, one], *subscriptions) for one in (record, kept))
    for plan in (taken_apart, as_bytes_):
        for outs in plan.outputs.values():
            outs[:] = [(*(out[:3]), tuple(out[3])) for out in map(fields_of, outs)]
    assert as_bytes_ == taken_apart


def test_a_record_kept_as_bytes_goes_on_as_it_is():
    record = verbatim(a_record(), "workspace.events", 2)
    plan = planned([record], a_subscription("one"), a_subscription("two"), partitions={"subscriber.two": 3})
    assert [out for outs in plan.outputs.values() for out in outs] == [record, record]
    assert all(out is record for outs in plan.outputs.values() for out in outs)


def test_a_reader_that_is_kept_reads_events_of_other_sources_and_forms_in_between():
    view = SubscriptionsView()
    for subscription in (a_subscription("one", filter=with_value("data.modelName", "churn")), a_subscription("two")):
        view.apply(subscription_key(subscription.id), subscription.encode())
    wanted, unwanted = (a_record(an_event(data={"modelName": name})) for name in ("churn", "fraud"))
    elsewhere = a_record(an_event(topic="/elsewhere"))
    records = [wanted, elsewhere, unwanted, a_record(a_cloud_event()), StoredRecord(b"{nope"), wanted]
    reader = Reader(view.routes)
    kept = [plan_batch([record], reader, PARTITIONS).matched for record in records]
    assert kept == [plan_batch([record], Reader(view.routes), PARTITIONS).matched for record in records]
    assert kept[0] == kept[-1] == {"one": 1, "two": 1}

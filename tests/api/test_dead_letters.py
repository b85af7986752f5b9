"""/v1/dead-letters: causes, single letters, and redrives of them."""

from dataclasses import replace

from tests.api.running_history import BUSY, CAUSE, ended, worker
from tests.builders import NOON, a_delivery, a_webhook, an_event, as_bytes, event_headers
from tests.unit.history.facts import ALERTS
from topics import DELIVERIES, Delivery
from topics.subscriptions import subscription_key


async def test_causes_and_letters(past):
    past.die("d-1", "d-2")
    found = await past.get("dead-letters", limit=1)
    assert found["causes"] == [{"cause": CAUSE, "count": 2, "oldest": "2025-10-20T12:00:00Z"}]
    assert found["dead_letters"] == [
        {
            "delivery_id": "d-2",
            "event_id": "e-d-2",
            "subscription": ALERTS,
            "reason": "MaxDeliveryAttemptsExceeded",
            "attempts": 1,
            "last_outcome": "Busy",
            "at": "2025-10-20T12:00:01Z",
        }
    ]
    rest = await past.get("dead-letters", limit=1, next=found["next"], cause=CAUSE, subscription=ALERTS)
    assert ([one["delivery_id"] for one in rest["dead_letters"]], rest["next"]) == (["d-1"], None)
    assert (await past.get("dead-letters", cause="network/none/x"))["dead_letters"] == []


async def test_one_with_its_event_and_attempts(past):
    past.die("d-1")
    found = await past.get("dead-letters/d-1")
    assert found["event"] == an_event(id="e-d-1")
    assert [one["status"] for one in found["delivery_attempts"]] == [503]


async def test_redriven_ones_are_delivered_as_they_were(past):
    past.subscribe("alerts", sink=a_webhook())
    past.die("d-1", "d-2")
    begun = await past.client.post("/v1/dead-letters/redrive", json={"cause": CAUSE})
    assert begun.status_code == 202
    assert begun.headers["location"] == f"/v1/dead-letters/redrives/{begun.json()['id']}"
    async with worker(past):
        redrive = await ended(past, begun.json())
    assert (redrive["state"], redrive["delivered"], redrive["total"]) == ("completed", 2, 2)
    message = past.producer.topics[DELIVERIES.name][0]
    event = an_event(id="e-d-1")
    assert (message.value, message.key) == (as_bytes(event), subscription_key(ALERTS))
    again = Delivery.from_record(message.value, message.headers)
    assert again == replace(
        a_delivery(event, delivery_id="d-1", first_published=NOON), event_headers=tuple(event_headers(event))
    )
    assert (await past.get("dead-letters"))["dead_letters"] == []


async def test_a_canary_that_fails_stops_the_others(past):
    past.subscribe("alerts", sink=a_webhook())
    past.die(*(f"d-{n}" for n in range(20)))
    async with worker(past, **BUSY):
        begun = await past.client.post("/v1/dead-letters/redrive", json={"subscription": "alerts"})
        redrive = await ended(past, begun.json())
    assert (redrive["state"], redrive["sent"], redrive["failed"]) == ("stopped", 1, 1)
    assert len(past.producer.topics[DELIVERIES.name]) == 1


async def test_what_nobody_wants_any_more_is_skipped(past):
    past.die("d-1")
    begun = await past.client.post("/v1/dead-letters/redrive", json={"delivery_ids": ["d-1", "d-9"]})
    redrive = await ended(past, begun.json())
    assert (redrive["state"], redrive["skipped"], redrive["sent"]) == ("completed", 1, 0)


async def test_without_kafka_it_fails_and_says_why(past):
    past.subscribe("alerts", sink=a_webhook())
    past.die("d-1")
    past.producer.broken = True
    begun = await past.client.post("/v1/dead-letters/redrive", json={})
    redrive = await ended(past, begun.json())
    assert (redrive["state"], redrive["detail"]) == ("failed", "the memory broker is broken on purpose")

"""Event subscriptions, as people see them."""

from router.cli.subscription_view import clause, fields, row

RESOURCE = {
    "id": "/subscriptions/0/x/alerts",
    "name": "alerts",
    "properties": {
        "topic": "/subscriptions/0/x",
        "provisioningState": "Succeeded",
        "destination": {
            "endpointType": "WebHook",
            "properties": {"endpointUrl": None, "endpointBaseUrl": "https://h/api"},
        },
        "filter": {
            "includedEventTypes": [f"Microsoft.MachineLearningServices.{n}" for n in ("A", "B", "C", "D")],
            "subjectBeginsWith": "models/",
            "subjectEndsWith": ":1",
            "advancedFilters": [{"operatorType": "BoolEquals", "key": "data.x", "value": False}],
        },
        "retryPolicy": {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440},
        "labels": None,
    },
}


def test_a_row_is_short():
    assert [str(cell) for cell in row(RESOURCE)] == [
        "alerts",
        "Succeeded",
        "https://h/api",
        "A, B, C and 1 more",
        "models/…:1",
        "1",
    ]


def test_a_topic_is_shown_as_its_topic():
    destination = {"endpointType": "EventHub", "properties": {"resourceId": "/x/namespaces/local/eventhubs/runs"}}
    shown = row({"name": "runs", "properties": {"destination": destination, "filter": None}})
    assert str(shown[2]) == "topic subscriber.runs"
    assert str(shown[3]) == "all"


def test_fields_leave_out_what_is_not_set():
    names = [name for name, _ in fields(RESOURCE)]
    assert "labels" not in names
    assert ("advanced filters", "data.x BoolEquals false") in fields(RESOURCE)
    assert ("sends to", "https://h/api?code=1") in fields(RESOURCE, "https://h/api?code=1")


def test_an_advanced_filter_reads_as_it_was_typed():
    ranges = {"operatorType": "NumberInRange", "key": "data.n", "values": [[5, 10], [20, 30]]}
    assert clause(ranges) == "data.n NumberInRange 5,10 20,30"
    assert clause({"operatorType": "IsNotNull", "key": "data.n"}) == "data.n IsNotNull"

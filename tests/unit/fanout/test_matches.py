from router.fanout.matches import Matches
from router.observability import names
from router.observability.metrics import Metrics


def told(metrics, subscription):
    return metrics.registry.get_sample_value(names.MATCHED, {"subscription": subscription})


def test_matches_are_told_once_however_many_batches_they_come_from():
    metrics = Metrics()
    matches = Matches(metrics)
    for batch in ({"one": 2}, {"one": 1, "two": 5}):
        matches.add(batch)
    assert told(metrics, "one") is None
    matches.tell()
    matches.tell()
    assert (told(metrics, "one"), told(metrics, "two")) == (3, 5)
    matches.add({"one": 1})
    matches.tell()
    assert told(metrics, "one") == 4

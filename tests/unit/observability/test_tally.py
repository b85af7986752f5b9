import pytest
from prometheus_client import CollectorRegistry, generate_latest

from router.observability.tally import Tally


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def tally(registry):
    return Tally("things_total", "Things", "of", registry)


def told(registry, of):
    return registry.get_sample_value("things_total", {"of": of})


def test_what_is_added_is_told_at_once_however_many_times_it_is_asked_for(registry, tally):
    for counts in ({"one": 2}, {"one": 1, "two": 5}):
        tally.add(counts)
    for _ in range(2):
        assert (told(registry, "one"), told(registry, "two"), told(registry, "three")) == (3, 5, None)
    tally.add({"one": 1})
    assert told(registry, "one") == 4


def test_it_is_a_counter_in_prometheus_text_whatever_the_value_of_the_label_is(registry, tally):
    tally.add({'a"b\\\n': 1})
    assert generate_latest(registry).decode().splitlines() == [
        "# HELP things_total Things",
        "# TYPE things_total counter",
        'things_total{of="a\\"b\\\\\\n"} 1.0',
    ]


@pytest.mark.usefixtures("tally")
def test_a_name_that_is_there_already_is_refused(registry):
    with pytest.raises(ValueError, match="things"):
        Tally("things_total", "Other things", "of", registry)

from router.api.warnings import advice_on
from tests.builders import a_subscription, a_webhook
from topics.subscriptions import AdvancedFilter, Filter, TopicSink


def above(number):
    return AdvancedFilter(operator="NumberGreaterThan", key="data.x", value=number)


def below(number):
    return AdvancedFilter(operator="NumberLessThan", key="data.x", value=number)


def test_an_ordinary_filter_gets_no_advice():
    assert advice_on(a_subscription(filter=Filter(subject_begins_with="models/")), []) == []


def test_a_filter_that_can_never_match():
    wanted = a_subscription(filter=Filter(advanced_filters=(above(5), below(3))))
    assert "no event can ever match" in advice_on(wanted, [])[0]


def test_a_filter_of_negations_only():
    negated = AdvancedFilter(operator="StringNotIn", key="data.s", values=("a",))
    assert (
        "only what an event must not be" in advice_on(a_subscription(filter=Filter(advanced_filters=(negated,))), [])[0]
    )


def test_the_same_filter_for_the_same_endpoint():
    wanted, other = a_subscription("one", sink=a_webhook()), a_subscription("two", sink=a_webhook())
    assert "two wants the same events" in advice_on(wanted, [other])[0]


def test_a_filter_that_another_of_the_endpoint_covers():
    sink = TopicSink(name="shared")
    wide = a_subscription("wide", sink=sink, filter=Filter(advanced_filters=(above(1),)))
    narrow = a_subscription("narrow", sink=sink, filter=Filter(advanced_filters=(above(5),)))
    assert "wide sends all of these" in advice_on(narrow, [wide])[0]
    assert "all events that narrow sends" in advice_on(wide, [narrow])[0]


def test_other_endpoints_sources_and_itself_do_not_count():
    sink = TopicSink(name="shared")
    wanted = a_subscription("one", sink=sink)
    others = [
        wanted,
        a_subscription("two", sink=TopicSink(name="other")),
        a_subscription("three", sink=sink, source="/elsewhere"),
        a_subscription("four", sink=sink, provisioning_state="Failed"),
    ]
    assert advice_on(wanted, others) == []

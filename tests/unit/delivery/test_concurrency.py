"""How many requests an endpoint gets at once."""

from router.delivery.concurrency import FIRST, MOST, Concurrency


def test_an_endpoint_that_keeps_up_gets_more_up_to_a_limit():
    concurrency = Concurrency()
    for _ in range(MOST):
        concurrency.succeeded(100.0, at_limit=True)
    assert concurrency.limit == MOST


def test_a_success_below_the_limit_says_nothing_of_more():
    concurrency = Concurrency()
    concurrency.succeeded(100.0, at_limit=False)
    assert concurrency.limit == FIRST


def test_answers_that_take_much_longer_than_the_quickest_end_the_growth():
    concurrency = Concurrency()
    concurrency.succeeded(20.0, at_limit=True)
    before = concurrency.limit
    for _ in range(100):
        concurrency.succeeded(80.0, at_limit=True)
    assert concurrency.limit == before


def test_answers_that_take_very_much_longer_shrink_it_to_what_it_was_at_first_and_no_further():
    concurrency = Concurrency()
    for _ in range(100):
        concurrency.succeeded(20.0, at_limit=True)
    grown = concurrency.limit
    for _ in range(grown // 2):
        concurrency.succeeded(200.0, at_limit=True)
    assert concurrency.limit == grown - 1
    for _ in range(10_000):
        concurrency.succeeded(200.0, at_limit=True)
    assert concurrency.limit == FIRST


def test_slow_answers_do_not_raise_what_overload_has_lowered():
    concurrency = Concurrency()
    concurrency.succeeded(20.0, at_limit=True)
    concurrency.overloaded()
    lowered = concurrency.limit
    for _ in range(100):
        concurrency.succeeded(200.0, at_limit=True)
    assert concurrency.limit == lowered


def test_overload_halves_it_once_for_all_that_were_under_way_together():
    concurrency = Concurrency()
    for _ in range(FIRST):
        concurrency.overloaded()
    assert concurrency.limit == FIRST // 2


def test_it_never_comes_to_a_halt():
    concurrency = Concurrency()
    for _ in range(10_000):
        concurrency.overloaded()
    assert concurrency.limit == 1


def test_after_an_overload_it_grows_by_one_a_round():
    concurrency = Concurrency()
    concurrency.overloaded()
    before = concurrency.limit
    for _ in range(before + 1):
        concurrency.succeeded(10.0, at_limit=True)
    assert concurrency.limit == before + 1

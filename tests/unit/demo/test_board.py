"""The demo's board: what each subscription must get, and what has been seen of it."""

from datetime import timedelta

import pytest
from rich.console import Console

from router.demo import picture
from router.demo.board import Attempted, Board, Called, GivenUp, Postponed, Written
from router.demo.plan import WISHES
from router.demo.samples import load_samples
from tests.builders import NOON, WORKSPACE

EVERYTHING, MODELS, ALERTS, BROKEN = WISHES


@pytest.fixture
def samples():
    ids = iter(range(100))
    return load_samples(WORKSPACE, lambda: f"id-{next(ids)}")


@pytest.fixture
def board(samples):
    return Board(WISHES, samples)


def wanted_by(wish, samples):
    return [sample for sample in samples if wish.why_not(sample.envelope) is None]


def everything_that_must_happen(samples):
    for wish in (EVERYTHING, MODELS):
        yield from (Written(wish.name, sample.id) for sample in wanted_by(wish, samples))
    for sample in wanted_by(ALERTS, samples):
        yield Called("alerts", sample.id, 200)
        yield Attempted("alerts", sample.id, 1, "delivered", 200)
    for sample in wanted_by(BROKEN, samples):
        for attempt in (1, 2):
            yield Called("broken", sample.id, 500)
            yield Attempted("broken", sample.id, attempt, "failed", 500)
        yield GivenUp("broken", sample.id, "MaxDeliveryAttemptsExceeded", 2)


def rendered(renderable, width=160):
    console = Console(width=width)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def test_the_samples_are_five_types_in_two_schemas(samples):
    assert len({(sample.schema, sample.envelope.type) for sample in samples}) == 10
    assert len({sample.id for sample in samples}) == 10
    assert {sample.envelope.source for sample in samples} == {WORKSPACE}


def test_each_subscription_wants_some_and_not_all(samples):
    assert [len(wanted_by(wish, samples)) for wish in WISHES] == [10, 1, 4, 2]


def test_the_condition_that_keeps_an_event_out_is_named(samples):
    reasons = {MODELS.why_not(sample.envelope) for sample in samples}
    assert reasons == {None, "the type is not ModelRegistered", "the subject does not begin with models/ncd"}


def test_the_board_is_complete_when_all_has_been_seen(board, samples):
    for observation in everything_that_must_happen(samples):
        assert not board.is_complete
        board.apply(observation, 0.1)
    assert board.is_complete
    assert board.complaints == []


def test_what_is_missing_is_named(board, samples):
    for observation in everything_that_must_happen(samples):
        if not isinstance(observation, GivenUp):
            board.apply(observation, 0.1)
    assert [complaint.partition(":")[0] for complaint in board.complaints] == [
        "broken misses ModelDeployed endpoints/aciservice1",
        "broken misses ModelDeployed endpoints/my-sklearn-service",
    ]


def test_an_event_that_arrives_twice_on_a_topic_is_a_complaint(board, samples):
    observations = list(everything_that_must_happen(samples))
    for observation in [*observations, Written("models", wanted_by(MODELS, samples)[0].id)]:
        board.apply(observation, 0.1)
    assert not board.is_complete
    assert "2 times" in board.complaints[0]


def test_an_event_that_the_filter_should_have_kept_out_is_a_complaint(board, samples):
    stranger = next(sample for sample in samples if MODELS.why_not(sample.envelope))
    board.apply(Written("models", stranger.id), 0.1)
    assert any("although the type is not ModelRegistered" in complaint for complaint in board.complaints)


def test_events_of_others_are_ignored(board, samples):
    assert board.apply(Written("models", "another"), 0.1) is None
    assert board.apply(Called("stranger", samples[0].id, 200), 0.1) is None


def test_the_table_tells_what_happens(board, samples):
    event = wanted_by(BROKEN, samples)[0].id
    board.apply(Written("models", wanted_by(MODELS, samples)[0].id), 0.0421)
    board.apply(Called("broken", event, 500), 0.1)
    board.apply(Postponed("broken", event, NOON + timedelta(seconds=10)), 0.1)
    text = rendered(picture.table(board, NOON))
    for words in ("ModelRegistered", "after 42 ms", "failed: 500", "retry in 10 s", "filtered out", "by subject"):
        assert words in text


def test_a_small_terminal_gets_a_small_table(board, samples):
    event = wanted_by(BROKEN, samples)[0].id
    board.apply(Written("models", wanted_by(MODELS, samples)[0].id), 0.0421)
    board.apply(Called("broken", event, 500), 0.1)
    board.apply(Postponed("broken", event, NOON + timedelta(seconds=10)), 0.1)
    text = rendered(picture.table(board, NOON, compact=True), width=80)
    assert len(text.splitlines()) <= 20
    for words in ("DatasetDriftDetected", "✓ 42 ms", "✗ retry 10 s", "no: subject"):
        assert words in text


def test_the_summary_counts_and_explains(board, samples):
    for observation in everything_that_must_happen(samples):
        board.apply(observation, 0.1)
    text = rendered(picture.summary(board))
    for words in (
        "10 delivered",
        "9 filtered out",
        "the subject does not begin with models/ncd",
        "2 dead-lettered",
        "2: the webhook answered 500 and 500: MaxDeliveryAttemptsExceeded",
        "topic subscriber.models",
    ):
        assert words in text


def test_each_thing_that_happens_is_a_line(board, samples):
    event = wanted_by(BROKEN, samples)[0].id
    observations = (
        Written("everything", event),
        Called("broken", event, 500),
        Postponed("broken", event, NOON),
        GivenUp("broken", event, "MaxDeliveryAttemptsExceeded", 2),
    )
    lines = [picture.line(observation, board.apply(observation, 0.1)).plain for observation in observations]
    assert "got ModelDeployed" in lines[0]
    assert "the webhook answered 500" in lines[1]
    assert "retry of ModelDeployed" in lines[2]
    assert "dead-lettered after 2 attempts: MaxDeliveryAttemptsExceeded" in lines[3]

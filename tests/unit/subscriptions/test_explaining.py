import pytest

from router.errors import RefusedError
from router.subscriptions.explaining import candidates_for, explain_event
from tests.builders import WORKSPACE, a_cloud_event, a_subscription, an_event, as_bytes
from topics.subscriptions import AdvancedFilter, Filter

NEAR = Filter(
    subject_begins_with="models/",
    advanced_filters=(AdvancedFilter(operator="NumberGreaterThan", key="data.modelVersion", value=5),),
)
FAR = Filter(included_event_types=("Other",), subject_begins_with="runs/")


def test_the_nearest_comes_first_and_says_what_it_saw():
    found = explain_event(as_bytes(an_event()), [("far", FAR), ("near", NEAR), ("all", Filter())], WORKSPACE)
    assert [one.subscription for one in found] == ["all", "near", "far"]
    near = found[1].explanation
    assert (near.matches, near.first_failed) == (False, 1)
    assert [(c.operator, c.expected, c.actual, c.matches) for c in near.clauses] == [
        ("SubjectBeginsWith", "models/", "models/churn:3", True),
        ("NumberGreaterThan", 5, 3, False),
    ]


@pytest.mark.parametrize("event", [an_event(), a_cloud_event()], ids=["event grid", "cloud events"])
def test_both_schemas_are_explained(event):
    assert explain_event(as_bytes(event), [("near", NEAR)], WORKSPACE)[0].explanation.first_failed == 1


def test_an_event_without_topic_is_stamped_first():
    event = an_event()
    del event["topic"], event["metadataVersion"]
    wanted = Filter(advanced_filters=(AdvancedFilter(operator="StringEndsWith", key="topic", values=("local",)),))
    assert explain_event(as_bytes(event), [("one", wanted)], WORKSPACE)[0].explanation.matches


@pytest.mark.parametrize("event", [b"[]", b"{", b"\xff", b"{}", b'"id"', b'{"id": 1}'])
def test_what_is_no_event_is_refused(event):
    with pytest.raises(RefusedError, match="event"):
        explain_event(event, [("one", Filter())], WORKSPACE)


def test_only_subscriptions_of_the_events_source_are_candidates():
    here, there = a_subscription("here"), a_subscription("there", source="/elsewhere")
    failed = a_subscription("failed", provisioning_state="Failed")
    found = candidates_for(as_bytes(an_event()), [here, there, failed], WORKSPACE)
    assert [one.name for one in found] == ["here"]


def test_who_asks_for_a_whole_group_is_a_candidate_for_every_source_in_it():
    group = WORKSPACE[: WORKSPACE.index("/providers/")]
    asking = [a_subscription("group", source=group.upper()), a_subscription("other", source=f"{group}2")]
    assert [one.name for one in candidates_for(as_bytes(an_event()), asking, WORKSPACE)] == ["group"]


def test_a_cloud_event_with_a_source_of_its_own_could_reach_any():
    event = as_bytes(a_cloud_event(source="/my/trainer"))
    found = candidates_for(event, [a_subscription("here"), a_subscription("there", source="/elsewhere")], WORKSPACE)
    assert [one.name for one in found] == ["here", "there"]

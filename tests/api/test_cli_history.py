"""The commands that show what happened, and that redrive what died."""

import json

import pytest

from router.history.store import Batch
from tests.api.running_history import BUSY, CAUSE, SOON, Past, worker
from tests.builders import NOON, a_webhook
from tests.command_line import router
from tests.unit.history.facts import an_attempted
from topics.subscriptions import Filter


async def test_attempts(past):
    past.store.apply(Batch(attempts=[an_attempted("d-1", **BUSY), an_attempted("d-2", at=NOON + SOON)]))
    done = await router("attempts", "--subscription", "alerts", "--outcome", "failed")
    assert done.code == 0
    head, row = done.out.splitlines()
    assert head.split() == ["AT", "SUBSCRIPTION", "EVENT", "ATTEMPT", "OUTCOME", "STATUS", "TOOK", "ANSWER"]
    assert row.split()[2:] == ["alerts", "e-1", "1", "failed", "503", "4", "ms", "Service", "Unavailable"]
    found = json.loads((await router("attempts", "--event", "e-1", "--limit", "1", "--json")).out)
    assert [one["delivery_id"] for one in found] == ["d-2"]


async def test_an_event(past):
    past.subscribe("models")
    past.subscribe("alerts", sink=a_webhook())
    past.accept(id="e/1")
    past.store.apply(Batch(attempts=[an_attempted("d-1", event_id="e/1", **BUSY)]))
    done = await router("events", "show", "e/1")
    assert done.code == 0
    assert "e/1" in done.out
    lines = [line.split() for line in done.out.splitlines()]
    assert ["models", "written"] in lines
    assert any(line[:2] == ["alerts", "pending"] and "503" in line for line in lines)
    unknown = await router("events", "show", "e-2")
    assert (unknown.code, unknown.out) == (1, "")
    assert "e-2" in unknown.err


async def test_a_published_event_is_explained_by_its_id(past: Past) -> None:
    past.accept(id="e/1")
    near = past.subscribe("near", filter=Filter(subject_begins_with="models/", subject_ends_with="/nobody"))
    every = past.subscribe("every")
    answer = json.loads((await router("explain", "e/1", "--json")).out)
    assert [(one["subscription"], one["first_failed"]) for one in answer["results"]] == [(every, None), (near, 1)]
    unknown = await router("explain", "e-2")
    assert (unknown.code, "e-2" in unknown.err) == (1, True)
    assert (await router("explain", "nowhere.json")).code == 1


async def test_what_strangers_wrote_does_not_reach_the_terminal(past):
    past.store.apply(Batch(attempts=[an_attempted("d-1", event_id="\x1b[2J", detail="\x1b]0;x\x07")]))
    assert "\x1b" not in (await router("attempts")).out


async def test_dead_letters(past):
    past.die("d-1", "d-2")
    listed = await router("dead-letters", "list", "--limit", "1")
    assert listed.code == 0
    assert listed.out.splitlines()[1].split()[:2] == [CAUSE, "2"]
    assert "d-2" in listed.out
    assert "1 of 2" in listed.err
    shown = await router("dead-letters", "show", "d-1")
    assert CAUSE in shown.out
    assert "Service Unavailable" in shown.out


async def test_redrive(past):
    past.subscribe("alerts", sink=a_webhook())
    past.die("d-1", "d-2", "d-3")
    nothing_said = await router("dead-letters", "redrive")
    assert nothing_said.code == 1
    assert "--all" in nothing_said.err
    async with worker(past, **BUSY):
        failed = await router("dead-letters", "redrive", "--cause", CAUSE)
    assert failed.code == 1
    assert "failed again" in failed.err
    past.producer.topics.clear()
    async with worker(past):
        done = await router("dead-letters", "redrive", "d-2", "d-3", "--json")
    assert (done.code, json.loads(done.out)["delivered"]) == (0, 2)


async def test_a_redrive_of_which_nothing_was_delivered_has_failed(past):
    past.subscribe("alerts", sink=a_webhook())
    past.die("d-1")
    async with worker(past, **BUSY):
        done = await router("dead-letters", "redrive", "d-1")
    assert done.code == 1
    assert "error: nothing was delivered" in done.err


async def test_a_redrive_names_what_is_no_dead_letter(past):
    past.subscribe("alerts", sink=a_webhook())
    past.die("d-1")
    nothing = await router("dead-letters", "redrive", "d-2")
    assert (nothing.code, nothing.out) == (1, "")
    assert "1 of the deliveries given are no dead letters" in nothing.err
    async with worker(past):
        one = await router("dead-letters", "redrive", "d-1", "d-2")
    assert (one.code, "1 of the deliveries given" in one.err) == (1, True)


@pytest.mark.usefixtures("past")
async def test_there_may_be_nothing_to_redrive():
    done = await router("dead-letters", "redrive", "--all")
    assert (done.code, done.out, done.err) == (0, "", "No dead letters.\n")

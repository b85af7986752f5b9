"""How the demo ends, and getting there step by step."""

import io

import pytest
from rich.console import Console

from router.demo.board import Board
from router.demo.ending import tell_outcome
from router.demo.plan import WISHES
from router.demo.samples import load_samples
from router.demo.steps import Steps
from tests.builders import WORKSPACE


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=120)


def test_what_is_missing_is_told_and_is_a_failure(console):
    ids = iter(range(10))
    board = Board(WISHES, load_samples(WORKSPACE, lambda: str(next(ids))))
    assert tell_outcome(board, console) == 1
    told = console.file.getvalue()
    assert "Not everything came as it should:" in told
    assert "models misses ModelRegistered models/ncd-sklearn-model:1: it is waiting" in told


def test_nothing_expected_and_nothing_seen_is_a_success(console):
    assert tell_outcome(Board((), ()), console) == 0
    assert "Every expected delivery was seen" in console.file.getvalue()


def test_each_step_is_a_line_with_its_time(console):
    steps = Steps(console)
    steps.begin("starting Kafka")
    steps.begin("starting the server")
    steps.end()
    steps.end()
    steps.remark("the server was ended by SIGKILL")
    first, second, third = console.file.getvalue().splitlines()
    assert first.startswith("- starting Kafka … ")
    assert first.endswith(" s")
    assert second.startswith("- starting the server … ")
    assert third == "the server was ended by SIGKILL"

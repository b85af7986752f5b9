"""Free ports, and who holds the others."""

import os
import socket
import sys

import pytest

from router.kafka.embedded.ports import free_port, wait_until_free, why_not_free


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_free_port_is_free():
    assert why_not_free(free_port()) is None


def test_a_free_port_may_have_to_differ_from_another():
    one = free_port()

    assert free_port(apart_from=one) != one


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who listens")
def test_a_taken_port_names_its_holder(taken):
    assert f"(process {os.getpid()})" in why_not_free(taken)


async def test_waiting_for_a_port_ends_with_the_reason(taken):
    assert "taken by" in await wait_until_free(taken, seconds=0.0)


async def test_an_address_of_another_machine_is_not_waited_for():
    assert await wait_until_free(free_port(), "192.0.2.1", seconds=60.0)

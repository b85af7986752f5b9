"""Paths of Azure Resource Manager."""

import pytest

from router.api.groups import Group
from router.api.path_patterns import is_management_path, parse_path
from router.api.paths import (
    EventSubscriptionPath,
    EventSubscriptionsInGroup,
    EventSubscriptionsOfSource,
    OperationPath,
    ResourcePath,
    WorkspacePath,
    WorkspacesInGroup,
)

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
TOPIC = "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/topics/t"
EVENT_SUBSCRIPTIONS = "/providers/Microsoft.EventGrid/eventSubscriptions"
OPERATIONS = "/subscriptions/s/providers/Microsoft.EventGrid/locations/local"


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (WORKSPACE + EVENT_SUBSCRIPTIONS, EventSubscriptionsOfSource(WORKSPACE)),
        (TOPIC + EVENT_SUBSCRIPTIONS, EventSubscriptionsOfSource(TOPIC)),
        (WORKSPACE + EVENT_SUBSCRIPTIONS + "/es1", EventSubscriptionPath(WORKSPACE, "es1")),
        (TOPIC + EVENT_SUBSCRIPTIONS + "/es1", EventSubscriptionPath(TOPIC, "es1")),
        (WORKSPACE + EVENT_SUBSCRIPTIONS + "/es1/GETFULLURL", EventSubscriptionPath(WORKSPACE, "es1", "getFullUrl")),
        (
            WORKSPACE + EVENT_SUBSCRIPTIONS + "/es1/getDeliveryAttributes",
            EventSubscriptionPath(WORKSPACE, "es1", "getDeliveryAttributes"),
        ),
        (
            WORKSPACE + EVENT_SUBSCRIPTIONS + "/providers/getFullUrl",
            EventSubscriptionPath(WORKSPACE, "providers", "getFullUrl"),
        ),
        (
            "/" + WORKSPACE.upper() + "//PROVIDERS/microsoft.eventgrid//EVENTSUBSCRIPTIONS/Es1/",
            EventSubscriptionPath(WORKSPACE.upper(), "Es1"),
        ),
        ("/subscriptions/s" + EVENT_SUBSCRIPTIONS, EventSubscriptionsInGroup(Group("s"))),
        ("/subscriptions/s/resourcegroups/G" + EVENT_SUBSCRIPTIONS, EventSubscriptionsInGroup(Group("s", "G"))),
        (WORKSPACE, WorkspacePath(Group("s", "g"), "w")),
        (WORKSPACE + "/listkeys", WorkspacePath(Group("s", "g"), "w", "listKeys")),
        (WORKSPACE + "/regenerateKey", WorkspacePath(Group("s", "g"), "w", "regenerateKey")),
        (WORKSPACE.removesuffix("/w"), WorkspacesInGroup(Group("s", "g"))),
        (
            "/subscriptions/s/providers/microsoft.machinelearningservices/Workspaces",
            WorkspacesInGroup(Group("s")),
        ),
        (OPERATIONS + "/operationsStatus/ABC-1", OperationPath("abc-1", status=True)),
        (OPERATIONS + "/operationResults/abc-1", OperationPath("abc-1", status=False)),
    ],
)
def test_a_path_names_a_resource(path: str, named: ResourcePath):
    assert parse_path(path) == named


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/subscriptions/s/resourceGroups/g/providers",
        "/providers/Microsoft.EventGrid/eventSubscriptions",
        "/subscriptions/s/providers/Microsoft.Storage/storageAccounts",
        "/subscriptions/s/providers/Microsoft.MachineLearningServices/workspaces/w",
        WORKSPACE + "/computes",
        WORKSPACE + "/listKeys/more",
        WORKSPACE + EVENT_SUBSCRIPTIONS + "/es1/frobnicate",
        WORKSPACE + EVENT_SUBSCRIPTIONS + "/es1/getFullUrl/more",
        OPERATIONS + "/operationsStatus",
    ],
)
def test_other_paths_name_nothing(path: str):
    assert parse_path(path) is None


@pytest.mark.parametrize(
    ("path", "is_management"),
    [
        ("/subscriptions", True),
        ("//Subscriptions/s", True),
        ("/providers/Microsoft.EventGrid", True),
        ("/api/events", False),
        ("/v1/subscriptions", False),
        ("/subscriptionsx", False),
        ("/", False),
    ],
)
def test_only_two_roots_belong_to_the_management_api(path: str, *, is_management: bool):
    assert is_management_path(path) is is_management


def test_a_group_holds_what_is_in_it_without_regard_to_case():
    assert Group("s", "G").holds(WORKSPACE)
    assert Group("S").holds(WORKSPACE)
    assert not Group("s", "gg").holds(WORKSPACE)
    assert not Group("s", "").holds(WORKSPACE)

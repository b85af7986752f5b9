"""From a call to the request that it is: by what its path names, then by its method."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from router.api.answers import Answer, error_answer
from router.api.authorization import check_authorization
from router.api.azure import Azure
from router.api.calls import Call, check_api_version
from router.api.event_subscriptions import EventSubscriptions
from router.api.freshness import Freshness
from router.api.operations import Operations
from router.api.path_patterns import parse_path
from router.api.paths import (
    AzureSubscriptions,
    EventSubscriptionPath,
    EventSubscriptionsInGroup,
    EventSubscriptionsOfSource,
    EventTypesOfSource,
    Locations,
    OperationPath,
    Providers,
    ResourceGroups,
    ResourcePath,
    ResourcesInGroup,
    SystemTopicPath,
    SystemTopicsInGroup,
    Tenants,
    TopicPath,
    TopicsInGroup,
    TopicTypes,
    WorkspacePath,
    WorkspacesInGroup,
)
from router.api.resource_lists import ResourceLists
from router.api.system_topics import SystemTopics
from router.api.topic_types import TopicTypeRequests
from router.api.topics import Topics
from router.api.workspaces import Workspaces

Request = Callable[[Call, Any], Awaitable[Answer]]
Requests = Mapping[str, Request]
"""What can be done with a resource, by HTTP method."""

_EVENT_GRID_PATHS = (
    EventSubscriptionPath,
    EventSubscriptionsInGroup,
    EventSubscriptionsOfSource,
    EventTypesOfSource,
    SystemTopicPath,
    SystemTopicsInGroup,
    TopicPath,
    TopicTypes,
    TopicsInGroup,
)


class Dispatch:
    """Finds and runs the request that a call means."""

    def __init__(  # noqa: PLR0913, PLR0917 (one room each)
        self,
        event_subscriptions: EventSubscriptions,
        workspaces: Workspaces,
        operations: Operations,
        azure: Azure,
        system_topics: SystemTopics,
        topics: Topics,
        resource_lists: ResourceLists,
        topic_types: TopicTypeRequests,
        freshness: Freshness | None = None,
    ) -> None:
        one, their_workspace = event_subscriptions, workspaces
        self._operations, self._azure, self._freshness = operations, azure, freshness
        self._group = _of_group(azure)
        self._subscription: dict[str | None, Requests] = {
            None: {"GET": one.get, "PUT": one.put, "PATCH": one.patch, "DELETE": one.delete},
            "getFullUrl": {"POST": one.full_url},
            "getDeliveryAttributes": {"POST": one.delivery_attributes},
            "getSigningSecrets": {"POST": one.signing_secrets},
            "rotateSigningSecret": {"POST": one.rotate_signing_secret},
        }
        self._workspace: dict[str | None, Requests] = {
            None: {"GET": their_workspace.get, "PUT": their_workspace.put, "DELETE": their_workspace.delete},
            "listKeys": {"POST": their_workspace.list_keys},
            "regenerateKey": {"POST": their_workspace.regenerate_key},
        }
        self._topic: dict[str | None, Requests] = {
            None: {"GET": topics.get, "PUT": topics.put, "PATCH": topics.patch, "DELETE": topics.delete},
            "listKeys": {"POST": topics.list_keys},
            "regenerateKey": {"POST": topics.regenerate_key},
        }
        self._lists: dict[type, Requests] = {
            TopicsInGroup: {"GET": topics.list_in_group},
            EventSubscriptionsOfSource: {"GET": one.list_of_source},
            EventSubscriptionsInGroup: {"GET": one.list_in_group},
            WorkspacesInGroup: {"GET": their_workspace.list_in_group},
            SystemTopicPath: {
                "GET": system_topics.get,
                "PUT": system_topics.put,
                "PATCH": system_topics.patch,
                "DELETE": system_topics.delete,
            },
            SystemTopicsInGroup: {"GET": system_topics.list_in_group},
            ResourcesInGroup: {"GET": resource_lists.list_in_group},
            **_around(azure, topic_types),
        }

    async def answer(self, call: Call) -> Answer:
        """Answer a call; raises the errors of `router.errors`."""
        path = parse_path(call.path)
        if path is None:
            return error_answer(HTTPStatus.NOT_FOUND, "ResourceNotFound", f"There is nothing at '{call.path[:300]}'.")
        check_authorization(call, path)
        requests = self.requests_on(path)
        request = requests.get(call.method)
        if request is None:
            return error_answer(
                HTTPStatus.METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                f"{call.method} is not allowed on '{call.path}'; it takes {', '.join(requests)}.",
                headers={"Allow": ", ".join(requests)},
            )
        check_api_version(call, of_event_grid=isinstance(path, _EVENT_GRID_PATHS))
        if self._freshness is not None:
            await self._freshness.catch_up()
        return await request(call, path)

    def requests_on(self, path: ResourcePath) -> Requests:
        """Return what can be done with what a path names."""
        match path:
            case EventSubscriptionPath(action=action):
                return self._subscription[action]
            case WorkspacePath(action=action) | TopicPath(action=action):
                return (self._topic if isinstance(path, TopicPath) else self._workspace)[action]
            case OperationPath():
                return {"GET": self._operation}
            case Providers(action=str()):
                return {"POST": self._azure.register}
            case ResourceGroups(name=str()):
                return self._group
            case _:
                return self._lists[type(path)]

    async def _operation(self, call: Call, path: OperationPath) -> Answer:
        return self._operations.answer(call, path)


def _of_group(azure: Azure) -> Requests:
    """Return what can be asked of a resource group."""
    return {"GET": azure.resource_groups, "HEAD": azure.has_resource_group, "PUT": azure.put_resource_group}


def _around(azure: Azure, topic_types: TopicTypeRequests) -> dict[type, Requests]:
    """Return what can be asked of what surrounds Event Grid."""
    return {
        Tenants: {"GET": azure.tenants},
        AzureSubscriptions: {"GET": azure.subscriptions},
        Locations: {"GET": azure.locations},
        ResourceGroups: {"GET": azure.resource_groups},
        Providers: {"GET": azure.providers},
        TopicTypes: {"GET": topic_types.get},
        EventTypesOfSource: {"GET": topic_types.of_source},
    }

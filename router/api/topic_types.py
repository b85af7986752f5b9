"""Topic types (§8.4): which sources there are, and which types of event they raise (§1.1)."""

from http import HTTPStatus
from typing import Final

from router.api.answers import Answer, Json
from router.api.calls import Call
from router.api.paths import EventTypesOfSource, TopicTypes
from router.errors import NotFoundError
from router.sources.view import SourcesView
from topics import EVENT_TYPES

ML_TOPIC_TYPE: Final = "Microsoft.MachineLearningServices.Workspaces"


class TopicTypeRequests:
    """The requests on topic types: all of them read, and nothing of them changes."""

    def __init__(self, sources: SourcesView) -> None:
        self._sources = sources

    async def get(self, _call: Call, path: TopicTypes) -> Answer:
        """Show the topic types, one of them, or its event types."""
        if path.name is None:
            return Answer(HTTPStatus.OK, {"value": [_topic_type()]})
        if path.name.lower() != ML_TOPIC_TYPE.lower():
            message = f"The topic type '{path.name[:100]}' was not found; there is {ML_TOPIC_TYPE}."
            raise NotFoundError(message, target="topicType")
        return Answer(HTTPStatus.OK, {"value": event_types()} if path.event_types else _topic_type())

    async def of_source(self, _call: Call, path: EventTypesOfSource) -> Answer:
        """Show the event types of a source: five of a workspace, whatever is published of a custom topic."""
        source = self._sources.get(path.scope)
        if source is None:
            raise NotFoundError(f"The source '{path.scope[:300]}' was not found.", target=path.scope[:300])
        return Answer(HTTPStatus.OK, {"value": event_types() if source.kind == "workspace" else []})


def event_types() -> list[Json]:
    """Return the event types that a workspace raises."""
    return [
        {
            "id": f"providers/Microsoft.EventGrid/topicTypes/{ML_TOPIC_TYPE}/eventTypes/{one.name}",
            "name": one.name,
            "type": "Microsoft.EventGrid/topicTypes/eventTypes",
            "properties": {
                "displayName": one.display_name,
                "description": one.description,
                "schemaUrl": "https://aka.ms/azureeventgridschemas",
                "isInDefaultSet": True,
            },
        }
        for one in EVENT_TYPES
    ]


def _topic_type() -> Json:
    return {
        "id": f"providers/Microsoft.EventGrid/topicTypes/{ML_TOPIC_TYPE}",
        "name": ML_TOPIC_TYPE,
        "type": "Microsoft.EventGrid/topicTypes",
        "properties": {
            "provider": "Microsoft.MachineLearningServices",
            "displayName": "Machine Learning Workspaces",
            "description": "Microsoft Azure Machine Learning Service events",
            "resourceRegionType": "RegionalResource",
            "provisioningState": "Succeeded",
            "supportedLocations": ["local"],
            "sourceResourceFormat": "/subscriptions/<subscriptionId>/resourceGroups/<resourceGroupName>"
            "/providers/Microsoft.MachineLearningServices/Workspaces/<name>",
            "supportedScopesForSource": ["Resource"],
            "areRegionalAndGlobalSourcesSupported": False,
        },
    }

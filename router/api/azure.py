"""What is of Azure and not of Event Grid: tenants, subscriptions, resource groups and providers (design §8).

Subscriptions and resource groups exist without being created. Any provider may be registered, at once.
"""

from http import HTTPStatus
from typing import Final

from router.api.answers import Answer, Json, error_answer
from router.api.calls import Call
from router.api.json_bodies import Members, read_object
from router.api.paths import AzureSubscriptions, Locations, Providers, ResourceGroups, Tenants
from router.identity.tokens import TENANT
from router.resources.store import ResourceStore
from router.sources.view import SourcesView
from topics.resources import ProviderRegistration, SystemTopic

LOCAL_SUBSCRIPTION: Final = "00000000-0000-0000-0000-000000000000"
LOCATION: Final = "local"
KNOWN_PROVIDERS: Final = {
    "Microsoft.EventGrid": ("eventSubscriptions", "systemTopics", "topics", "topicTypes", "locations"),
    "Microsoft.EventHub": ("namespaces",),
    "Microsoft.MachineLearningServices": ("workspaces",),
}
_API_VERSIONS: Final = ["2025-02-15", "2022-06-15", "2021-10-15-preview"]


class Azure:
    """The requests on what surrounds Event Grid; every method may raise the errors of `router.errors`."""

    def __init__(self, resources: ResourceStore, sources: SourcesView) -> None:
        self._resources = resources
        self._sources = sources

    async def tenants(self, _call: Call, _path: Tenants) -> Answer:
        """Show the one tenant."""
        shown = {"id": f"/tenants/{TENANT}", "tenantId": TENANT, "displayName": "Router", "tenantCategory": "Home"}
        return Answer(HTTPStatus.OK, {"value": [shown]})

    async def subscriptions(self, _call: Call, path: AzureSubscriptions) -> Answer:
        """Show an Azure subscription, or all that something is in."""
        if path.name is not None:
            return Answer(HTTPStatus.OK, _subscription(path.name))
        names = {LOCAL_SUBSCRIPTION: None} | {one.split("/")[2].lower(): None for one in self._ids()}
        return Answer(HTTPStatus.OK, {"value": [_subscription(name) for name in names]})

    async def locations(self, _call: Call, path: Locations) -> Answer:
        """Show the one location."""
        shown = {
            "id": f"/subscriptions/{path.subscription}/locations/{LOCATION}",
            "name": LOCATION,
            "displayName": "Local",
            "regionalDisplayName": "Local",
            "type": "Region",
            "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
        }
        return Answer(HTTPStatus.OK, {"value": [shown]})

    async def resource_groups(self, _call: Call, path: ResourceGroups) -> Answer:
        """Show a resource group, or all that something is in."""
        if path.name is not None:
            return Answer(HTTPStatus.OK, _group(path.subscription, path.name))
        names = {LOCATION: None} | {
            one.split("/")[4]: None for one in self._ids() if one.split("/")[2].lower() == path.subscription.lower()
        }
        unique = {name.lower(): name for name in names}.values()
        return Answer(HTTPStatus.OK, {"value": [_group(path.subscription, name) for name in unique]})

    async def has_resource_group(self, _call: Call, _path: ResourceGroups) -> Answer:
        """Say that a resource group exists, as every one does."""
        return Answer(HTTPStatus.NO_CONTENT)

    async def put_resource_group(self, call: Call, path: ResourceGroups) -> Answer:
        """Create a resource group, which exists already; what is in it decides what it is."""
        given = read_object(call.body) if call.body.strip() else Members({})
        given.text("location")
        return Answer(HTTPStatus.OK, _group(path.subscription, path.name or ""))

    async def providers(self, _call: Call, path: Providers) -> Answer:
        """Show a provider and whether it is registered, or all that are known."""
        if path.namespace is not None:
            return Answer(HTTPStatus.OK, self._provider(path.subscription, path.namespace))
        names = {name.lower(): name for name in KNOWN_PROVIDERS} | {
            one.name.lower(): one.name
            for one in self._resources.view.all(ProviderRegistration)
            if path.subscription and one.id.split("/")[2].lower() == path.subscription.lower()
        }
        return Answer(HTTPStatus.OK, {"value": [self._provider(path.subscription, name) for name in names.values()]})

    async def register(self, _call: Call, path: Providers) -> Answer:
        """Register a provider, or end its registration; done at once."""
        if path.subscription is None or path.namespace is None:
            return error_answer(HTTPStatus.NOT_FOUND, "ResourceNotFound", "A provider is registered in a subscription.")
        is_registered = path.action == "register"
        name = _canonical(path.namespace)
        await self._resources.put(
            ProviderRegistration(id=_registration_id(path.subscription, name), name=name, is_registered=is_registered)
        )
        return Answer(HTTPStatus.OK, self._provider(path.subscription, name))

    def _provider(self, subscription: str | None, namespace: str) -> Json:
        name = _canonical(namespace)
        head = "" if subscription is None else f"/subscriptions/{subscription}"
        found = subscription and self._resources.view.get(ProviderRegistration, _registration_id(subscription, name))
        is_registered = found.is_registered if found else name in KNOWN_PROVIDERS
        return {
            "id": f"{head}/providers/{name}",
            "namespace": name,
            "registrationPolicy": "RegistrationRequired",
            "registrationState": "Registered" if is_registered else "NotRegistered",
            "resourceTypes": [
                {"resourceType": kind, "locations": [LOCATION], "apiVersions": _API_VERSIONS, "capabilities": "None"}
                for kind in KNOWN_PROVIDERS.get(name, ())
            ],
        }

    def _ids(self) -> list[str]:
        """Return the ids of everything that is in a resource group."""
        sources = [one.id for one in self._sources.all()]
        return sources + [one.id for one in self._resources.view.all(SystemTopic)]


def _canonical(namespace: str) -> str:
    return {name.lower(): name for name in KNOWN_PROVIDERS}.get(namespace.lower(), namespace[:100])


def _registration_id(subscription: str, namespace: str) -> str:
    return f"/subscriptions/{subscription}/providers/{namespace}"


def _subscription(name: str) -> Json:
    return {
        "id": f"/subscriptions/{name}",
        "subscriptionId": name,
        "tenantId": TENANT,
        "displayName": "Router" if name == LOCAL_SUBSCRIPTION else f"Router {name[:36]}",
        "state": "Enabled",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionPolicies": {"locationPlacementId": LOCATION, "quotaId": LOCATION, "spendingLimit": "Off"},
    }


def _group(subscription: str, name: str) -> Json:
    return {
        "id": f"/subscriptions/{subscription}/resourceGroups/{name}",
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": LOCATION,
        "tags": None,
        "properties": {"provisioningState": "Succeeded"},
    }

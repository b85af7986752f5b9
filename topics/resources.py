"""router.resources: what else the management API keeps. Compacted, so the topic is the store.

System topics, registrations of resource providers, principals with their roles, and the keys that sign their tokens.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, TypeAdapter

from topics.record import Record
from topics.topic import Topic

RESOURCES = Topic(
    name="router.resources",
    key="resource id",
    value="system topic, provider registration, principal or signing key; a tombstone means deleted",
    partitions=1,
    cleanup="compact",
    written_by=("management",),
    read_by=("management", "ingress"),
)

Role = Literal["Owner", "Contributor", "Reader", "EventGrid Data Sender"]
ROLES: tuple[Role, ...] = get_args(Role)


class RoleAssignment(Record):
    """A role on a scope: a resource id, and everything below it (`/` is all of the router)."""

    role: Role
    scope: str


class Principal(Record):
    """A service principal; of its secret only a digest is kept."""

    kind: Literal["principal"] = "principal"
    id: str
    name: str
    application_id: str
    object_id: str
    secret_digest: str
    assignments: tuple[RoleAssignment, ...] = ()
    created_at: datetime


class SigningKey(Record):
    """A key that signs access tokens, sealed; all servers sign with the newest one and accept every one."""

    kind: Literal["signing-key"] = "signing-key"
    id: str
    name: str
    sealed_private_key: str
    created_at: datetime


class SystemTopic(Record):
    """A topic that Azure makes for a source: it has the events of its workspace (§8.2)."""

    kind: Literal["system-topic"] = "system-topic"
    id: str
    name: str
    source: str
    topic_type: str
    location: str = "local"
    tags: dict[str, str] | None = None
    identity: dict[str, Any] | None = None
    created_at: datetime


class ProviderRegistration(Record):
    """Whether a resource provider is registered in an Azure subscription."""

    kind: Literal["provider"] = "provider"
    id: str
    name: str
    is_registered: bool


Resource = Annotated[Principal | SigningKey | SystemTopic | ProviderRegistration, Field(discriminator="kind")]
RESOURCE: TypeAdapter[Resource] = TypeAdapter(Resource)
"""Reads any of them from its JSON."""


def resource_key(resource_id: str) -> bytes:
    """Return the record key: resource ids are compared without regard to case (§8.1)."""
    return resource_id.lower().encode()

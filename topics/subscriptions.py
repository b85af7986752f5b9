"""router.subscriptions: who wants what. Compacted, so the topic is the store; a tombstone deletes."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from topics.events import DeliverySchema
from topics.record import Record
from topics.topic import Topic

SUBSCRIPTIONS = Topic(
    name="router.subscriptions",
    key="resource id",
    value="Subscription; a tombstone means deleted",
    partitions=1,
    cleanup="compact",
    written_by=("management",),
    read_by=("every process",),
)

ProvisioningState = Literal[
    "Creating", "Updating", "Deleting", "Succeeded", "Canceled", "Failed", "AwaitingManualAction"
]


class TopicSink(Record):
    """A pull sink: the topic `subscriber.<name>`."""

    kind: Literal["topic"] = "topic"
    name: str


class DeliveryAttribute(Record):
    """A header added to each request (§5.10); the value of a secret one is sealed."""

    name: str
    kind: Literal["Static", "Dynamic"]
    value: str | None = None
    sealed_value: str | None = None
    source_field: str | None = None


class OAuthCredentials(Record):
    """How to get a bearer token for an endpoint (OAuth 2.0, client credentials); the secret is sealed."""

    token_url: str
    client_id: str
    sealed_client_secret: str
    scope: str | None = None


class PushSink(Record):
    """What every push sink has, so that delivery needs to know no more; `kind` says which handler delivers to it.

    `max_deliveries_per_second` bounds requests, in every worker.
    """

    kind: str
    max_events_per_batch: int = 1
    preferred_batch_size_kilobytes: int = 64
    delivery_attributes: tuple[DeliveryAttribute, ...] = ()
    max_deliveries_per_second: float | None = None

    @property
    def where(self) -> str:
        """Where it goes, as logs may say it: without secrets."""
        return self.kind


class WebhookSink(PushSink):
    """An HTTP endpoint. The whole URL is sealed, as its query may hold a secret.

    `client_certificate` is the name of one in the settings. `minimum_tls_version` is kept to be shown: connections
    are of TLS 1.2 at least, which is as much as Event Grid lets anybody ask for.
    """

    kind: Literal["webhook"] = "webhook"
    endpoint_base_url: str
    sealed_endpoint_url: str
    oauth: OAuthCredentials | None = None
    client_certificate: str | None = None
    minimum_tls_version: str | None = None

    @property
    def where(self) -> str:
        """The URL without its query."""
        return self.endpoint_base_url


Sink = Annotated[TopicSink | WebhookSink, Field(discriminator="kind")]


class AdvancedFilter(Record):
    """One advanced filter (§4.2), operator and key as the user wrote them."""

    operator: str
    key: str
    value: Any = None
    values: tuple[Any, ...] | None = None


class Filter(Record):
    """What a subscription wants (§4.1): everything that is given must hold."""

    included_event_types: tuple[str, ...] | None = None
    subject_begins_with: str = ""
    subject_ends_with: str = ""
    is_subject_case_sensitive: bool = False
    enable_advanced_filtering_on_arrays: bool = False
    advanced_filters: tuple[AdvancedFilter, ...] = ()


class RetryPolicy(Record):
    """How long an event is tried (§5.3)."""

    max_delivery_attempts: int = 30
    event_time_to_live_minutes: int = 1440


class SigningSecret(Record):
    """A secret that requests are signed with, sealed; one that was rotated out still signs until it `expires`."""

    sealed: str
    created_at: datetime
    expires: AwareDatetime | None = None


class ManualValidation(Record):
    """A confirmation that may still be given by the validation URL (§6.2).

    Its token is stored as a SHA-256; `message` is what the subscription fails with when nobody confirms in time.
    """

    id: str
    token_sha256: str
    expires: AwareDatetime
    message: str = ""


class Subscription(Record):
    """An event subscription. `id` is its resource id, `source` that of the workspace or topic whose events it wants."""

    id: str
    name: str
    source: str
    sink: Sink
    filter: Filter = Filter()
    delivery_schema: DeliverySchema | None = None
    retry_policy: RetryPolicy = RetryPolicy()
    dead_letter: dict[str, Any] | None = None
    labels: tuple[str, ...] = ()
    expiration: AwareDatetime | None = None
    provisioning_state: ProvisioningState = "Succeeded"
    provisioning_error: str | None = None
    signing_secrets: tuple[SigningSecret, ...] = ()
    validation: ManualValidation | None = None
    pending: "Subscription | None" = None
    created_at: datetime
    updated_at: datetime

    @property
    def is_live(self) -> bool:
        """Whether events are delivered: also while an update of it is under way, which `pending` is when it waits."""
        return self.provisioning_state in ("Succeeded", "Updating") or (
            self.provisioning_state == "AwaitingManualAction" and self.pending is not None
        )


def subscription_key(resource_id: str) -> bytes:
    """Return the record key: resource ids are compared without regard to case (§8.1)."""
    return resource_id.lower().encode()

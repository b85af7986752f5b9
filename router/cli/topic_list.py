"""The topics of design §2 beside what the broker has."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from router.kafka.admin import admin_client
from topics import ALL_TOPICS, SUBSCRIBER_EVENTS, WORKSPACE_EVENTS, Topic
from topics.subscribers import PREFIX

RETENTION = "retention.ms"
CLEANUP = "cleanup.policy"


@dataclass(frozen=True, slots=True)
class ListedTopic:
    """A topic as a person asks for it; `partitions` is None when it does not exist."""

    name: str
    partitions: int | None
    cleanup: str
    retention_ms: int | None
    holds: str

    @property
    def keeps(self) -> str:
        """How long records stay."""
        if self.cleanup == "compact":
            return "newest of each key"
        if self.retention_ms is None or self.retention_ms < 0:
            return "for ever"
        days, rest = divmod(timedelta(milliseconds=self.retention_ms), timedelta(days=1))
        return f"{days} days" if not rest else str(timedelta(milliseconds=self.retention_ms))

    def as_json(self) -> dict[str, Any]:
        """Return it for other programs."""
        return {**asdict(self), "exists": self.partitions is not None}


def router_topics(event_partitions: int) -> list[Topic]:
    """Return the topics that a router needs, workspace.events with the given number of partitions."""
    return [topic.with_partitions(event_partitions) if topic is WORKSPACE_EVENTS else topic for topic in ALL_TOPICS]


async def list_topics(bootstrap_servers: str) -> list[ListedTopic]:
    """Return the router's topics and those of its subscribers.

    Raises:
        KafkaUnavailableError: no broker answers.
    """
    async with admin_client(bootstrap_servers) as client:
        counts = {found["topic"]: len(found["partitions"]) for found in await client.describe_topics()}
        subscribers = sorted(name for name in counts if name.startswith(PREFIX))
        wanted = [*ALL_TOPICS, *(SUBSCRIBER_EVENTS for _ in subscribers)]
        names = [*(topic.name for topic in ALL_TOPICS), *subscribers]
        configs = await _configs(client, [name for name in names if name in counts])
    pairs = zip(names, wanted, strict=True)
    return [_listed(name, topic, counts.get(name), configs.get(name)) for name, topic in pairs]


def _listed(name: str, topic: Topic, partitions: int | None, on_broker: dict[str, str] | None) -> ListedTopic:
    config = topic.config() | (on_broker or {})
    retention = config.get(RETENTION)
    return ListedTopic(
        name=name,
        partitions=partitions,
        cleanup=config[CLEANUP],
        retention_ms=None if retention is None else int(retention),
        holds=topic.value,
    )


async def _configs(client: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    """Return retention and cleanup policy of topics, as the broker has them."""
    wanted = {RETENTION: None, CLEANUP: None}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, wanted) for name in names]
    answers = await client.describe_configs(resources) if resources else []
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for answer in answers
        for _code, _message, _type, name, entries in answer.resources
    }

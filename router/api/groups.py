"""Group: an Azure subscription, or one resource group of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """An Azure subscription, or one resource group of it; both exist without being created (design §8)."""

    subscription: str
    resource_group: str | None = None

    @property
    def id(self) -> str:
        """The resource id."""
        tail = "" if self.resource_group is None else f"/resourceGroups/{self.resource_group}"
        return f"/subscriptions/{self.subscription}{tail}"

    def holds(self, resource_id: str) -> bool:
        """Say whether a resource is in it."""
        return resource_id.lower().startswith(f"{self.id.lower()}/")

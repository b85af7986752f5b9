"""What the commands on workspaces and on custom topics share: where they are, their lists and their keys."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from router.cli import output
from router.cli.connection import arm_client
from router.client.resource_ids import LOCAL_GROUP, last_segment
from router.errors import NotFoundError

if TYPE_CHECKING:
    from router.client.arm import ArmClient, Json

DEFAULT_GROUP: Final = last_segment(LOCAL_GROUP)

ListedGroup = Annotated[
    str | None, typer.Option("--resource-group", "-g", metavar="GROUP", help="Only those of this group.")
]


class KeyName(StrEnum):
    """The two keys of a source; either lets publish."""

    key1 = "key1"
    key2 = "key2"


Regenerate = Annotated[
    KeyName | None, typer.Option("--regenerate", help="Make this key anew; the old one stops working at once.")
]


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One kind of source: what it and its command are called, and where the API has it."""

    name: str
    command: str
    collection: str
    version: Mapping[str, str]
    id_of: Callable[[str, str], str]

    def path(self, name: str, resource_group: str) -> str:
        """Return the resource id of the source of that name, which may be an id already."""
        return self.id_of(name, _group(resource_group))

    def existing(self, arm: "ArmClient", name: str, resource_group: str) -> "Json":
        """Return a source; raises NotFoundError with what to do."""
        try:
            return arm.get(self.path(name, resource_group), self.version)
        except NotFoundError as error:
            raise self.missing(name, error) from None

    def missing(self, name: str, error: NotFoundError) -> NotFoundError:
        """Return the error that says in this kind's words that there is none."""
        return NotFoundError(
            f"there is no {self.name} {name}: {error.message}", hint=f"See router {self.command} list."
        )

    def print_list(
        self,
        data_dir: Path,
        resource_group: str | None,
        columns: Mapping[str, Callable[["Json"], str]],
        *,
        as_json: bool,
    ) -> None:
        """Print all of them, or those of a group, by columns."""
        _, arm = arm_client(data_dir)
        scope = LOCAL_GROUP.partition("/resourceGroups/")[0] if resource_group is None else _group(resource_group)
        with arm:
            found: Sequence[Json] = list(arm.pages(f"{scope}/{self.collection}", self.version))
        if as_json:
            output.print_json(found)
        else:
            output.print_table(tuple(columns), [[read(one) for read in columns.values()] for one in found])

    def print_keys(
        self, data_dir: Path, name: str, resource_group: str, regenerate: KeyName | None, *, as_json: bool
    ) -> None:
        """Print the two keys of a source, one of them made anew where that is asked for."""
        _, arm = arm_client(data_dir)
        action, body = ("listKeys", None) if regenerate is None else ("regenerateKey", {"keyName": regenerate.value})
        with arm:
            try:
                found = arm.request("POST", f"{self.path(name, resource_group)}/{action}", self.version, body).body
            except NotFoundError as error:
                raise self.missing(name, error) from None
        if as_json:
            output.print_json(found)
        else:
            output.print_fields([(key.value, str(found.get(key.value, ""))) for key in KeyName])


def _group(resource_group: str) -> str:
    return f"{LOCAL_GROUP.rpartition('/')[0]}/{resource_group}"

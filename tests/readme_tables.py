"""The tables of README.md as the code has them. `poe readme` writes them there; a test compares."""

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from router.observability.metrics import Metrics
from router.settings import Settings
from topics import ALL_TOPICS, RETRIES, SUBSCRIBER_EVENTS, WORKSPACE_EVENTS, Topic

README = Path(__file__).parents[1] / "README.md"


def topics_table() -> str:
    first_retry = next(iter(RETRIES.values()))
    one_of_each = [t for t in ALL_TOPICS if t not in RETRIES.values() or t is first_retry]
    at = one_of_each.index(WORKSPACE_EVENTS) + 1
    rows = [_topic_row(topic) for topic in [*one_of_each[:at], SUBSCRIBER_EVENTS, *one_of_each[at:]]]
    return _table(("topic", "key", "value", "partitions", "kept", "written by → read by"), rows)


def settings_table() -> str:
    rows = [
        (f"`ROUTER_{name.upper()}`", _default(field), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return _table(("setting", "default", "what it is"), rows)


def metrics_table() -> str:
    families = [family for family in Metrics().registry.collect() if family.name.startswith("router_")]
    rows = [
        (f"`{family.name}{'_total' if family.type == 'counter' else ''}`", family.type, family.documentation)
        for family in families
    ]
    return _table(("metric", "kind", "what it counts"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "topics": topics_table,
    "settings": settings_table,
    "metrics": metrics_table,
}


def written(name: str, text: str) -> str:
    """Return the table that stands between the two comments of that name."""
    return _block(name).search(text)[2]


def main() -> None:
    text = README.read_text()
    for name, table in TABLES.items():
        text = _block(name).sub(lambda found, table=table: f"{found[1]}{table()}{found[3]}", text)
    README.write_text(text)


def _block(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- /{name} -->)", re.DOTALL)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _topic_row(topic: Topic) -> tuple[str, ...]:
    name = "router.retries.<delay>" if topic in RETRIES.values() else topic.name
    way = f"{', '.join(topic.written_by)} → {', '.join(topic.read_by)}"
    return (f"`{name}`", topic.key, topic.value, str(topic.partitions), _kept(topic), way)


def _kept(topic: Topic) -> str:
    return "compacted" if topic.retention is None else f"{topic.retention // timedelta(days=1)} days"


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "the host's name"
    return _spelled(field.default)


def _spelled(value: Any) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{','.join(value)}`" if isinstance(value, tuple) else f"`{value}`"


if __name__ == "__main__":
    main()

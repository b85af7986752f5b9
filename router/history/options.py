"""What the history process is told by the server that starts it."""

from datetime import timedelta
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict

from router.observability.logs import Format, Level
from router.settings import Settings

GROUP: Final = "router-history"
FILE_NAME: Final = "history.sqlite3"
KEPT: Final = timedelta(days=7)
"""How long attempts and events are known: as long as their topics keep them."""
DEAD_LETTERS_KEPT: Final = timedelta(days=30)


class HistoryOptions(BaseModel):
    """Where to read, where to write, and how much to keep; it travels as one line of JSON."""

    model_config = ConfigDict(frozen=True)

    bootstrap_servers: str
    path: Path
    max_bytes: int
    dead_letter_url: str
    log_level: Level = "info"
    log_format: Format = "auto"

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings of a server say."""
        return cls(
            bootstrap_servers=settings.bootstrap_servers,
            path=settings.data_dir / FILE_NAME,
            max_bytes=settings.history_max_megabytes * 1024 * 1024,
            dead_letter_url=settings.dead_letter_url or str(settings.data_dir.absolute() / "dead-letters"),
            log_level=settings.log_level,
            log_format=settings.log_format,
        )

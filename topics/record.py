"""Record: the base of everything that travels as JSON on a topic of the router's own."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Frozen, and tolerant: fields that it does not know are ignored, so a new producer never stops an old consumer."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_bytes="base64")

    def encode(self) -> bytes:
        """Return the record as UTF-8 JSON."""
        return self.model_dump_json().encode()

"""A connection to a broker that was lost a moment ago is told as such to whoever sends over it.

uvloop refuses to write to a transport that is closed with a RuntimeError, for which aiokafka is not prepared: the task
that sends ends, be it a consumer's coordination, a reader or a producer's sender, and is never made again.
"""

from typing import Any

from aiokafka import conn
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError


class Connection(AIOKafkaConnection):  # type: ignore[misc]  # aiokafka is untyped
    """aiokafka's connection to one broker."""

    def send(self, request: Any, expect_response: bool = True) -> Any:  # noqa: ANN401, FBT001, FBT002 (aiokafka's)
        """Send a request and return what is to be awaited.

        Raises:
            KafkaConnectionError: the connection is lost.
        """
        try:
            return super().send(request, expect_response)
        except RuntimeError as error:
            if self._writer is None or not self._writer.is_closing():
                raise
            self.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)
            raise KafkaConnectionError(f"Connection at {self.host}:{self.port} lost") from error


def tell_lost_connections() -> None:
    """Make every client of aiokafka connect so."""
    conn.AIOKafkaConnection = Connection

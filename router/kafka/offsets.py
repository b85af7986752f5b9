"""What may be committed when records are finished out of order: everything up to the first that is not."""

from collections import deque


class Offsets:
    """The offsets of one partition that were begun and are not finished, as far as they hold the commit back."""

    def __init__(self) -> None:
        self._open: deque[int] = deque()
        # Finished, but behind one that is not.
        self._finished: set[int] = set()
        self._next: int | None = None

    def __len__(self) -> int:
        """The number of records between the first that is not finished and the newest."""
        return len(self._open)

    def begin(self, offset: int) -> bool:
        """Note that a record is being worked on; False when it, or a later one, was begun before."""
        if self._next is not None and offset < self._next:
            return False
        self._open.append(offset)
        self._next = offset + 1
        return True

    def finish(self, offset: int) -> None:
        """Note that a record is finished for good."""
        if not self._open or offset != self._open[0]:
            self._finished.add(offset)
            return
        self._open.popleft()
        while self._open and self._open[0] in self._finished:
            self._finished.remove(self._open.popleft())

    def skip_to(self, offset: int) -> None:
        """Note that nothing stands before `offset` that is not begun, such as after transaction markers."""
        if self._next is None or offset > self._next:
            self._next = offset

    @property
    def committable(self) -> int | None:
        """The offset of the next record to read after a restart; None when nothing was begun yet."""
        return self._open[0] if self._open else self._next

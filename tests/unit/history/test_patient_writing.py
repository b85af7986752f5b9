"""Dead-letter files on their way to places that may be unavailable."""

from datetime import timedelta

from router.history.dead_letter_files import DeadLetterFile
from router.history.patient_writing import BYTES_WAITING, GIVE_UP, PatientWriter
from tests.builders import NOON

SECOND = timedelta(seconds=1)


class Storage:
    """Remembers what was written, and what was tried, on a clock of its own; containers in `broken` take nothing."""

    def __init__(self) -> None:
        self.now = NOON
        self.broken: set[str] = set()
        self.tried: list[str] = []
        self.written: list[str] = []
        self.done: list[str] = []
        self.writer = PatientWriter(self.write, lambda: self.now)

    def write(self, file: DeadLetterFile) -> None:
        self.tried.append(file.path)
        if file.path.partition("/")[0] in self.broken:
            raise PermissionError(file.path)
        self.written.append(file.path)

    def put(self, container: str, *names: str, content: bytes = b"[]") -> None:
        for name in names:
            path = f"{container}/{name}"
            self.writer.put(container, DeadLetterFile(path, content), lambda path=path: self.done.append(path))


async def test_a_place_that_takes_nothing_holds_up_no_other():
    storage = Storage()
    storage.broken = {"wrong"}
    storage.put("wrong", "1", "2")
    storage.put("right", "1", "2")
    await storage.writer.write_what_can_be()
    assert storage.done == storage.written == ["right/1", "right/2"]
    assert storage.tried.count("wrong/1") == 1


async def test_it_is_tried_again_more_and_more_seldom_until_it_takes_everything_in_order():
    storage = Storage()
    storage.broken = {"a"}
    storage.put("a", "1", "2")
    for _ in range(3600):
        await storage.writer.write_what_can_be()
        storage.now += SECOND
    assert 60 < len(storage.tried) < 80
    assert storage.done == []
    storage.broken = set()
    storage.now += timedelta(minutes=1)
    await storage.writer.write_what_can_be()
    assert storage.done == storage.written == ["a/1", "a/2"]


async def test_after_four_hours_what_waits_is_dropped_and_what_comes_is_tried_once():
    storage = Storage()
    storage.broken = {"a"}
    storage.put("a", "1", "2")
    await storage.writer.write_what_can_be()
    storage.now += GIVE_UP + SECOND
    storage.put("a", "3")
    await storage.writer.write_what_can_be()
    assert storage.done == ["a/1", "a/2", "a/3"]
    storage.put("a", "4")
    await storage.writer.write_what_can_be()
    assert storage.done[-1] == "a/4"
    storage.broken = set()
    storage.put("a", "5")
    await storage.writer.write_what_can_be()
    assert storage.written == ["a/5"]
    storage.broken = {"a"}
    storage.put("a", "6")
    await storage.writer.write_what_can_be()
    assert storage.done[-1] == "a/5"


async def test_no_more_is_taken_than_fits_in_memory():
    storage = Storage()
    storage.broken = {"a"}
    half = bytes(BYTES_WAITING // 2)
    storage.put("a", "1", content=half)
    assert not storage.writer.is_full
    storage.put("a", "2", content=half)
    await storage.writer.write_what_can_be()
    assert storage.writer.is_full
    storage.broken = set()
    storage.now += timedelta(minutes=1)
    await storage.writer.write_what_can_be()
    assert not storage.writer.is_full

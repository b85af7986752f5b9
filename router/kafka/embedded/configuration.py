"""What Kafka is told: its properties and its command line, for one node on one machine."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from router.kafka.embedded.java import Java
from router.kafka.embedded.ports import LOOPBACK

NODE: Final = 1
MEBIBYTE: Final = 1024 * 1024
LOG_CONFIGURATION: Final = Path(__file__).with_name("log4j2.properties")
_BROKER_MEMORY: Final = ("-Xms256m", "-Xmx1g")
QUICK_START: Final = ("-XX:TieredStopAtLevel=1",)
"""Without the optimising compiler, which costs a start two seconds of CPU and pays off in long runs only."""
LATE_OPTIMISATION: Final = (
    "-XX:Tier4InvocationThreshold=30000",
    "-XX:Tier4MinInvocationThreshold=10000",
    "-XX:Tier4CompileThreshold=60000",
    "-XX:Tier4BackEdgeThreshold=200000",
)
"""The optimising compiler waits for what is hot under load: a third less CPU for a start."""
_DENY_UNSAFE_FROM: Final = 24
_NATIVE_ACCESS_FROM: Final = 22


def server_properties(log_directory: Path, port: int, controller_port: int) -> dict[str, str]:
    """Return the broker's configuration: broker and controller in one process, on loopback only."""
    return {
        "process.roles": "broker,controller",
        "node.id": f"{NODE}",
        "controller.quorum.voters": f"{NODE}@{LOOPBACK}:{controller_port}",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": log_directory.as_posix(),
        **_ONE_NODE,
        **_SIZES,
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        "group.min.session.timeout.ms": "1000",
    }


def fencing_properties(log_directory: Path, controller_port: int) -> dict[str, str]:
    """Return the configuration of the controller alone, which takes a silent broker for dead at once."""
    properties = server_properties(log_directory, port=0, controller_port=controller_port)
    for name in ("advertised.listeners", "inter.broker.listener.name"):
        del properties[name]
    return properties | {
        "process.roles": "controller",
        "listeners": f"CONTROLLER://{LOOPBACK}:{controller_port}",
        "broker.session.timeout.ms": "200",
        "broker.heartbeat.interval.ms": "50",
    }


_ONE_NODE: Final = {
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "8",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
}

_SIZES: Final = {
    # Topics that carry events allow 2 MiB (design §2); headers and batches need some room above that.
    "message.max.bytes": f"{4 * MEBIBYTE}",
    "replica.fetch.max.bytes": f"{4 * MEBIBYTE}",
    # After a SIGKILL the newest segment of each partition is read again: it must not be a gigabyte.
    "log.segment.bytes": f"{128 * MEBIBYTE}",
    "log.cleaner.dedupe.buffer.size": f"{16 * MEBIBYTE}",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "4",
    "num.recovery.threads.per.data.dir": "2",
}


def properties_text(properties: Mapping[str, str]) -> str:
    """Return the properties as Java reads them from a file."""
    return "".join(f"{name}={_escaped(value)}\n" for name, value in properties.items())


def _escaped(value: str) -> str:
    """Escape a value as Java does: a file name may have any character."""
    plain = value.replace("\\", "\\\\")
    return "".join(c if " " < c <= "~" or (c == " " and i) else f"\\u{ord(c):04x}" for i, c in enumerate(plain))


def kafka_command(
    java: Java, class_path: Sequence[Path], separator: str, properties: Path, flags: Sequence[str] = LATE_OPTIMISATION
) -> list[str]:
    """Return the command line of the broker, with an absolute class path; `flags` say how it compiles."""
    return [
        *_java_command(java, class_path, separator, [*_BROKER_MEMORY, *flags]),
        "kafka.Kafka",
        str(properties.absolute()),
    ]


def format_command(
    java: Java, class_path: Sequence[Path], separator: str, properties: Path, cluster_id: str
) -> list[str]:
    """Return the command line that formats the log directory of a configuration."""
    # In one word: an id may begin with a hyphen, which the tool would take for an option.
    tool = ["kafka.tools.StorageTool", "format", "--config", str(properties.absolute()), f"--cluster-id={cluster_id}"]
    return [*_java_command(java, class_path, separator, ["-Xmx256m", *QUICK_START]), *tool]


def archive_command(
    java: Java, class_path: Sequence[Path], separator: str, class_list: Path, archive: Path
) -> list[str]:
    """Return the command line that writes an archive of the classes in a list, for a broker with this class path."""
    share = ["-Xshare:dump", f"-XX:SharedClassListFile={class_list.absolute()}"]
    # It would warn of each class that it leaves out.
    flags = [*_BROKER_MEMORY, *share, f"-XX:SharedArchiveFile={archive.absolute()}", "-Xlog:disable"]
    return _java_command(java, class_path, separator, flags)


def _java_command(java: Java, class_path: Sequence[Path], separator: str, memory: Sequence[str]) -> list[str]:
    jars = separator.join(str(jar.absolute()) for jar in class_path)
    flags = [
        *memory,
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=20",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={LOG_CONFIGURATION.absolute()}",
        *_hushed(java.version),
    ]
    return [str(java.path), *flags, "-cp", jars]


def _hushed(version: int) -> list[str]:
    """Return the flags that allow what newer Javas warn about: native compression, and unsafe memory access."""
    flags = []
    if version >= _NATIVE_ACCESS_FROM:
        flags.append("--enable-native-access=ALL-UNNAMED")
    if version >= _DENY_UNSAFE_FROM:
        flags.append("--sun-misc-unsafe-memory-access=allow")
    return flags

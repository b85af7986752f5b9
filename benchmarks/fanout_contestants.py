"""Who takes part in the fan-out benchmark: the real worker and its references, each a program of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import maven
from benchmarks.processes import python
from benchmarks.workspace_events import SUBJECTS, TYPES
from topics import WORKSPACE_EVENTS

GUARANTEES = ("effectively_once", "at_least_once")
ROUTER_GROUP = "router-fanout"
STREAMS = Path(__file__).parent / "kafka_streams"
STREAMS_THREADS = 2
"""As many as the machine that the project's figures are of has cores."""
COOL_DOWN = 0.15
"""Events that are routed behind the measured ones, for each of them."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one contestant."""

    bootstrap: str
    data_dir: str
    guarantee: str
    group: str
    sinks: Sequence[str]
    subjects: str = SUBJECTS


@dataclass(frozen=True, slots=True)
class Program:
    """A command and its environment."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Contestant:
    """`most` is the largest number of events that it can be given, by number of sinks: the rate is what counts.

    `warm_up` is how many events it routes before it is measured, for each that is measured.
    """

    name: str
    title: str
    programs: Callable[[Run], list[Program]]
    guarantees: tuple[str, ...] = GUARANTEES
    processes: int = 1
    group: str | None = None
    instances: tuple[str, ...] = ()
    warm_up: float = 0.2
    most_outputs: int | None = None
    why_not: Callable[[], str | None] = lambda: None

    def events(self, wanted: int, sinks: int) -> int:
        """Return how many events to measure it with."""
        return wanted if self.most_outputs is None else min(wanted, self.most_outputs // sinks)

    def routed(self, measured: int) -> int:
        """Return how many events it routes in all."""
        return round(measured * (1 + self.warm_up + COOL_DOWN))


def router(processes: int, stages: str = "fanout") -> Contestant:
    """Return the real worker, as one process or several; it may deliver to loopback."""
    names = [f"bench{number}" for number in range(processes)]

    def programs(run: Run) -> list[Program]:
        words = ("router", "worker", "--stages", stages, "--bootstrap-servers", run.bootstrap, "--metrics-port", "0")
        settings = {
            "ROUTER_DELIVERY_GUARANTEE": run.guarantee,
            "ROUTER_LOG_LEVEL": "warning",
            "ROUTER_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "ROUTER_WEBHOOK_ALLOW_HTTP": "true",
        }
        return [
            Program(python(*words, "--data-dir", run.data_dir), settings | {"ROUTER_INSTANCE": name}) for name in names
        ]

    return Contestant(
        name="router" if processes == 1 else f"router-{processes}",
        title="**router**" if processes == 1 else f"**router**, {processes} workers",
        programs=programs,
        processes=processes,
        group=ROUTER_GROUP,
        instances=tuple(f"{ROUTER_GROUP}-{name}" for name in names),
        # Several join one after the other, and only then is it their figure.
        warm_up=0.2 if processes == 1 else 1.5,
    )


def _bare(run: Run) -> list[Program]:
    return [Program(python("benchmarks.bare_loop", run.bootstrap, run.group, run.guarantee))]


def _confluent(run: Run) -> list[Program]:
    return [Program(python("benchmarks.confluent_loop", run.bootstrap, run.group, run.guarantee, *run.sinks))]


def _faust(run: Run) -> list[Program]:
    settings = {
        "FANOUT_BOOTSTRAP": run.bootstrap,
        "FANOUT_GROUP": run.group,
        "FANOUT_SINKS": ",".join(run.sinks),
        "FANOUT_DATA_DIR": f"{run.data_dir}/{run.group}",
    }
    return [Program(python("benchmarks.idiomatic_faust", "worker", "--without-web", "-l", "error"), settings)]


def streams(commit_ms: int = 100, linger_ms: int = 50, *, name: str = "streams") -> Contestant:
    """Return the Kafka Streams topology; the defaults are the best for its rate (docs/benchmarks.md has others)."""

    def programs(run: Run) -> list[Program]:
        guarantee = {"effectively_once": "exactly_once_v2", "at_least_once": "at_least_once"}[run.guarantee]
        java = ["java", "-Xms512m", "-Xmx2g", "-XX:+UseParallelGC", "-cp", maven.class_path(STREAMS), "FanOut"]
        how = [guarantee, f"{run.data_dir}/{run.group}", str(STREAMS_THREADS), str(commit_ms), str(linger_ms)]
        what = [WORKSPACE_EVENTS.name, run.subjects, ",".join(TYPES), ",".join(run.sinks)]
        return [Program([*java, run.bootstrap, run.group, *how, *what])]

    return Contestant(
        name,
        f"Kafka Streams 4.3.1, {STREAMS_THREADS} threads",
        programs,
        warm_up=1.5,  # its compiler needs some seconds
        why_not=lambda: maven.why_not(STREAMS),
    )


REFERENCES = (
    Contestant("bare", "bare aiokafka loop", _bare),
    Contestant("confluent", "confluent-kafka loop (librdkafka)", _confluent),
    streams(),
    Contestant("faust", "idiomatic Faust", _faust, guarantees=("at_least_once",), most_outputs=15_000),
)

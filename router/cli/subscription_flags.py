"""The flags of `event-subscription create` and `update`, az's own (§9.1), declared once."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

import typer

from router.cli.arguments import Spelling

WHAT: Final = "Which events"
WHERE_TO: Final = "Where they go"
HOW: Final = "How they are delivered"

SPELLING: Final = Spelling(
    spread=frozenset({"--included-event-types", "--labels"}),
    packed=frozenset({"--advanced-filter", "--delivery-attribute-mapping"}),
    optional=frozenset({"--subject-case-sensitive", "--enable-advanced-filtering-on-arrays", "--enable-af-arr"}),
)


class EndpointType(StrEnum):
    """What `--endpoint` names."""

    webhook = "webhook"
    eventhub = "eventhub"
    topic = "topic"


class DeliverySchema(StrEnum):
    """The schema in which events are delivered."""

    eventgridschema = "eventgridschema"
    cloudeventschemav1_0 = "cloudeventschemav1_0"
    custominputschema = "custominputschema"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFlags:
    """What was given on the command line; None means not given. Packed flags hold JSON lists of words."""

    endpoint: Annotated[
        str | None,
        typer.Option(
            "--endpoint",
            metavar="URL|NAME|ID",
            help="Where the events go: a webhook's URL, a topic's name, or an event hub's resource id.",
            rich_help_panel=WHERE_TO,
        ),
    ] = None
    endpoint_type: Annotated[
        EndpointType,
        typer.Option(
            "--endpoint-type",
            case_sensitive=False,
            help="What --endpoint names. `topic` means the Kafka topic subscriber.NAME.",
            rich_help_panel=WHERE_TO,
        ),
    ] = EndpointType.webhook
    included_event_types: Annotated[
        list[str] | None,
        typer.Option(
            "--included-event-types",
            metavar="TYPE…",
            help="Event types, separated by spaces; all of the source's own unless given. `All` is every type.",
            rich_help_panel=WHAT,
        ),
    ] = None
    subject_begins_with: Annotated[
        str | None,
        typer.Option(
            "--subject-begins-with",
            metavar="TEXT",
            help="What the subject must begin with, such as models/mymodel. No wildcards.",
            rich_help_panel=WHAT,
        ),
    ] = None
    subject_ends_with: Annotated[
        str | None,
        typer.Option(
            "--subject-ends-with",
            metavar="TEXT",
            help="What the subject must end with. No wildcards.",
            rich_help_panel=WHAT,
        ),
    ] = None
    subject_case_sensitive: Annotated[
        str | None,
        typer.Option(
            "--subject-case-sensitive",
            metavar="[true|false]",
            help="Whether the two subject conditions heed upper and lower case; false unless given.",
            rich_help_panel=WHAT,
        ),
    ] = None
    advanced_filter: Annotated[
        list[str] | None,
        typer.Option(
            "--advanced-filter",
            metavar="KEY OPERATOR VALUE…",
            help="A condition on any field, such as data.runTags.team StringIn vision speech. May be given several "
            "times; all must hold. Ranges are LOW,HIGH; IsNull… and IsNotNull take no value.",
            rich_help_panel=WHAT,
        ),
    ] = None
    enable_advanced_filtering_on_arrays: Annotated[
        str | None,
        typer.Option(
            "--enable-advanced-filtering-on-arrays",
            "--enable-af-arr",
            metavar="[true|false]",
            help="Whether advanced filters look into arrays; false unless given.",
            rich_help_panel=WHAT,
        ),
    ] = None
    event_delivery_schema: Annotated[
        DeliverySchema | None,
        typer.Option(
            "--event-delivery-schema",
            case_sensitive=False,
            help="Schema in which events arrive; as published unless given.",
            rich_help_panel=HOW,
        ),
    ] = None
    max_delivery_attempts: Annotated[
        int | None,
        typer.Option(
            "--max-delivery-attempts",
            min=1,
            max=30,
            metavar="N",
            help="Attempts before an event becomes a dead letter; 30 unless given.",
            rich_help_panel=HOW,
        ),
    ] = None
    event_ttl: Annotated[
        int | None,
        typer.Option(
            "--event-ttl",
            min=1,
            max=1440,
            metavar="MINUTES",
            help="Minutes for which an event is tried; 1440 unless given.",
            rich_help_panel=HOW,
        ),
    ] = None
    max_events_per_batch: Annotated[
        int | None,
        typer.Option(
            "--max-events-per-batch",
            min=1,
            max=5000,
            metavar="N",
            help="Most events in one request to a webhook; 1 unless given.",
            rich_help_panel=HOW,
        ),
    ] = None
    preferred_batch_size_in_kilobytes: Annotated[
        int | None,
        typer.Option(
            "--preferred-batch-size-in-kilobytes",
            min=1,
            max=1024,
            metavar="N",
            help="Size of a request to a webhook that a batch should not exceed; 64 unless given.",
            rich_help_panel=HOW,
        ),
    ] = None
    delivery_attribute_mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--delivery-attribute-mapping",
            metavar="NAME static VALUE [true|false] | NAME dynamic FIELD",
            help="A header added to each request: a fixed value (true: keep it secret) or a field of the event. "
            "May be given several times.",
            rich_help_panel=HOW,
        ),
    ] = None
    deadletter_endpoint: Annotated[
        str | None,
        typer.Option(
            "--deadletter-endpoint",
            metavar="ID",
            help="Resource id of a blob container for dead letters, beside the topic router.dead-letters.",
            rich_help_panel=HOW,
        ),
    ] = None
    expiration_date: Annotated[
        str | None,
        typer.Option(
            "--expiration-date",
            metavar="DATE",
            help="When the subscription ends: an ISO 8601 date or datetime, UTC unless it says otherwise.",
        ),
    ] = None
    labels: Annotated[
        list[str] | None,
        typer.Option("--labels", metavar="LABEL…", help="Words to find it by, separated by spaces."),
    ] = None

"""The words of `az eventgrid event-subscription` for a webhook: every flag, and an update of many."""

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/local"
HUBS = f"{GROUP}/providers/Microsoft.EventHub/namespaces/local/eventhubs"
STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/sa1"
ML = "Microsoft.MachineLearningServices"

EVERY_OPERATOR = {
    "NumberIn": ("data.n", "5", "6"),
    "NumberNotIn": ("data.n", "7"),
    "NumberLessThan": ("data.n", "6"),
    "NumberLessThanOrEquals": ("data.n", "5"),
    "NumberGreaterThan": ("data.n", "4"),
    "NumberGreaterThanOrEquals": ("data.n", "5"),
    "NumberInRange": ("data.n", "1,9"),
    "NumberNotInRange": ("data.n", "10,20", "30,40"),
    "BoolEquals": ("data.flag", "true"),
    "StringIn": ("data.text", "abc", "x"),
    "StringNotIn": ("data.text", "x"),
    "StringBeginsWith": ("data.text", "a"),
    "StringNotBeginsWith": ("data.text", "b"),
    "StringEndsWith": ("data.text", "c"),
    "StringNotEndsWith": ("data.text", "d"),
    "StringContains": ("data.text", "b"),
    "StringNotContains": ("data.text", "z"),
    "IsNullOrUndefined": ("data.none",),
    "IsNotNull": ("data.n",),
}
ADVANCED = [
    word
    for operator, (key, *values) in EVERY_OPERATOR.items()
    for word in ("--advanced-filter", key, operator, *values)
]


def every_flag(endpoint: str) -> tuple[str, ...]:
    """What `create` takes for a webhook."""
    return (
        "--endpoint-type", "webhook", "--endpoint", endpoint,
        "--included-event-types", f"{ML}.ModelRegistered", f"{ML}.RunCompleted",
        "--subject-begins-with", "models/", "--subject-ends-with", ":1", "--subject-case-sensitive", "true",
        *ADVANCED, "--enable-advanced-filtering-on-arrays", "true",
        "--max-delivery-attempts", "5", "--event-ttl", "60",
        "--max-events-per-batch", "10", "--preferred-batch-size-in-kilobytes", "128",
        "--event-delivery-schema", "eventgridschema",
        "--deadletter-endpoint", f"{STORAGE}/blobServices/default/containers/dead",
        "--labels", "nightly", "team-a", "--expiration-date", "2099-01-01",
        "--delivery-attribute-mapping", "x-key", "static", "hush", "true",
        "--delivery-attribute-mapping", "x-team", "static", "contoso",
        "--delivery-attribute-mapping", "x-text", "dynamic", "data.text",
    )  # fmt: skip


def other_values(endpoint: str) -> tuple[str, ...]:
    """What `update` takes for a webhook, with other values; batches, retries and the expiration are not given."""
    return (
        "--endpoint-type", "webhook", "--endpoint", endpoint,
        "--included-event-types", f"{ML}.ModelDeployed",
        "--subject-begins-with", "endpoints/", "--subject-ends-with", "x",
        "--advanced-filter", "data.n", "NumberIn", "1", "--enable-advanced-filtering-on-arrays", "false",
        "--labels", "daily", "--deadletter-endpoint", f"{STORAGE}/blobServices/default/containers/later",
        "--delivery-attribute-mapping", "x-new", "static", "value",
    )  # fmt: skip

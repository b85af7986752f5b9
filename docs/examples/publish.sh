#!/bin/sh
# The publisher of compose.yaml's demo profile: a topic and a webhook subscription, then every recorded event.
set -eu
router event-subscription create --name demo-topic --endpoint-type topic --endpoint demo
router event-subscription create --name demo-webhook --endpoint http://receiver:9000/hook
python -c '
from topics.samples import sample_events
print("\n".join(e.decode() for schema in ("EventGridSchema", "CloudEventSchemaV1_0") for e in sample_events(schema)))
' | router publish -
router consume demo --from-beginning --max 10

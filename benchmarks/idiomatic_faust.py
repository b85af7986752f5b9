"""A reference of the fan-out benchmark: Faust as its tutorial has it, an agent that sends each event on.

The environment says what it needs: FANOUT_BOOTSTRAP, FANOUT_GROUP, FANOUT_SINKS (separated by commas), FANOUT_DATA_DIR.
Run it as `python -m benchmarks.idiomatic_faust worker --without-web`. There is no exactly-once variant: what Faust
offers under that name crashes at the start.
"""

import os

import faust

from benchmarks.sink_rules import SinkRules
from topics import WORKSPACE_EVENTS

app = faust.App(
    os.environ["FANOUT_GROUP"],
    broker=f"kafka://{os.environ['FANOUT_BOOTSTRAP']}",
    datadir=os.environ["FANOUT_DATA_DIR"],
    value_serializer="json",
    # Committed four times a second instead of every 2.8 s, so that its progress can be measured.
    broker_commit_interval=0.25,
)
events = app.topic(WORKSPACE_EVENTS.name, key_type=bytes, key_serializer="raw")
sinks = {name: app.topic(name, key_type=bytes, key_serializer="raw") for name in os.environ["FANOUT_SINKS"].split(",")}
rules = SinkRules(sinks)


@app.agent(events)
async def route(stream):
    """Send each event to the sinks that want it."""
    async for key, event in stream.items():
        for sink in rules.wanting(event["eventType"], event["subject"]):
            await sinks[sink].send(key=key, value=event)


if __name__ == "__main__":
    app.main()

// Reads raw requests, as a webhook got them, with the libraries that a receiver in Node would take.
import { EventGridDeserializer } from "@azure/eventgrid";
import { HTTP } from "cloudevents";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";

const requests = JSON.parse(process.env.REQUESTS);
const wrong = process.env.WRONG_SECRET;
const eventGrid = new EventGridDeserializer();

const verified = ({ headers, body, secrets }, Webhook) => {
  const verify = (secret, text) => {
    try {
      new Webhook(secret).verify(text, headers);
      return true;
    } catch {
      return false;
    }
  };
  return [...secrets.map((secret) => verify(secret, body)), verify(wrong, body), verify(secrets[0], body + " ")];
};

const shown = (event) => ({
  id: event.id, source: event.source, type: event.type, subject: event.subject, data: event.data,
  time: new Date(event.time).toISOString(), extension: event.extensionAttributes?.mine ?? event.mine,
});

const found = {};
for (const [name, request] of Object.entries(requests)) {
  const { headers, body } = request;
  const cloud = headers["content-type"].includes("cloudevents");
  found[name] = {
    standard: verified(request, StandardWebhook),
    svix: verified(request, SvixWebhook),
    azure: cloud
      ? (await eventGrid.deserializeCloudEvents(body)).map(shown)
      : (await eventGrid.deserializeEventGridEvents(body)).map((event) => ({
        id: event.id, topic: event.topic, eventType: event.eventType, subject: event.subject, data: event.data,
        eventTime: event.eventTime.toISOString(), dataVersion: event.dataVersion,
      })),
    cloudevents: cloud ? [HTTP.toEvent({ headers, body })].flat().map(shown) : null,
  };
}
console.log(JSON.stringify(found));

// Publishes with @azure/eventgrid as tests/clients/expected.py says.
import { AzureKeyCredential, AzureSASCredential, EventGridPublisherClient, generateSharedAccessSignature }
  from "@azure/eventgrid";

const { GIVEN_URL, GIVEN_KEY1, GIVEN_KEY2, GIVEN_CLOUDS_KEY, GIVEN_ORDERS_KEY } = process.env;
const workspace = `${GIVEN_URL}/api/events`;
const clouds = `${GIVEN_URL}/topics/clouds/api/events`;
const orders = `${GIVEN_URL}/topics/orders/api/events`;
const soon = new Date(Date.now() + 3600000), past = new Date(Date.now() - 3600000);
const moment = new Date("2030-01-01T00:00:00.123Z");

const client = (address, schema, credential) =>
  new EventGridPublisherClient(address, schema, credential, { allowInsecureConnection: true });
const signed = async (address, key, until) =>
  new AzureSASCredential(await generateSharedAccessSignature(address, new AzureKeyCredential(key), until));

const grid = (way) => [1, 2].map((n) => ({
  id: `node-${way}-grid-${n}`, subject: `models/é:${n}`, eventType: "T", eventTime: moment, dataVersion: "2",
  data: { n, f: 1.5, s: "\u2028\"\\", deep: [{ a: null }] },
}));
const cloud = (way) => [
  {
    id: `node-${way}-cloud-1`, source: "/me", type: "T", subject: "s", time: moment, data: { n: 1 },
    datacontenttype: "application/json", dataschema: "https://x/y", extensionAttributes: { mine: "x" },
  },
  {
    id: `node-${way}-cloud-2`, source: "/me", type: "T", data: new Uint8Array([0, 255]),
    datacontenttype: "application/octet-stream",
  },
];

const ways = {
  key1: new AzureKeyCredential(GIVEN_KEY1),
  key2: new AzureKeyCredential(GIVEN_KEY2),
  sas: await signed(workspace, GIVEN_KEY1, soon),
};
for (const [way, credential] of Object.entries(ways)) {
  await client(workspace, "EventGrid", credential).send(grid(way));
  await client(workspace, "CloudEvent", credential).send(cloud(way));
}
await client(clouds, "CloudEvent", await signed(clouds, GIVEN_CLOUDS_KEY, soon)).send(cloud("clouds"));
const own = { myId: "node-custom-1", kind: "T", about: "orders/é", more: { a: [1, 2.5, null] } };
await client(orders, "Custom", new AzureKeyCredential(GIVEN_ORDERS_KEY)).send([own]);

const errors = [];
for (const [address, credential] of [
  [workspace, new AzureKeyCredential("d3Jvbmc=")],
  [workspace, await signed(workspace, GIVEN_KEY1, past)],
  [clouds, new AzureKeyCredential(GIVEN_CLOUDS_KEY)],
]) {
  try {
    await client(address, "EventGrid", credential).send(grid("refused"));
  } catch (error) {
    errors.push([error.statusCode, error.code]);
  }
}
console.log(JSON.stringify({ errors }));

// Submit an Experiment from Node with amqplib:
//
//     npm ci --ignore-scripts
//     node publish.mjs amqp://guest:guest@localhost/ ../experiment.json

import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { connect } from "amqplib";

const EXCHANGE = "kuttab.events";
const ANSWER_MILLISECONDS = 30_000;

/** The event that asks for this Experiment; the uid is ours to choose and names it for good. */
function created(resource) {
  return {
    specversion: "1.0",
    id: randomUUID(),
    source: "/examples/with_node",
    type: "kuttab.experiment.created.v1",
    time: new Date().toISOString(),
    data: {
      experiment: { name: resource.metadata.name, uid: randomUUID() },
      resource,
    },
  };
}

/** Resolve when the broker has the event in a queue. */
async function publish(url, event) {
  const connection = await connect(url, { timeout: 10_000 });
  connection.on("error", () => {}); // rejects the confirm, too
  try {
    await confirmed(await connection.createConfirmChannel(), event);
  } finally {
    await connection.close();
  }
}

/** Resolve at the broker's confirm; reject where no queue takes the event, or the broker closes or stays silent. */
function confirmed(channel, event) {
  return new Promise((resolve, reject) => {
    const silence = () => reject(new Error("the broker does not answer"));
    const timer = setTimeout(silence, ANSWER_MILLISECONDS);
    const settle = (how) => (value) => {
      clearTimeout(timer);
      how(value);
    };
    channel.on("error", settle(reject));
    channel.on("return", () => settle(reject)(new Error(`no queue takes ${event.type}: start a runner first`)));
    const options = {
      mandatory: true,
      persistent: true,
      contentType: "application/cloudevents+json",
      messageId: event.id,
      type: event.type,
    };
    const body = Buffer.from(JSON.stringify(event));
    channel.publish(EXCHANGE, event.type, body, options, (error) => settle(error ? reject : resolve)(error));
  });
}

const [url, file] = process.argv.slice(2);
try {
  const event = created(JSON.parse(await readFile(file, "utf8")));
  await publish(url, event);
  console.log(`published ${event.type} ${event.id}`);
} catch (error) {
  console.error(`not published: ${error.message || error.code}`);
  process.exitCode = 1;
}

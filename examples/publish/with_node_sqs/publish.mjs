// Submit an Experiment to SQS from Node with AWS's SDK:
//
//     npm ci --ignore-scripts
//     node publish.mjs kuttab- ../experiment.json
//
// The first argument is the deployment's prefix; region, credentials and endpoint come from AWS's own settings.

import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { GetQueueUrlCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

/** The event that asks for this Experiment; the uid is ours to choose and names it for good. */
function created(resource) {
  return {
    specversion: "1.0",
    id: randomUUID(),
    source: "/examples/with_node_sqs",
    type: "kuttab.experiment.created.v1",
    time: new Date().toISOString(),
    data: {
      experiment: { name: resource.metadata.name, uid: randomUUID() },
      resource,
    },
  };
}

/** Resolve when SQS has the event. */
async function publish(prefix, event) {
  const sqs = new SQSClient();
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: `${prefix}experiment-admit` }));
  const MessageBody = JSON.stringify(event);
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageGroupId: "default" }));
}

const [prefix, file] = process.argv.slice(2);
try {
  const event = created(JSON.parse(await readFile(file, "utf8")));
  await publish(prefix, event);
  console.log(`published ${event.type} ${event.id}`);
} catch (error) {
  console.error(`not published: ${error.message || error.name}`);
  process.exitCode = 1;
}

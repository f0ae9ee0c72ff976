#!/bin/sh
# Submit an Experiment with the AWS CLI and a shell:
#
#     examples/publish/with_aws_cli.sh PREFIX NAME FILE [OPTIONS]
#
# PREFIX is the deployment's, NAME the Experiment's metadata.name, FILE the Experiment in JSON. OPTIONS go to the AWS CLI,
# such as --region or --endpoint-url; the rest comes from its own settings.
set -eu
prefix=$1 name=$2 file=$3
shift 3

new_id() { cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen | tr A-Z a-z; }

id=$(new_id)
# The uid is ours to choose and names the Experiment for good.
event=$(cat <<END
{"specversion": "1.0", "id": "$id", "source": "/examples/with_aws_cli", "type": "kuttab.experiment.created.v1",
 "data": {"experiment": {"name": "$name", "uid": "$(new_id)"}, "resource": $(cat "$file")}}
END
)
queue=$(aws sqs get-queue-url --queue-name "${prefix}experiment-admit" --query QueueUrl --output text "$@")
aws sqs send-message --queue-url "$queue" --message-group-id default --message-body "$event" "$@" >/dev/null
echo "published kuttab.experiment.created.v1 $id"

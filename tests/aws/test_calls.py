"""The comparison of calls with roles has teeth: a right elsewhere, or for something else, is none."""

import pytest

from tests.aws.calls import Call, Statement, refused, resources_of

QUEUE = "arn:aws:sqs:us-east-1:123456789012:kuttab-trial-settle"
JOB = "arn:aws:batch:us-east-1:123456789012:job"


def _allow(action: str | list[str], resource: str | list[str]) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


@pytest.mark.parametrize(
    ("statement", "call", "is_allowed"),
    [
        (_allow("sqs:SendMessage", QUEUE), Call("sqs:sendmessage", QUEUE), True),
        (_allow(["sqs:ReceiveMessage", "sqs:SendMessage"], ["arn:else", QUEUE]), Call("sqs:sendmessage", QUEUE), True),
        (_allow("sqs:SendMessage", QUEUE), Call("sqs:sendmessage", f"{QUEUE}-dead"), False),
        (_allow("sqs:ReceiveMessage", QUEUE), Call("sqs:sendmessage", QUEUE), False),
        (_allow("batch:TerminateJob", f"{JOB}/*"), Call("batch:terminatejob", f"{JOB}/1"), True),
        (_allow("batch:ListJobs", "*"), Call("batch:listjobs", "*"), True),
        (_allow("batch:ListJobs", f"{JOB}/*"), Call("batch:listjobs", "*"), False),
    ],
)
def test_a_call_is_allowed_where_one_statement_has_action_and_resource(
    statement: Statement, call: Call, *, is_allowed: bool
) -> None:
    assert refused([statement], [call]) == (set() if is_allowed else {call})


def test_two_statements_do_not_make_one_right() -> None:
    statements = [_allow("sqs:SendMessage", "arn:else"), _allow("sqs:ReceiveMessage", QUEUE)]

    assert refused(statements, [Call("sqs:sendmessage", QUEUE)])


def test_a_submission_needs_the_right_to_its_queue_and_to_its_definition() -> None:
    found = resources_of("batch:submitjob", {"jobName": "a", "jobQueue": "gpu", "jobDefinition": "train:3"})

    start = "arn:aws:batch:us-east-1:123456789012"
    assert found == [f"{start}:job-queue/gpu", f"{start}:job-definition/train:3"]


def test_a_queues_url_names_the_queue() -> None:
    assert resources_of("sqs:sendmessage", {"QueueUrl": "http://127.0.0.1:5000/123456789012/kuttab-trial-settle"}) == [
        QUEUE
    ]

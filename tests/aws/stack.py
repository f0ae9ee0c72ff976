"""The transformed template in moto's CloudFormation, driven as AWS would drive it: pollers, rules and sandboxes."""

import asyncio
import contextlib
import io
import json
import threading
import zipfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

from moto.cloudformation import parsing

from infra.broker.sqs_address import read_sqs_address
from infra.broker.sqs_link import SQSLink
from infra.broker.sqs_source import Mapping as SourceMapping
from infra.broker.sqs_source import SQSEventSource
from tests.aws.api import a_request
from tests.aws.calls import Statement, statements_of
from tests.aws.lambda_process import LambdaProcess
from tests.aws.template import Resource, layers_of, of_type, targets_of, transform
from tests.services.moto_batch import BatchServer

UNKNOWN_TO_MOTO = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::RDS::DBProxy",
    "AWS::RDS::DBProxyTargetGroup",
    "AWS::SQS::QueuePolicy",
}
"""Resource types that moto's CloudFormation lacks; they are left out of the deployment."""
SCHEDULE = "ScheduleExpression"
STATES_TOLD = {"RUNNING", "SUCCEEDED", "FAILED"}
_LOOK_SECONDS = 0.2


class Stack:
    """A deployed stack: what CloudFormation made of the template, by the template's own names."""

    def __init__(
        self, server: BatchServer, name: str, resources: Mapping[str, Resource], code: Mapping[str, Any]
    ) -> None:
        """`code` maps a function's name to the folders that it boots from."""
        self._server = server
        self.name = name
        self.resources = resources
        self._code = code
        self._sandboxes: dict[str, LambdaProcess] = {}
        self._lock = threading.Lock()
        self.url = f"sqs://?region=us-east-1&prefix={name}-&endpoint={server.endpoint}&wait=2"

    def invoke(self, function: str, payload: Mapping[str, Any]) -> Any:
        """Call a function in its sandbox, which is booted at the first call."""
        with self._lock:
            if function not in self._sandboxes:
                self._sandboxes[function] = self._boot(function)
        return self._sandboxes[function].invoke(payload)

    def ask(self, method: str, path: str, body: str = "") -> Any:
        """Call the HTTP API as API Gateway does."""
        return self.invoke("ApiFunction", a_request(method, path, body))

    def statements_of(self, function: str) -> list[Statement]:
        """Return what the function's role allows."""
        role = self._deployed(function)["Role"].rpartition("/")[2]
        own = self.resources[next(targets_of(self.resources[function]["Properties"]["Role"]))]["Properties"]
        managed = {f"{self.name}-{name}" for name in targets_of(own["ManagedPolicyArns"])}
        return statements_of(self._server.client("iam"), role, managed)

    def _deployed(self, function: str) -> dict[str, Any]:
        handler = self.resources[function]["Properties"]["Handler"]
        deployed = self._server.client("lambda").get_paginator("list_functions").paginate().search("Functions[]")
        found: dict[str, Any] = next(it for it in deployed if it["Handler"] == handler)
        return found

    def _boot(self, function: str) -> LambdaProcess:
        found = self._deployed(function)
        own = {"AWS_ACCESS_KEY_ID": function}  # moto takes any: by this one its calls are known
        environment = {**found["Environment"]["Variables"], **self._server.environment, **own}
        return LambdaProcess(found["Handler"], self._code[function], environment, timeout_seconds=found["Timeout"])

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[Mapping[str, SQSEventSource]]:
        """Poll every mapped queue as Lambda does, and tell of jobs as EventBridge does; yield the pollers by queue."""
        link = SQSLink(read_sqs_address(self.url))
        sources: dict[str, SQSEventSource] = {}
        for mapping in of_type(self.resources, "AWS::Lambda::EventSourceMapping").values():
            queue = next(targets_of(mapping["EventSourceArn"]))
            name = self.resources[queue]["Properties"]["QueueName"]["Fn::Sub"].replace("${AWS::StackName}", self.name)
            sources[name.removeprefix(f"{self.name}-")] = self._source(link, name, mapping)
        async with asyncio.TaskGroup() as tasks:
            for source in sources.values():
                tasks.create_task(source.run())
            telling = tasks.create_task(self._tell_of_jobs())
            try:
                yield sources
            finally:
                telling.cancel()
                for source in sources.values():
                    source.stop()
        link.close()

    def _source(self, link: SQSLink, name: str, mapping: Resource) -> SQSEventSource:
        function = mapping["FunctionName"]["Ref"]
        read = SourceMapping(
            batch_count=mapping["BatchSize"],
            window_seconds=mapping.get("MaximumBatchingWindowInSeconds", 0),
            reports_failures=mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"],
            concurrency=mapping["ScalingConfig"]["MaximumConcurrency"],
            timeout_seconds=self.resources[function]["Properties"]["Timeout"],
        )
        return SQSEventSource(link, name, lambda payload: self.invoke(function, payload), read)

    async def _tell_of_jobs(self) -> None:
        """Put EventBridge's event for each new state of a job: moto's Batch does not."""
        told: dict[str, str] = {}
        while True:
            await asyncio.to_thread(self._tell, told)
            await asyncio.sleep(_LOOK_SECONDS)

    def _tell(self, told: dict[str, str]) -> None:
        batch, events = self._server.client("batch"), self._server.client("events")
        queues = [it["jobQueueName"] for it in batch.describe_job_queues()["jobQueues"]]
        listed = [
            job["jobId"]
            for queue in queues
            for state in STATES_TOLD
            for job in batch.list_jobs(jobQueue=queue, jobStatus=state)["jobSummaryList"]
        ]
        for job in batch.describe_jobs(jobs=listed)["jobs"] if listed else []:
            if told.get(job["jobId"]) != job["status"]:
                told[job["jobId"]] = job["status"]
                detail = json.dumps(job, default=str)
                entry = {"Source": "aws.batch", "DetailType": "Batch Job State Change", "Detail": detail}
                events.put_events(Entries=[entry])

    def close(self) -> None:
        """End every sandbox."""
        for sandbox in self._sandboxes.values():
            sandbox.close()


def fit_to_moto(resources: dict[str, Resource]) -> set[str]:
    """Leave out what moto cannot do, in place, and return the places.

    moto's mappings swallow messages; its rules do not look into lists of objects, and one with a schedule takes every
    event that there is.
    """
    left_out = {name for name, it in resources.items() if it["Type"] in UNKNOWN_TO_MOTO}
    left_out |= {name for name, it in of_type(resources, "AWS::Events::Rule").items() if SCHEDULE in it}
    left_out |= of_type(resources, "AWS::Lambda::Permission").keys()  # each is of a resource that is left out
    for name in left_out:
        del resources[name]
    for name, mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").items():
        mapping["Enabled"] = False
        left_out.add(f"{name}.Enabled")
    for name, rule in of_type(resources, "AWS::Events::Rule").items():
        if rule["EventPattern"]["detail"].pop("container", None):
            left_out.add(f"{name}.EventPattern.detail.container")
    return left_out


def deploy(server: BatchServer, name: str, build: Path, bootstrap: Path, **parameters: str) -> Stack:
    """Deploy the transformed template, as far as moto goes."""
    template = transform()
    _upload(server, template["Resources"])
    resources: dict[str, Resource] = template["Resources"]
    left_out = fit_to_moto(resources)
    template["Outputs"] = {key: it for key, it in template["Outputs"].items() if not left_out & {*targets_of(it)}}
    cloudformation = server.client("cloudformation")
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    body = json.dumps(template)
    with _no_values_left_out():
        about = {"Parameters": given, "Capabilities": ["CAPABILITY_IAM"]}
        cloudformation.create_stack(StackName=name, TemplateBody=body, **about)
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    return Stack(server, name, resources, _code(resources, build, bootstrap))


@contextlib.contextmanager
def _no_values_left_out() -> Iterator[None]:
    """Let moto leave what is AWS::NoValue out of lists, as CloudFormation does."""
    original = parsing.clean_json

    def clean(value: Any, resources: Any) -> Any:
        found = original(value, resources)
        return [it for it in found if it is not None] if isinstance(value, list) else found

    parsing.clean_json = clean
    try:
        yield
    finally:
        parsing.clean_json = original


def _upload(server: BatchServer, resources: Mapping[str, Resource]) -> None:
    """Put an archive where CloudFormation is told that each code and layer lies; the sandboxes boot from the build."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("empty", "")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="code")  # in this region no error where it is there already
    functions = of_type(resources, "AWS::Lambda::Function").values()
    layers = of_type(resources, "AWS::Lambda::LayerVersion").values()
    for key in [*(it["Code"]["S3Key"] for it in functions), *(it["Content"]["S3Key"] for it in layers)]:
        s3.put_object(Bucket="code", Key=key, Body=archive.getvalue())


def _code(resources: Mapping[str, Resource], build: Path, bootstrap: Path) -> dict[str, list[Path]]:
    return {
        name: [build / name, *(build / it / "python" for it in layers_of(function)), bootstrap]
        for name, function in of_type(resources, "AWS::Lambda::Function").items()
    }

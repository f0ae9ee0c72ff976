"""template.yaml as CloudFormation gets it: transformed by AWS's own translator, without an account."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from functions.catalog import EXTERNAL_QUEUE, SUBSCRIPTIONS
from infra.broker.topology import catalogue_queues

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
REGION = "us-east-1"
MANAGED = "arn:aws:iam::aws:policy/service-role"

Resource = dict[str, Any]


@cache
def source() -> dict[str, Any]:
    """Return template.yaml as it is."""
    found: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
    return found


def transform(**parameters: str) -> Resource:
    """Return plain CloudFormation for these parameters, with the code in a bucket."""
    template: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
    for name, resource in template["Resources"].items():
        resource.pop("Metadata" if resource["Type"].startswith("AWS::Serverless::") else "", None)
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = _place(name)
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = _place(name)
    template["Globals"]["Function"].pop("CodeUri")
    policies = {
        name: f"{MANAGED}/{name}" for name in ("AWSLambdaBasicExecutionRole", "AWSLambdaVPCAccessExecutionRole")
    }
    session = boto3.Session(region_name=REGION)
    translator = Translator(managed_policy_map=policies, sam_parser=Parser(), boto_session=session)
    found: Resource = translator.translate(sam_template=template, parameter_values=parameters)
    return found


def _place(name: str) -> dict[str, str]:
    return {"Bucket": "code", "Key": name}


def of_type(resources: Mapping[str, Resource], kind: str) -> dict[str, Resource]:
    """Return the properties of the resources of this type, by their names."""
    return {name: it.get("Properties", {}) for name, it in resources.items() if it["Type"] == kind}


def catalogue_names() -> dict[str, str]:
    """Return the queues that the template must have, and the function that handles each; nobody is the empty name."""
    by_queue = {it.queue: it.function for it in SUBSCRIPTIONS}
    launch = by_queue["trial-launch"]
    functions = {queue: by_queue.get(queue, launch) for queue in catalogue_queues()}
    return functions | {EXTERNAL_QUEUE: ""}


def targets_of(value: object) -> Iterator[str]:
    """Yield the names of the resources that a value refers to by Ref or Fn::GetAtt."""
    if isinstance(value, dict):
        if isinstance(name := value.get("Ref"), str):
            yield name
        if attribute := value.get("Fn::GetAtt"):
            yield attribute[0] if isinstance(attribute, list) else attribute.partition(".")[0]
        for part in value.values():
            yield from targets_of(part)
    elif isinstance(value, list):
        for part in value:
            yield from targets_of(part)


def layers_of(function: Resource) -> list[str]:
    """Return the names of our layers that the function has: the translator adds a hash of their content."""
    return [name[:-10] for name in targets_of(function["Layers"]) if name[:-10].endswith("Layer")]

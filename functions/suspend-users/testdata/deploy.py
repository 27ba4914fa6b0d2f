"""Creates template.yaml as a stack in moto: deploy.py TEMPLATE STACK PARAMETERS, the parameters as a JSON object.

The template is transformed as CloudFormation would do it, by AWS's own translator. Of the result, moto gets what it can make,
and the subscription by a call of its own. Prints the outputs of the stack and the environment of the function."""

import io
import json
import sys
import zipfile

import boto3
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

IN_MOTO = {
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::SQS::Queue",
}


class NoManagedPolicies:
    def load(self):
        return {}


def needs(value, names):
    """Whether a value refers to one of the names."""
    text = json.dumps(value)
    return any(f'"{name}"' in text or "${%s" % name in text or f'"{name}.' in text for name in names)


def main(path, stack, parameters):
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file)
    template["Resources"]["Function"]["Properties"]["CodeUri"] = "s3://code/bootstrap.zip"
    template = transform(template, parameters, NoManagedPolicies())

    resources = template["Resources"]
    left_out = {name for name, resource in resources.items() if resource["Type"] not in IN_MOTO}
    more = True
    while more:
        more = {name for name in resources.keys() - left_out if needs(resources[name], left_out)}
        left_out |= more
    template["Resources"] = {name: resources[name] for name in resources.keys() - left_out}
    template["Outputs"] = {name: output for name, output in template["Outputs"].items() if not needs(output["Value"], left_out)}
    del template["Outputs"]["RuleName"]  # Moto's rules do not have the attribute.
    print("not in moto:", *sorted(left_out), file=sys.stderr)

    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("bootstrap", "moto does not run it")
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="bootstrap.zip", Body=code.getvalue())

    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    created = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    if created["StackStatus"] != "CREATE_COMPLETE":
        sys.exit(f"the stack is {created['StackStatus']}")
    outputs = {output["OutputKey"]: output["OutputValue"] for output in created["Outputs"]}
    if parameters.get("RequestsTopicArn"):
        subscription = resources["RequestsSubscription"]["Properties"]
        boto3.client("sns").subscribe(
            TopicArn=parameters["RequestsTopicArn"], Protocol=subscription["Protocol"], Endpoint=outputs["SourceQueueArn"]
        )
    function = boto3.client("lambda").get_function_configuration(FunctionName=outputs["FunctionName"])
    print(json.dumps({"outputs": outputs, "environment": function["Environment"]["Variables"]}))


main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))

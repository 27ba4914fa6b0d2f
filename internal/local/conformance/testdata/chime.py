"""Make calls to Amazon Chime with boto3: one in JSON on each line of standard input, its answer in JSON on a line of
standard output."""

import json
import sys

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

signing = boto3.client("chime", endpoint_url=sys.argv[1])
unsigned = boto3.client("chime", endpoint_url=sys.argv[1], config=Config(signature_version=UNSIGNED))


def call(client, operation, arguments, page_size):
    if page_size:
        pages = client.get_paginator(operation).paginate(**arguments, PaginationConfig={"PageSize": page_size})
        return pages.build_full_result()
    output = getattr(client, operation)(**arguments)
    del output["ResponseMetadata"]
    return output


for line in sys.stdin:
    wanted = json.loads(line)
    client = unsigned if wanted["unsigned"] else signing
    try:
        answer = {"output": call(client, wanted["operation"].replace("-", "_"), wanted["input"], wanted["pageSize"])}
    except ClientError as error:
        answer = {
            "exception": error.response["Error"]["Code"],
            "message": error.response["Error"]["Message"],
            "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
            "class": type(error).__name__,
            "code": error.response.get("Code", ""),
        }
    print(json.dumps(answer), flush=True)

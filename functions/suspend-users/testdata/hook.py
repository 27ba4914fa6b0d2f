"""Runs the code of a Lambda function on standard input as CodeDeploy's hook."""

import sys

code = {}
exec(sys.stdin.read(), code)
code["handler"]({"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "e-1"}, None)

"""`ostler identity` by the program itself, against a server of its own."""

import json

from tests.support.processes import ServerProcess


def test_why_and_who_can_say_which_statement_decides(server: ServerProcess) -> None:
    iam = server.client("iam")
    statement = {"Sid": "Scripts", "Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "*"}
    iam.create_user(UserName="asked")
    iam.put_user_policy(
        UserName="asked",
        PolicyName="own",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )

    allowed = server.ostler("identity", "why", "asked", "ssm:SendCommand")
    refused = server.ostler("identity", "why", "user/asked", "ssm:GetDocument", "arn:aws:ssm:::x")
    listed = server.ostler("-o", "json", "identity", "who-can", "ssm:SendCommand")
    table = server.ostler("identity", "who-can", "ssm:SendCommand")
    wrong = server.ostler("identity", "why", "asked", "ssm:X", "--context", "nonsense")

    assert "user/asked may do ssm:SendCommand." in allowed.stdout
    assert ["policies", "allow", "own", "Scripts", "user/asked"] == (
        allowed.stdout.splitlines()[2].split()
    )
    assert json.dumps(statement) in allowed.stdout
    assert (
        "may not, for nothing allows it, do ssm:GetDocument on arn:aws:ssm:::x." in refused.stdout
    )
    found = {each["Arn"].rpartition("/")[2]: each for each in json.loads(listed.stdout)}
    assert "Scripts" == found["asked"]["StatementId"]
    assert "AdministratorAccess" == found["administrator"]["PolicyName"]
    assert "user/asked" in table.stdout
    assert (2, True) == (wrong.returncode, "nonsense is not KEY=VALUE" in wrong.stderr)

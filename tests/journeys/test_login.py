"""`ostler login`: somebody signs in at a provider, and boto3 goes on with the profile."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
import urllib3

from tests.support.processes import ServerProcess, environment
from tests.support.provider import CLIENT_SECRET, a_provider

TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "ssm.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
}
PEOPLE = [{"sub": "a1", "email": "alice@example.org", "groups": ["operators"]}]


def test_who_signs_in_gets_a_profile_with_keys_for_a_while(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("# mine\n[default]\nregion = eu-west-1\n")
    files = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }
    with a_provider(PEOPLE) as provider:
        settings = {
            "OSTLER_OIDC_ISSUER": provider.issuer,
            "OSTLER_OIDC_CLIENT_ID": "ostler",
            "OSTLER_OIDC_ROLES": "operators=Operator",
            "OSTLER_OUTBOUND_ALLOWED": "127.0.0.0/8",
        }
        server = ServerProcess(tmp_path / "data", settings=settings).start()
        try:
            iam = server.client("iam")
            iam.create_role(RoleName="Operator", AssumeRolePolicyDocument=json.dumps(TRUST))
            told = server.environment
            where = {name: told[name] for name in ("AWS_ENDPOINT_URL", "AWS_CA_BUNDLE")}
            secret = {"OSTLER_OIDC_CLIENT_SECRET": CLIENT_SECRET}
            command = [sys.executable, "-m", "ostler.cli.main", "-o", "json", "login"]
            login = subprocess.Popen(
                [*command, "--no-browser"],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment() | where | files | secret,
            )
            assert login.stderr is not None
            said = login.stderr.readline()
            assert "Open this address" in said, said + login.stderr.read()
            back = provider.sign_in(login.stderr.readline().strip(), "a1")
            wrong = back.replace("state=", "state=x")
            assert urllib3.request("GET", wrong, redirect=False).status == 400
            assert urllib3.request("GET", back, redirect=False).status == 200
            output, error = login.communicate(timeout=60)

            assert 0 == login.returncode, error
            arn = json.loads(output)["Arn"]
            assert arn.endswith("assumed-role/Operator/alice@example.org")
            keys = tmp_path / "credentials"
            assert 0o600 == stat.S_IMODE(keys.stat().st_mode)
            assert (tmp_path / "config").read_text().startswith("# mine\n[default]\n")
            with pytest.MonkeyPatch.context() as patched:
                patched.delenv("AWS_CA_BUNDLE", raising=False)
                for name, value in files.items():
                    patched.setenv(name, value)
                sts = boto3.Session(profile_name="ostler").client("sts")
            assert arn == sts.get_caller_identity()["Arn"]
        finally:
            server.stop()

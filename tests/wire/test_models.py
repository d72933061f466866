"""The models: what is served, and by whom it must be signed."""

import subprocess
import sys

import pytest

from ostler.wire import models
from ostler.wire.errors import UnknownOperationException


def test_the_customers_operations_are_all_there():
    """botocore's pin is the API surface: 299 operations; the agents' own, and ours, besides."""
    ours = ("ssm", "appconfig", "ec2messages")
    names = [name for name in models.SERVICES if name.startswith(ours)]
    served = sum(len(models.model(name).operation_names) for name in names)

    assert 299 + 8 + 6 + 2 == served


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SendCommand", "sigv4"),
        ("UpdateInstanceInformation", "sigv4"),
        ("RegisterManagedInstance", "none"),
        ("RequestManagedInstanceRoleToken", "node-key"),
        ("UpdateManagedInstancePublicKey", "node-key"),
    ],
)
def test_who_signs(name, kind):
    assert kind == models.auth_kind(models.operation("ssm", name))


def test_the_data_plane_of_appconfig_signs_as_appconfig():
    assert "appconfig" == models.signing_name("appconfigdata")


def test_the_agents_messages_have_a_target_prefix_of_their_own():
    metadata = models.model("ec2messages").metadata

    assert "EC2WindowsMessageDeliveryService" == metadata["targetPrefix"]


def test_an_operation_that_no_model_has():
    with pytest.raises(UnknownOperationException):
        models.operation("ssm", "MakeCoffee")


def test_every_shape_of_every_operation_resolves():
    for service in models.SERVICES:
        for name in models.model(service).operation_names:
            op = models.operation(service, name)
            seen: set[str] = set()
            for root in (op.input_shape, op.output_shape, *op.error_shapes):
                walk(root, seen)
            assert seen


def walk(shape, seen):
    if shape is None or shape.name in seen:
        return
    seen.add(shape.name)
    match shape.type_name:
        case "structure":
            parts = shape.members.values()
        case "list":
            parts = [shape.member]
        case "map":
            parts = [shape.key, shape.value]
        case _:
            parts = []
    for part in parts:
        walk(part, seen)


def test_what_agents_import_loads_no_botocore():
    """A client of it would cost an agent 44 MB."""
    program = (
        "import sys; from ostler.wire import http, errors, sigv4; print('botocore' in sys.modules)"
    )
    path = ":".join(sys.path)

    told = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": path}, capture_output=True, text=True
    )

    assert "False" == told.stdout.strip()

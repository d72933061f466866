"""Default Host Management Configuration by boto3, on a running server of each engine."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_a_default_role_is_registered_replaced_and_taken_back(ssm: Any) -> None:
    register = ssm.register_default_host_management_configuration
    service = register(PermissionModel="SERVICE_MANAGED")["RoleArn"]
    assert service.endswith(":role/service-role/AWSSystemsManagerDefaultEC2InstanceManagementRole")
    own = f"{service.partition(':role/')[0]}:role/OstlerManagedInstance"

    with pytest.raises(ClientError, match="Set Overwrite to true to replace it"):
        register(PermissionModel="SELF_MANAGED", RoleArn=own)
    replaced = register(PermissionModel="SELF_MANAGED", RoleArn=own, Overwrite=True)
    assert own == replaced["RoleArn"]

    for _ in range(2):
        ssm.deregister_default_host_management_configuration()
    assert service == register(PermissionModel="SERVICE_MANAGED")["RoleArn"]
    ssm.deregister_default_host_management_configuration()

"""The API that agents call, and no SDK for customers has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostler.capabilities.nodes.model.keys import PublicKey
from ostler.capabilities.nodes.service.heartbeats import Heartbeats
from ostler.capabilities.nodes.service.registration import Application, Registration
from ostler.foundation.call import Call
from ostler.foundation.ids import ActivationId, NodeId

if TYPE_CHECKING:
    from ostler.wire.shapes import ssm

_FACTS = {
    "AgentName": "agent_name",
    "AgentStatus": "agent_status",
    "AgentVersion": "agent_version",
    "AvailabilityZone": "availability_zone",
    "AvailabilityZoneId": "availability_zone_id",
    "ComputerName": "computer_name",
    "IPAddress": "ip_address",
    "PlatformName": "platform_name",
    "PlatformType": "platform_type",
    "PlatformVersion": "platform_version",
    "SSMConnectionChannel": "channel",
}


class AgentOperations:
    """Registers machines, gives nodes their credentials and hears their heartbeats."""

    service = "ssm"

    def __init__(self, registration: Registration, heartbeats: Heartbeats) -> None:
        self._registration = registration
        self._heartbeats = heartbeats

    async def register_managed_instance(
        self, call: Call, given: ssm.RegisterManagedInstanceRequest
    ) -> ssm.RegisterManagedInstanceResult:
        application = Application(
            activation=ActivationId(given.get("ActivationId", "")),
            code=given.get("ActivationCode", ""),
            key=PublicKey.read(given["PublicKey"], given.get("PublicKeyType", "Rsa")),
            fingerprint=given["Fingerprint"],
            extras=bool(given.get("IamRole") or given.get("Tags")),
        )
        return {"InstanceId": await self._registration.register(call, application)}

    async def request_managed_instance_role_token(
        self, call: Call, given: ssm.RequestManagedInstanceRoleTokenRequest
    ) -> ssm.RequestManagedInstanceRoleTokenResult:
        renewed = await self._registration.renew(call, given["Fingerprint"])
        # The stock agent reads all five without looking whether they are there.
        return {
            "AccessKeyId": renewed.credentials.access_key,
            "SecretAccessKey": renewed.credentials.secret,
            "SessionToken": renewed.credentials.session_token,
            "TokenExpirationDate": renewed.credentials.expires,
            "UpdateKeyPair": renewed.new_key_due,
        }

    async def update_managed_instance_public_key(
        self, call: Call, given: ssm.UpdateManagedInstancePublicKeyRequest
    ) -> ssm.UpdateManagedInstancePublicKeyResult:
        key = PublicKey.read(given["NewPublicKey"], given["NewPublicKeyType"])
        await self._registration.change_key(call, key)
        return {}

    async def update_instance_information(
        self, call: Call, given: ssm.UpdateInstanceInformationRequest
    ) -> ssm.UpdateInstanceInformationResult:
        heard = {fact: str(given[name]) for name, fact in _FACTS.items() if name in given}  # type: ignore[literal-required]
        await self._heartbeats.hear(call, NodeId(given["InstanceId"]), heard)
        return {}

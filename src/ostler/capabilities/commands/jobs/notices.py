"""Notices: topics are told how commands stand, by the role that the order names."""

import json

import structlog

from ostler.capabilities.commands.events import NotificationDue
from ostler.capabilities.commands.service import SERVICE, Roles
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import ApiError, InternalServerError, ThrottlingException
from ostler.foundation.ids import Ids
from ostler.foundation.invoke import Invoke
from ostler.foundation.storage import Scope

_SESSION = "run-command"

log = structlog.get_logger()


class Notices:
    """Publishes to topics as the role that may."""

    def __init__(self, roles: Roles, invoke: Invoke, clock: Clock, ids: Ids) -> None:
        self._roles = roles
        self._invoke = invoke
        self._clock = clock
        self._ids = ids

    async def publish(self, scope: Scope, due: NotificationDue) -> None:
        """Tell the topic; what is refused is logged, as AWS drops it, too."""
        if not await self._roles.role_exists(scope, due.role, SERVICE):
            log.warning("notification_refused", command_id=due.command, because="role")
            return
        name = due.role.rpartition("/")[2]
        caller = await self._roles.role_caller(scope.account, name, _SESSION)
        call = Call(scope, caller, self._ids.uuid(), "", self._clock.now())
        given = {
            "TopicArn": due.topic,
            "Subject": f"EC2 Run Command Notification {scope.region}",
            "Message": json.dumps(due.message),
        }
        try:
            await self._invoke(call, "sns", "Publish", given)
        except (ThrottlingException, InternalServerError):
            raise  # the listener is told again
        except ApiError as refusal:
            log.warning("notification_refused", command_id=due.command, because=refusal.code)

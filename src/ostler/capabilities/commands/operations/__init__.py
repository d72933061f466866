"""Run Command's part of the API: names on the wire, and nothing else."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ostler.capabilities.commands.operations.answers import Writer
from ostler.capabilities.commands.operations.filters import wanted_commands, wanted_invocations
from ostler.capabilities.commands.operations.orders import order_of
from ostler.capabilities.commands.service import Commands, OutputReader
from ostler.foundation.call import Call
from ostler.foundation.ids import CommandId, NodeId

if TYPE_CHECKING:
    from ostler.wire.shapes import ssm

AWS_OUTPUT_URL = "https://s3.{region}.amazonaws.com"
_PAGE = 50
_PORTION = 256 * 1024


class Operations:
    """SendCommand, CancelCommand and the three that look; GetCommandOutput is our own.

    `output_url` is where clients find buckets, if not where they found this server; `{region}` in
    it is filled in.
    """

    service = "ssm"

    def __init__(self, commands: Commands, reader: OutputReader, *, output_url: str = "") -> None:
        self._commands = commands
        self._reader = reader
        self._output_url = output_url

    async def send_command(
        self, call: Call, given: "ssm.SendCommandRequest"
    ) -> "ssm.SendCommandResult":
        command = await self._commands.send(call, order_of(given))
        return {"Command": self._writer(call).command(command)}

    async def cancel_command(
        self, call: Call, given: "ssm.CancelCommandRequest"
    ) -> "ssm.CancelCommandResult":
        nodes = [NodeId(node) for node in given.get("InstanceIds", [])]
        await self._commands.cancel(call, CommandId(given["CommandId"]), nodes)
        return {}

    async def list_commands(self, call: Call, given: "ssm.ListCommandsRequest") -> Any:
        asked = call.page_request(given, default=_PAGE, most=_PAGE)
        page = await self._commands.list(call, wanted_commands(given), asked)
        return call.paged("Commands", page, self._writer(call).command)

    async def list_command_invocations(
        self, call: Call, given: "ssm.ListCommandInvocationsRequest"
    ) -> Any:
        asked = call.page_request(given, default=_PAGE, most=_PAGE)
        details = given.get("Details", False)
        page = await self._commands.invocations(
            call, wanted_invocations(given), asked, details=details
        )
        writer = self._writer(call)
        return call.paged(
            "CommandInvocations", page, lambda one: writer.invocation(one, details=details)
        )

    async def get_command_invocation(
        self, call: Call, given: "ssm.GetCommandInvocationRequest"
    ) -> Any:
        view = await self._commands.invocation(
            call,
            CommandId(given["CommandId"]),
            NodeId(given["InstanceId"]),
            given.get("PluginName", ""),
        )
        return self._writer(call).result(view)

    async def get_command_output(
        self, call: Call, given: "ssm.GetCommandOutputRequest"
    ) -> "ssm.GetCommandOutputResult":
        portion = await self._reader.read(
            call,
            CommandId(given["CommandId"]),
            NodeId(given["InstanceId"]),
            given.get("PluginName", ""),
            given.get("Stream", "stdout"),
            start=given.get("Offset", 0),
            most=given.get("MaxBytes", _PORTION),
            wait=timedelta(seconds=given.get("WaitSeconds", 0)),
        )
        return {
            "Content": portion.content,
            "Offset": portion.start,
            "NextOffset": portion.end,
            "Finished": portion.finished,
            "Whole": portion.whole,
        }

    def _writer(self, call: Call) -> Writer:
        url = self._output_url or call.endpoint or AWS_OUTPUT_URL
        return Writer(call.region, url.format(region=call.region))

"""A server in memory: it speaks the agents' protocol, checks every signature, and remembers."""

import asyncio
import base64
import itertools
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ostler.agent.network import NetworkFault, ServerRefused
from ostler.foundation.clock import Clock
from ostler.wire import sigv4
from ostler.wire.agent import channels, frames, jobs
from ostler.wire.agent.channels import MessageType, OpenControlChannel
from ostler.wire.agent.frames import Frame
from ostler.wire.agent.jobs import Job, JobAck, JobReply, ReplyAck, ReplyContent, ReplyStatus
from ostler.wire.http import Request, Response

REGION = "eu-test-1"
NODE = "mi-00000000000000001"
LIFE = timedelta(hours=1)


class FakeServer:
    """One server with one node, and everything that node said."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.authority = "server.test:8443"
        self.keys: list[rsa.RSAPublicKey] = []
        """The node's public keys that are good, newest last."""
        self.fingerprints: list[str] = []
        self.any_fingerprint = False
        self.tokens: dict[str, tuple[str, str]] = {}
        self.wants_new_key = False
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.acks: list[JobAck] = []
        self.replies: dict[str, list[tuple[str, ReplyContent]]] = {}
        """By job: the id and content of each reply, in order, repetitions too."""
        self.acknowledges = True
        self.outputs: dict[str, bytes] = {}
        self.ended_outputs: set[str] = set()
        self.keeps_outputs = True
        self.packages: dict[str, dict[str, dict[str, Any]]] = {}
        """Answers to GetDocument, by name and version."""
        self.documents: dict[str, str] = {}
        self.parameters: dict[str, dict[str, str]] = {}
        self.associations: dict[str, dict[str, Any]] = {}
        """By id, as they are listed."""
        self.reports: list[tuple[str, str, str]] = []
        """Of associations: which, its status, and the summary."""
        self.pages: dict[str, Response] = {}
        self.silent: set[str] = set()
        """URLs of servers that never answer."""
        self.objects: dict[str, bytes] = {}
        self.inventory: dict[str, dict[str, Any]] = {}
        """By type: the item as it was told last with its content."""
        self.has_buckets = True
        self.messages: list[Job] = []
        self.down = False
        self.faults: dict[str, list[Response | None]] = {}
        """By operation or path: what to answer instead, once each; None is no answer."""
        self.lines: list[Line] = []
        self.opened = asyncio.Event()
        self.heard = asyncio.Event()
        self._channel_tokens: set[str] = set()
        self._counter = itertools.count(1)

    # What a test does.

    @property
    def line(self) -> "Line":
        return self.lines[-1]

    async def give(self, job: Job) -> UUID:
        """Send a job over the newest channel."""
        return await self.line.give(job)

    def ended(self, job_id: str) -> str | None:
        """How a job ended, if it did."""
        final = [
            content.document_status
            for _, content in self.replies.get(job_id, [])
            if content.document_status not in (ReplyStatus.IN_PROGRESS, "SuccessAndReboot")
        ]
        return final[-1] if final else None

    def steps(self, job_id: str) -> dict[str, jobs.PluginReply]:
        """The newest word on each step."""
        found: dict[str, jobs.PluginReply] = {}
        for _, content in self.replies.get(job_id, []):
            found |= content.runtime_status or {}
        return found

    def called(self, operation: str) -> list[dict[str, Any]]:
        return [given for name, given in self.calls if name == operation]

    # What the agent sees.

    async def send(self, request: Request) -> Response:
        """The answer to a request."""
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2] or request.path
        if self.down:
            raise NetworkFault("the server is down")
        planned = self.faults.get(operation)
        if planned:
            answer = planned.pop(0)
            if answer is None:
                raise NetworkFault("the answer was lost")
            return answer
        return await self._answer(request, operation)

    def _keep_inventory(self, items: list[dict[str, Any]]) -> Response:
        for item in items:
            known = self.inventory.get(item["TypeName"], {}).get("ContentHash")
            if "Content" not in item and item["ContentHash"] != known:
                return _refusal("ItemContentMismatchException", TypeName=item["TypeName"])
        self.inventory |= {item["TypeName"]: item for item in items if "Content" in item}
        return _json({})

    async def open(self, request: Request) -> "Line":
        """The websocket of a control channel."""
        if self.down:
            raise NetworkFault("the server is down")
        if not self._signed(request, "ssmmessages"):
            raise ServerRefused(403)
        assert channels.CONTROL_CHANNEL_QUERY == request.query
        line = Line(self)
        self.lines.append(line)
        return line

    async def fetch(
        self, url: str, headers: Mapping[str, str], take: Callable[[bytes], None]
    ) -> Response:
        parts = urlsplit(url)
        if parts.netloc == self.authority:
            if parts.path.startswith("/v1/agent/"):
                take(self.pages[url].body)
                return Response(200, {}, b"")
            return self._bucket(Request("GET", parts.path, parts.query, {**headers}), take)
        if url in self.silent:
            self.calls.append((url, dict(headers)))
            await asyncio.Event().wait()
        if url not in self.pages:
            raise NetworkFault(f"{parts.netloc} does not answer")
        page = self.pages[url]
        self.calls.append((url, dict(headers)))
        if page.status != 200:
            return page
        take(page.body)
        return Response(page.status, page.headers)

    async def _answer(self, request: Request, operation: str) -> Response:
        if request.path == "/health":
            return _json({"region": REGION})
        if request.path.startswith(channels.CONTROL_CHANNEL):
            return self._channel_token(request)
        if request.path.startswith(channels.OUTPUT):
            return self._output(request)
        if request.method == "PUT":
            assert self._signed(request, "s3")
            self.objects[request.path.removeprefix("/")] = request.body
            return Response(200)
        if request.path.startswith("/v1/agent/"):
            return Response(404, {}, b"There is no such bundle.")
        given = json.loads(request.body)
        self.calls.append((operation, given))
        if operation == "RegisterManagedInstance":
            self.keys.append(public_key(given["PublicKey"]))
            self.fingerprints.append(given["Fingerprint"])
            return _json({"InstanceId": NODE})
        if operation == "RequestManagedInstanceRoleToken":
            return self._role_token(request, given)
        if operation == "UpdateManagedInstancePublicKey":
            if not self._signed_by_node(request):
                return _refusal("InvalidSignatureException")
            self.keys = [public_key(given["NewPublicKey"])]
            self.wants_new_key = False
            return _json({})
        service = "ec2messages" if "EC2Windows" in request.headers["x-amz-target"] else "ssm"
        if not self._signed(request, service):
            return _refusal("UnrecognizedClientException")
        return self._perform(operation, given)

    def _perform(self, operation: str, given: dict[str, Any]) -> Response:
        match operation:
            case "UpdateInstanceInformation" | "AcknowledgeMessage" | "FailMessage":
                return _json({})
            case "GetDocument" if given["Name"] in self.packages:
                version = given.get("VersionName") or max(self.packages[given["Name"]])
                return _json(
                    {
                        "DocumentType": "Package",
                        "VersionName": version,
                        **self.packages[given["Name"]][version],
                    }
                )
            case "GetDocument":
                content = self.documents.get(given["Name"])
                if content is None:
                    return _refusal("InvalidDocument", "There is no such document.")
                return _json({"Name": given["Name"], "Content": content})
            case "PutConfigurePackageResult":
                return _json({})
            case "GetParameter":
                parameter = self.parameters.get(given["Name"])
                if parameter is None:
                    return _refusal("ParameterNotFound")
                return _json({"Parameter": parameter})
            case "PutInventory":
                return self._keep_inventory(given["Items"])
            case "ListInstanceAssociations":
                return _json({"Associations": list(self.associations.values())})
            case "UpdateInstanceAssociationStatus":
                told = given["ExecutionResult"]
                one = given["AssociationId"]
                self.reports.append((one, told["Status"], told["ExecutionSummary"]))
                if one in self.associations:
                    self.associations[one]["DetailedStatus"] = told["Status"]
                return _json({})
            case "GetParameters":
                names = {name.partition(":")[0]: name for name in given["Names"]}
                found = [self.parameters[name] for name in names if name in self.parameters]
                return _json({"Parameters": found})
            case "GetMessages":
                messages = [
                    {"MessageId": job.job_id, "Topic": job.topic, "Payload": job.content}
                    for job in self.messages
                ]
                self.messages = []
                return _json({"Messages": messages})
            case "SendReply":
                self._record(given["MessageId"], given["ReplyId"], given["Payload"])
                return _json({})
        return _refusal("UnknownOperationException")

    def _role_token(self, request: Request, given: dict[str, Any]) -> Response:
        if not self._signed_by_node(request):
            return _refusal("AccessDeniedException")
        if not self.any_fingerprint and given["Fingerprint"] != self.fingerprints[-1]:
            return _refusal("MachineFingerprintDoesNotMatch")
        number = next(self._counter)
        self.tokens[f"ASIA{number}"] = f"secret{number}", f"token{number}"
        return _json(
            {
                "AccessKeyId": f"ASIA{number}",
                "SecretAccessKey": f"secret{number}",
                "SessionToken": f"token{number}",
                "TokenExpirationDate": (self.clock.now() + LIFE).timestamp(),
                "UpdateKeyPair": self.wants_new_key,
            }
        )

    def _channel_token(self, request: Request) -> Response:
        if not self._signed(request, "ssmmessages"):
            return Response(403, {}, channels.refusal("UnrecognizedClientException", "unknown"))
        token = f"channel{next(self._counter)}"
        self._channel_tokens.add(token)
        return Response(201, {}, channels.token_answer(token))

    def _output(self, request: Request) -> Response:
        if not self.keeps_outputs:
            return Response(404)
        assert self._signed(request, "ssmmessages")
        name = unquote(request.path.removeprefix(channels.OUTPUT))
        kept = self.outputs.setdefault(name, b"")
        if request.method == "PUT":
            query = parse_qs(request.query)
            if int(query["offset"][0]) != len(kept):
                return Response(409, {channels.UPLOAD_OFFSET: str(len(kept))})
            assert len(request.body) <= channels.LARGEST_OUTPUT
            self.outputs[name] = kept + request.body
            if query.get("final") == ["true"]:
                self.ended_outputs.add(name)
            self.heard.set()
        return Response(200, {channels.UPLOAD_OFFSET: str(len(self.outputs[name]))})

    def _bucket(self, request: Request, take: Callable[[bytes], None]) -> Response:
        if not self.has_buckets:
            return _refusal("UnknownOperationException")
        headers = {**request.headers, "host": self.authority}
        assert self._signed(
            Request("GET", request.path, request.query, headers, request.body), "s3"
        )
        bucket, _, key = unquote(request.path).lstrip("/").partition("/")
        if not key:
            prefix = parse_qs(request.query).get("prefix", [""])[0]
            names = [name for name in self.objects if name.startswith(f"{bucket}/{prefix}")]
            keys = [f"<Key>{name.partition('/')[2]}</Key>" for name in names]
            take(f"<ListBucketResult>{''.join(keys)}</ListBucketResult>".encode())
            return Response(200)
        if f"{bucket}/{key}" not in self.objects:
            return Response(404, {}, b"<Error><Code>NoSuchKey</Code></Error>")
        take(self.objects[f"{bucket}/{key}"])
        return Response(200)

    def _signed(self, request: Request, service: str) -> bool:
        claim = sigv4.claim_of(request)
        if claim.access_key not in self.tokens:
            return False
        secret, token = self.tokens[claim.access_key]
        key = sigv4.signing_key(secret, claim.date, claim.region, claim.service)
        right = sigv4.signature(key, sigv4.string_to_sign(request, claim))
        assert (service, REGION, token) == (claim.service, claim.region, claim.session_token)
        return right == claim.signature

    def _signed_by_node(self, request: Request) -> bool:
        claim = sigv4.claim_of(request)
        assert ("content-type", "host", "x-amz-date", "x-amz-target") == tuple(
            name for name in claim.signed_headers if name != "user-agent"
        )
        text = sigv4.string_to_sign(request, claim).encode()
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        for key in self.keys[-1:]:
            try:
                key.verify(base64.b64decode(claim.signature), text, pss, hashes.SHA256())
            except InvalidSignature:
                return False
        return claim.access_key == NODE

    # What comes over a channel.

    async def _hear(self, line: "Line", message: str | bytes) -> None:
        if not line.open:
            opening = jobs.decode(message, OpenControlChannel)
            assert opening.token_value in self._channel_tokens
            self._channel_tokens.discard(opening.token_value)
            line.open = True
            self.opened.set()
            return
        assert isinstance(message, bytes)
        frame = frames.decode(message)
        if frame.message_type == MessageType.AGENT_JOB_ACK:
            self.acks.append(jobs.decode(frame.payload, JobAck))
        elif frame.message_type == MessageType.AGENT_JOB_REPLY:
            reply = jobs.decode(frame.payload, JobReply)
            self._record(reply.job_id, str(frame.message_id), reply.content)
            if self.acknowledges:
                await line.acknowledge(reply.job_id, str(frame.message_id))
        self.heard.set()

    def _record(self, job_id: str, message_id: str, content: str) -> None:
        assert len(content.encode()) < jobs.LARGEST_REPLY
        read = jobs.decode(content, ReplyContent)
        self.replies.setdefault(job_id, []).append((message_id, read))
        self.heard.set()


class Line:
    """One websocket, seen from both ends."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self._down: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.open = False
        self.closed = False
        self.answers_pings = True
        self.pings: list[bytes] = []

    async def give(self, job: Job) -> UUID:
        return await self._put(MessageType.AGENT_JOB, jobs.encode(job))

    async def acknowledge(self, job_id: str, message_id: str) -> None:
        await self._put(
            MessageType.AGENT_JOB_REPLY_ACK, jobs.encode(ReplyAck(job_id, message_id.upper()))
        )

    async def put(self, data: bytes) -> None:
        await self._down.put(data)

    def cut(self) -> None:
        """The connection breaks."""
        self.closed = True
        self._down.put_nowait(None)

    async def _put(self, kind: str, payload: bytes) -> UUID:
        message_id = UUID(int=next(self._server._counter))
        await self.put(frames.encode(Frame(kind, message_id, payload, created_ms=1)))
        return message_id

    async def send(self, message: str | bytes) -> None:
        if self.closed:
            raise NetworkFault("the connection is gone")
        await self._server._hear(self, message)

    async def receive(self) -> bytes:
        data = await self._down.get()
        if data is None:
            raise NetworkFault("the connection is gone")
        return data

    async def ping(self, payload: bytes) -> Awaitable[object]:
        self.pings.append(payload)
        pong: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.answers_pings:
            pong.set_result(None)
        return pong

    async def close(self) -> None:
        self.closed = True


def a_job(
    *steps: Mapping[str, Any],
    command: str = "00000000-0000-4000-8000-000000000001",
    parameters: Mapping[str, Any] | None = None,
    declared: Mapping[str, Any] | None = None,
    schema: str = "2.2",
    **content: Any,
) -> Job:
    """A job that runs these steps."""
    document = {
        "schemaVersion": schema,
        "description": "a test's",
        "parameters": dict(declared or {}),
        "mainSteps": list(steps),
    }
    order = {
        "CommandId": command,
        "DocumentName": "Test",
        "DocumentContent": document,
        "Parameters": dict(parameters or {}),
        **content,
    }
    return Job(jobs.job_id(command, NODE), jobs.SEND_COMMAND, json.dumps(order))


def a_step(*lines: str, name: str = "one", **inputs: Any) -> dict[str, Any]:
    """A step that runs these lines."""
    return {
        "action": "aws:runShellScript",
        "name": name,
        "inputs": {"runCommand": list(lines), **inputs},
    }


def a_cancel(job: Job, *, command: str = "00000000-0000-4000-8000-00000000000c") -> Job:
    """A job that ends another."""
    content = json.dumps({"CancelMessageId": job.job_id})
    return Job(jobs.job_id(command, NODE), jobs.CANCEL_COMMAND, content)


def _json(answer: Mapping[str, Any]) -> Response:
    return Response(
        200, {"content-type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()
    )


def _refusal(code: str, message: str = "no", **members: str) -> Response:
    told = {"__type": code, "message": message, **members}
    return Response(400, {}, json.dumps(told).encode())


def public_key(text: str) -> rsa.RSAPublicKey:
    key = load_der_public_key(base64.b64decode(text))
    assert isinstance(key, rsa.RSAPublicKey)
    return key

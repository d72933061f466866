"""Registration: how a machine becomes a node, proves itself and stays one."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from ostler.capabilities.nodes.errors import (
    ActivationExpired,
    InstanceAlreadyRegistered,
    InvalidActivation,
    MachineFingerprintDoesNotMatch,
    PublicKeyAlreadyRegistered,
    RegistrationLimitExceeded,
)
from ostler.capabilities.nodes.events import (
    REGISTERED,
    MachineMismatched,
    NodeRegistered,
    RegistrationRefused,
    announced,
)
from ostler.capabilities.nodes.model.activations import Activation, Refusal
from ostler.capabilities.nodes.model.defaults import DefaultRole
from ostler.capabilities.nodes.model.keys import Lock, PublicKey
from ostler.capabilities.nodes.model.nodes import (
    RESOURCE_TYPE,
    Node,
    new_node_id,
)
from ostler.capabilities.nodes.service.faults import invalid_nodes
from ostler.capabilities.nodes.service.roles import Roles, TemporaryCredentials
from ostler.capabilities.nodes.store import activations as activation_store
from ostler.capabilities.nodes.store import defaults
from ostler.capabilities.nodes.store import nodes as store
from ostler.capabilities.nodes.store.activations import Permit
from ostler.capabilities.tags import Tags
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import AccessDeniedException, ApiError
from ostler.foundation.ids import ActivationId, Ids, NodeId
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Scope, Storage, Transaction

TOKEN_LIFE = timedelta(hours=1)
KEY_LIFE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Application:
    """What a machine shows to become a node.

    `activation` is empty where it names none. `extras` are wishes that only a signed application
    may have: a role, tags of its own.
    """

    activation: ActivationId
    code: str
    key: PublicKey
    fingerprint: str
    extras: bool = False


@dataclass(frozen=True, slots=True)
class Pass:
    """A node's credentials, and whether it shall bring a new key."""

    credentials: TemporaryCredentials
    new_key_due: bool


class Registration:
    """Makes nodes out of machines, and knows them again."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        secrets: Secrets,
        roles: Roles,
        tags: Tags,
        *,
        key_life: timedelta = KEY_LIFE,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._secrets = secrets
        self._roles = roles
        self._tags = tags
        self._key_life = key_life
        # An unknown activation takes as long to refuse as a wrong code.
        self._nobodys_hash = secrets.hash_secret(ids.token())

    async def register(self, call: Call, application: Application) -> NodeId:
        """The id of the new node; the activation's code is the permission, nobody signs this."""
        if not application.activation or application.extras:
            raise AccessDeniedException(
                "A machine registers with the id and the code of an activation, which decides "
                "the node's role and tags."
            )
        permit = await self._permit(application.activation)
        right = self._secrets.same_secret(
            application.code, permit.code_hash if permit else self._nobodys_hash
        )
        if permit is None:
            raise InvalidActivation(_TEXTS[Refusal.WRONG_CODE])
        holder = await self._holder(application.key)
        if right and holder is not None and _repeats(application, holder):
            # The first answer got lost on its way; the machine does not cost a second place.
            return holder.node.id
        scope = Scope(permit.scope.account, permit.scope.region, call.scope.witness)
        node = await self._new_node(permit)

        def enrol(tx: Transaction) -> Refusal | None:
            if not right:
                refusal: Refusal | None = Refusal.WRONG_CODE
            elif holder is not None:
                refusal = Refusal.KEY_IN_USE
            else:
                refusal = self._enrol(tx, node, permit.activation, application)
            if refusal is not None:
                tx.tell(RegistrationRefused(activation=permit.activation.id, because=refusal))
            return refusal

        refusal = await self._storage.write(scope, enrol)
        if refusal is not None:
            raise _ERRORS[refusal](_TEXTS[refusal])
        return node.id

    async def renew(self, call: Call, fingerprint: str) -> Pass:
        """An hour of the node's role, or of the default one, for the machine that registered."""
        node_id = await _itself(call)
        node, lock, default = await self._storage.read(
            call.scope,
            lambda tx: (store.find(tx, node_id), store.lock(tx, node_id), defaults.find(tx)),
        )
        if node is None or lock is None:
            raise invalid_nodes(call, node_id)
        if not hmac.compare_digest(lock.fingerprint, _digest(fingerprint)):
            await self._storage.write(
                call.scope, lambda tx: tx.tell(MachineMismatched(node=node_id))
            )
            raise MachineFingerprintDoesNotMatch(
                f"The key of {node_id} is used on another machine than the one that registered it. "
                "Register this machine anew with an activation of its own."
            )
        role = await self._lendable(call.scope, node.role, default)
        credentials = await self._roles.issue(call.scope, role, node_id, TOKEN_LIFE, node=node_id)
        return Pass(credentials, lock.due(self._clock.now(), self._key_life))

    async def change_key(self, call: Call, key: PublicKey) -> None:
        """From now on only the new key proves the node; the old one did for this call."""
        node = await _itself(call)
        if await self._holder(key) is not None:
            raise PublicKeyAlreadyRegistered("A registered node uses this public key already.")
        changed = await self._storage.write(
            call.scope, partial(store.change_key, node=node, key=key, at=self._clock.now())
        )
        if not changed:
            raise invalid_nodes(call, node)

    async def _lendable(self, scope: Scope, own: str, default: DefaultRole | None) -> str:
        """The node's own role; the default one if only that is there and trusts us."""
        if default is None or await self._roles.role_exists(scope, own):
            return own
        return default.arn if await self._roles.role_exists(scope, default.arn) else own

    async def _permit(self, activation: ActivationId) -> Permit | None:
        return await self._storage.read(
            None, partial(activation_store.permit, activation=activation)
        )

    async def _holder(self, key: PublicKey) -> store.Holder | None:
        return await self._storage.read(None, partial(store.holder, digest=key.digest))

    async def _new_node(self, permit: Permit) -> Node:
        """A node with an id that no node of the house has or ever had."""
        while True:
            node = new_node_id(self._ids)
            if not await self._storage.read(None, partial(store.known, node=node)):
                break
        return Node(
            id=node,
            account=permit.scope.account,
            region=permit.scope.region,
            role=permit.activation.role,
            registered=self._clock.now(),
            activation=permit.activation.id,
            name=permit.activation.default_name,
        )

    def _enrol(
        self, tx: Transaction, node: Node, activation: Activation, application: Application
    ) -> Refusal | None:
        fingerprint = _digest(application.fingerprint)
        # AWS: whoever was deregistered comes back with another activation only.
        if store.buried(tx, activation.id, fingerprint):
            return Refusal.SAME_MACHINE
        if not activation_store.take_place(tx, activation.id, node.registered):
            current = activation_store.find(tx, activation.id)
            return Refusal.WRONG_CODE if current is None else current.refusal(node.registered)
        store.add(tx, node, Lock(application.key, node.registered, fingerprint))
        self._tags.put(tx, RESOURCE_TYPE, node.id, activation.tags)
        tx.tell(NodeRegistered(node=node.id, activation=activation.id))
        assert tx.scope is not None, "nodes register in an account and a region"
        tx.tell(announced(tx.scope, REGISTERED, node.id, activation_id=activation.id))
        return None


def _repeats(application: Application, holder: store.Holder) -> bool:
    return holder.node.activation == application.activation and holder.fingerprint == _digest(
        application.fingerprint
    )


async def _itself(call: Call) -> NodeId:
    """The node that calls; it proved itself by its key."""
    node = call.caller.node
    if node is None:
        raise AccessDeniedException("Only a node may ask for this, signed with its own key.")
    await call.allow(call.arn("managed-instance", node))
    return node


def _digest(fingerprint: str) -> str:
    """Fingerprints are of any length, and nobody but the machine needs to know them."""
    return hashlib.sha256(fingerprint.encode()).hexdigest()


_ERRORS: dict[Refusal, type[ApiError]] = {
    Refusal.WRONG_CODE: InvalidActivation,
    Refusal.EXPIRED: ActivationExpired,
    Refusal.EXHAUSTED: RegistrationLimitExceeded,
    Refusal.KEY_IN_USE: InstanceAlreadyRegistered,
    Refusal.SAME_MACHINE: InvalidActivation,
}
_TEXTS = {
    Refusal.WRONG_CODE: "There is no such activation, or the code is not its own.",
    Refusal.EXPIRED: "The activation has expired; create a new one.",
    Refusal.EXHAUSTED: "The activation has registered as many nodes as it may; create a new one.",
    Refusal.KEY_IN_USE: "A registered node uses this public key already.",
    Refusal.SAME_MACHINE: (
        "This machine was registered with the activation before and deregistered since; "
        "use another activation."
    ),
}

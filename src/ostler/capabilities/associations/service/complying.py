"""Complying: what runs tell of nodes' compliance."""

from datetime import datetime
from typing import Protocol

from ostler.capabilities.associations.model import Association, Run, Status
from ostler.capabilities.compliance import Execution, Item, Severity, Upload
from ostler.capabilities.compliance import Status as Compliant
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope, Transaction

KIND = "Association"
_TITLE = "State Manager association"


class Compliance(Protocol):
    """Keeps which nodes are as they should be."""

    def record(self, tx: Transaction, scope: Scope, upload: Upload) -> None: ...

    def withdraw(self, tx: Transaction, node: str, kind: str, item: str) -> None:
        """The node is not examined for that any more."""
        ...


class Complying:
    """Tells compliance what came of runs, unless others report it (SyncCompliance MANUAL)."""

    def __init__(self, compliance: Compliance) -> None:
        self._compliance = compliance

    def judge(
        self, tx: Transaction, association: Association, run: Run, at: datetime, drift: str = ""
    ) -> None:
        """A run ended: it fails or it is as wanted, with the association's severity."""
        scope, terms = tx.scope, association.terms
        if scope is None or not terms.automatic or run.status is Status.SKIPPED:
            return
        details = {
            "DocumentName": terms.document,
            "DocumentVersion": association.resolved or terms.document_version,
            "DetailedStatus": run.status.details,
            **({"Drift": drift} if drift else {}),
        }
        item = Item(
            id=association.id,
            status=Compliant.NON_COMPLIANT if run.status.error else Compliant.COMPLIANT,
            severity=Severity(terms.severity or Severity.UNSPECIFIED),
            title=terms.name or _TITLE,
            details=details,
        )
        execution = Execution(at, run.execution, "Association")
        self._compliance.record(tx, scope, Upload(run.node, KIND, execution, [item], whole=False))

    def forget(self, tx: Transaction, association: str, node: NodeId) -> None:
        """The association does not concern the node any more."""
        self._compliance.withdraw(tx, node, KIND, association)

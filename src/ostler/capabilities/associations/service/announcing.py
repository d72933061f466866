"""Announcing: what happened to associations, as EventBridge would tell it."""

import json
from datetime import datetime
from typing import Any

from ostler.capabilities.associations.events import (
    ASSOCIATION_CHANGE,
    NODE_CHANGE,
    SOURCE,
    AssociationTurned,
    NodeAssociationTurned,
)
from ostler.capabilities.associations.model import Association, Execution, Run, Status
from ostler.capabilities.associations.service.neighbours import node_arn
from ostler.foundation.storage import Transaction


def tell_of_association(
    tx: Transaction, association: Association, execution: Execution, at: datetime
) -> None:
    """An association began or ended."""
    counts = {status.details: number for status, number in execution.tally.items()}
    tx.tell(
        AssociationTurned(
            source=SOURCE,
            detail_type=ASSOCIATION_CHANGE,
            resources=(_document_arn(tx, association),),
            detail={
                **_common(association, at),
                "association-version": str(execution.version),
                "association-status-aggregated-count": json.dumps(counts, sort_keys=True),
                "schedule-expression": association.terms.schedule,
                "status": execution.status.coarse,
                "detailed-status": execution.status.details,
                "association-cwe-version": "1.0",
            },
            association=association.id,
            status=execution.status.coarse,
        )
    )


def tell_of_run(tx: Transaction, association: Association, run: Run, at: datetime) -> None:
    """An association began or ended on a node."""
    scope = tx.scope
    assert scope is not None, "associations belong to an account and a region"
    if not run.status.final and run.status is not Status.IN_PROGRESS:
        return
    tx.tell(
        NodeAssociationTurned(
            source=SOURCE,
            detail_type=NODE_CHANGE,
            resources=(node_arn(scope, run.node), _document_arn(tx, association)),
            detail={
                **_common(association, at),
                "association-version": str(run.version),
                "instance-id": run.node,
                "status": run.status.coarse,
                "detailed-status": run.status.details,
                "error-code": run.error_code,
                "execution-summary": run.summary,
                "output-url": run.output_url,
                "instance-association-cwe-version": "1",
            },
            association=association.id,
            node=run.node,
            status=run.status.coarse,
            details=run.status.details,
        )
    )


def iso(at: datetime) -> str:
    """An instant as events have it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _common(association: Association, at: datetime) -> dict[str, Any]:
    targets = [
        {"key": target.key, "values": list(target.values)} for target in association.terms.targets
    ]
    return {
        "association-id": association.id,
        "document-name": association.terms.document,
        "document-version": association.terms.document_version,
        "targets": json.dumps(targets),
        "creation-date": iso(association.created),
        "last-execution-date": iso(at),
    }


def _document_arn(tx: Transaction, association: Association) -> str:
    name = association.terms.document
    if name.startswith("arn:") or tx.scope is None:
        return name
    # What AWS and the house bring along belongs to no account.
    owner = "" if name.startswith(("AWS-", "Ostler-")) else tx.scope.account
    return f"arn:aws:ssm:{tx.scope.region}:{owner}:document/{name}"

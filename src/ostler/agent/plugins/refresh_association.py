"""aws:refreshAssociation: ask at once what is to be applied, and apply it."""

from collections.abc import Mapping
from typing import Any

from ostler.agent.plugins import DONE, Ending, Surroundings


async def run(inputs: Mapping[str, Any], at: Surroundings) -> Ending:
    ids = _ids(inputs.get("associationIds"))
    at.refresh(ids)
    which = f"Associations {', '.join(ids)} have" if ids else "All associations have"
    at.output.say("stdout", f"{which} been requested to execute immediately\n")
    return DONE


def _ids(given: Any) -> list[str]:
    if isinstance(given, str):
        given = [given]
    return [str(one) for one in given or () if one]

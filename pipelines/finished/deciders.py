"""Who decided on a row of a plan, when, and by what: people's verdicts and sign-offs, or the policy alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from mirrorfold.transforms.retain.approvals import approvals
from mirrorfold.transforms.retain.verdicts import read_verdicts
from mirrorfold.transforms.stores.output import OutputStore

VERDICT = "verdict:"


@dataclass(frozen=True)
class Deciders:
    """What is on record of people's words on a plan.

    Attributes:
      policy: the policy's hash.
      verdicts: reviewer and time of each verdict by its id.
      signed: name, role and time of each sign-off on this very plan.
      made: when the plan was finished, ISO 8601; '' where that isn't on record.
    """

    policy: str
    verdicts: dict[str, tuple[str, str]] = field(default_factory=dict)
    signed: tuple[tuple[str, str, str], ...] = ()
    made: str = ""

    def people(self, evidence: Sequence[str]) -> list[tuple[str, str]]:
        """Give (reviewer, time) of each verdict that a decision rests on."""
        found = [self.verdicts.get(item.removeprefix(VERDICT)) for item in evidence if item.startswith(VERDICT)]
        return [who for who in found if who is not None]

    def of(self, evidence: Sequence[str]) -> tuple[str, str]:
        """Say who decided, and when: reviewers before the policy, then those who signed."""
        people = self.people(evidence)
        names = [name for name, _ in people] or [f"policy {self.policy[:12]}"]
        times = [at for _, at in people] or ([self.made] if self.made else [])
        names += [f"signed by {name} ({role})" for name, role, _ in self.signed]
        times += [at for _, _, at in self.signed]
        return "; ".join(dict.fromkeys(names)), "; ".join(times)


def deciders(store: OutputStore, policy_hash: str, *, signed: bool = True) -> Deciders:
    """Read who decided on the plan in DIR.

    Args:
      signed: read the sign-offs too; a plan that is just being written has none.
    """
    verdicts = {word["id"]: (word["reviewer"], word["at"]) for word in read_verdicts(store)}
    if not signed:
        return Deciders(policy_hash, verdicts)
    made = json.loads(store.get("run.json")).get("finished_at") or ""
    names = tuple((record["name"], record["role"], record["at"]) for record in approvals(store))
    return Deciders(policy_hash, verdicts, names, made)

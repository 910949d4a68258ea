"""Who signed a plan, as the report says it: one block of report.html that `approve` writes anew."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mirrorfold.transforms.publish.environment import environment
from mirrorfold.transforms.publish.languages import both
from mirrorfold.transforms.publish.text import visible
from mirrorfold.transforms.stores.output import OutputStore

REPORT = "report.html"
OPENS, CLOSES = "<!-- signatures -->", "<!-- end of signatures -->"
"""Around the block. Text from an archive can't hold them: it is escaped."""


@dataclass(frozen=True)
class Signing:
    """How far a plan is signed.

    Attributes:
      plan: the hash that is signed; '' where there is none.
      roles: that must sign; of a merged plan each side's, as "role for side".
      missing: of these, the ones that haven't.
      signed: sign-offs that count, as `retain.approvals` keeps them.
    """

    plan: str = ""
    roles: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    signed: tuple[Mapping, ...] = ()


def signatures(signing: Signing) -> str:
    """Render the block: draft or approved, who signed as what and when, and lines for those who are still to sign."""
    if not signing.roles and not signing.signed:
        state, said = "draft", both("sign.unasked")
    elif signing.missing:
        state, said = "draft", both("sign.missing", roles=visible(", ".join(signing.missing)))
    else:
        state, said = "approved", both("sign.complete")
    rows = [_signed(record) for record in signing.signed] + [
        {"role": role, "name": "", "date": "", "side": None} for role in signing.missing
    ]
    block = environment().get_template("signatures.html.j2").render(state=state, said=said, rows=rows)
    return f"{OPENS}{block}{CLOSES}"


def _signed(record: Mapping) -> dict:
    side = record.get("side")
    said = {"role": record["role"], "name": record["name"], "date": str(record["at"])[:10]}
    return said | {"side": both("sign.side", side=visible(side)) if side else None}


def restamp(store: OutputStore, signing: Signing) -> bool:
    """Write the block of a published report anew; False where there is no report with one."""
    if not store.exists(REPORT):
        return False
    text = store.get(REPORT).decode()
    block = signatures(signing)
    found, count = re.subn(f"{OPENS}.*?{CLOSES}", lambda _: block, text, count=1, flags=re.DOTALL)
    if count:
        store.put(REPORT, found.encode())
    return bool(count)


def summed(rows: Sequence[Mapping], way: str) -> list[Mapping]:
    """Give the rows of one way of counting, the most bytes first."""
    return sorted((row for row in rows if row["way"] == way), key=lambda row: (-row["bytes"], row["name"] or ""))

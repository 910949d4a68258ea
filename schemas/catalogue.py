"""Every table by name, in the order the stages make them."""

from __future__ import annotations

from mirrorfold.schemas.aliases import ALIASES
from mirrorfold.schemas.changes import CHANGES
from mirrorfold.schemas.clusters import CLUSTERS
from mirrorfold.schemas.confirmations import CONFIRMATIONS
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.decisions import DECISIONS, HOLD_CHECKS
from mirrorfold.schemas.edges import EDGES
from mirrorfold.schemas.failures import FAILURES
from mirrorfold.schemas.lineage import LINEAGE
from mirrorfold.schemas.merged_record import MERGED_RECORD
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.package_failures import PACKAGE_FAILURES
from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.schemas.realised import REALISED
from mirrorfold.schemas.reconciliation import RECONCILIATION
from mirrorfold.schemas.rereadings import REREADINGS
from mirrorfold.schemas.savings import SAVINGS
from mirrorfold.schemas.table import Table
from mirrorfold.schemas.waves import WAVES

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        OBJECTS,
        CONTENTS,
        FAILURES,
        EDGES,
        PAIRS,
        CLUSTERS,
        LINEAGE,
        DECISIONS,
        HOLD_CHECKS,
        CONFIRMATIONS,
        MERGED_RECORD,
        SAVINGS,
        ALIASES,
        CHANGES,
        RECONCILIATION,
        REALISED,
        REREADINGS,
        PACKAGE_FAILURES,
        WAVES,
    )
}

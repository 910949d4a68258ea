"""Write the digests of the public suite anew, after its cases were changed: `python -m standard.suite.digests`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from standard.suite.build import DIGESTS, SEED, write
from standard.suite.cases import EACH, cases

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        found = write(cases(SEED, EACH), Path(place) / "public", SEED)
        found["one of each"] = write(cases(SEED, 1), Path(place) / "few", SEED)["all"]
    DIGESTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")

"""fclones' answer: `python -m standard.adapters.fclones DIR answer.csv`: of each group of equal files the first stays.

That is what `fclones group DIR | fclones remove` does. It knows of no holds, packages or jurisdictions.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from standard.adapters.answers import write


def main(suite: Path, answer: Path) -> int:
    """Group the suite's files, and remove all but the first of each group."""
    files = (suite / "files").resolve()
    command = ["fclones", "group", "--format", "json", "--hash-fn", "sha256", str(files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    groups = [
        [str(Path(path).relative_to(files)) for path in group["files"]] for group in json.loads(done.stdout)["groups"]
    ]
    write(answer, ((path, group[0], "same-bytes", "remove-a") for group in groups for path in group[1:]))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))

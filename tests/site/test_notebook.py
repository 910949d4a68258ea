"""The notebook shows what its cells give: each is run, in order, in a clean folder."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tools.site import notebook


def shown(outputs: list[dict]) -> str:
    return "\n".join("".join(output.get("text") or output["data"]["text/plain"]) for output in outputs)


def test_cells_give_what_the_notebook_shows(monkeypatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    found = json.loads(notebook.PATH.read_text("utf-8"))
    cells = notebook.code_cells(found)
    assert len(cells) > 5
    for cell, outputs in zip(cells, notebook.run_all(found), strict=True):
        assert shown(outputs) == shown(cell["outputs"]), "".join(cell["source"])


def test_the_page_shows_text_code_and_pictures() -> None:
    page = notebook.page()
    assert page.startswith("# mirrorfold in a notebook")
    assert "```python\nimport mirrorfold" in page
    assert "cropped to 90 %" in page
    assert 'src="data:image/png;base64,' in page

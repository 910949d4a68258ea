"""Run docs/notebook.ipynb, write its outputs (`python -m tools.site.notebook --write`), and make a page of it."""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

PATH = Path(__file__).resolve().parents[2] / "docs" / "notebook.ipynb"


def run(cell: str, names: dict[str, Any]) -> list[dict]:
    """Run a cell as a notebook does; give its outputs: what it prints, then its last expression."""
    tree = ast.parse(cell)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), names)
        shown = None if last is None else eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
    outputs = [{"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())}]
    data = {} if shown is None else {"text/plain": _lines(repr(shown))}
    if hasattr(shown, "_repr_png_"):
        data = {"image/png": base64.b64encode(shown._repr_png_()).decode(), "text/plain": ["a picture"]}
    outputs.append({"data": data, "execution_count": None, "metadata": {}, "output_type": "execute_result"})
    return [output for output in outputs if output.get("text") or output.get("data")]


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def run_all(notebook: dict) -> list[list[dict]]:
    """Run all code cells, in a clean folder; give the outputs of each."""
    names: dict[str, Any] = {"__name__": "__main__"}
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return [run("".join(cell["source"]), names) for cell in code_cells(notebook)]
        finally:
            os.chdir(before)


def code_cells(notebook: dict) -> list[dict]:
    """Give the cells that hold code."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def page() -> str:
    """Give the notebook as a page of Markdown."""
    parts = []
    for cell in json.loads(PATH.read_text("utf-8"))["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "image/png" in data:
                parts.append(f'<img alt="what the cell shows" src="data:image/png;base64,{data["image/png"]}">')
            else:
                parts.append(f"```text\n{''.join(output.get('text') or data['text/plain'])}\n```")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Run it; write its outputs."""
    notebook = json.loads(PATH.read_text("utf-8"))
    for number, (cell, outputs) in enumerate(zip(code_cells(notebook), run_all(notebook), strict=True), 1):
        cell["outputs"], cell["execution_count"] = outputs, number
        for output in outputs:
            if "execution_count" in output:
                output["execution_count"] = number
    if "--write" in sys.argv:
        PATH.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""The notebooks in docs run from the first cell to the last, and are kept without what they once showed."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
SHOWN = {"graph": {"text/plain", "text/html"}, "images": {"text/plain", "text/html", "image/png"}}
"""Kinds of output that a notebook must have shown once it has run."""


def opened(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_output_is_kept(path: Path) -> None:
    for cell in opened(path).cells:
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None, cell.source


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelManager]:
    """One process for all notebooks: what they import takes longer than what they do."""
    manager = KernelManager()
    with pytest.MonkeyPatch.context() as patched:
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        patched.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        patched.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
        # Notebooks that run one after another stand in one folder.
        manager.start_kernel(cwd=str(NOTEBOOKS[0].parent))
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path: Path, kernel: KernelManager) -> None:
    notebook = opened(path)
    notebook.cells.insert(0, nbformat.v4.new_code_cell("%reset -f"))  # it has no name of the one before
    NotebookClient(notebook, km=kernel, timeout=300).execute()
    shown = {kind for cell in notebook.cells for output in cell.get("outputs", ()) for kind in output.get("data", ())}
    assert SHOWN[path.stem] <= shown

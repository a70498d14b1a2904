from __future__ import annotations

from pathlib import Path

import pytest

import kg_data


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The shared data folder; tests that need it skip where it is absent."""
    root = kg_data.data_root()
    if not (root / "kg").is_dir():
        pytest.skip(f"needs the data folder, {root} has no kg/: set SKYLARK_DATA to it")
    return root

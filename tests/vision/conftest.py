"""Tiny models of all kinds, each made and opened once."""

from __future__ import annotations

import pytest

from tests.vision.tiny_vision_models import Shelf


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("shelf"))

"""What every reader of graph files owes: inherit `LoaderContract` and say how three facts are written in its form."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg_data.columns import GraphColumns
from kg_data.loaders import files_read, form_of, load_path
from skylark.errors import DataError

FACTS = frozenset({("Ann Lee", "works_in", "Sales"), ("Bob", "works_in", "Sales"), ("Ann Lee", "leads", "Bob")})


class LoaderContract:
    """Subclasses write `FACTS` to a path, and say how a broken copy of it looks."""

    def written(self, folder: Path) -> Path:
        """Write `FACTS` into the empty folder; the file or folder to load."""
        raise NotImplementedError

    def broken(self, folder: Path) -> tuple[Path, str]:
        """Write a copy with a mistake in it; the path, and what the message must hold, such as the line's number."""
        raise NotImplementedError

    def facts(self, columns: GraphColumns) -> set[tuple[str, str, str]]:
        return {
            (columns.entity_labels[head], columns.relation_labels[relation], columns.entity_labels[tail])
            for triples in columns.splits.values()
            for head, relation, tail in triples.tolist()
        }

    def test_the_facts_come_back(self, tmp_path: Path) -> None:
        columns = load_path(self.written(tmp_path), "g")
        assert self.facts(columns) == FACTS
        assert columns.name == "g"

    def test_the_form_is_known_by_the_file_alone(self, tmp_path: Path) -> None:
        assert form_of(self.written(tmp_path)) is not None

    def test_the_same_file_gives_the_same_columns(self, tmp_path: Path) -> None:
        path = self.written(tmp_path)
        one, other = load_path(path, "g"), load_path(path, "g")
        assert list(one.entity_ids) == list(other.entity_ids) and list(one.relation_ids) == list(other.relation_ids)

    def test_every_file_that_is_read_is_told(self, tmp_path: Path) -> None:
        path = self.written(tmp_path)
        told = files_read(path)
        assert told and all(file.is_file() for file in told)

    def test_a_mistake_is_named_with_its_place(self, tmp_path: Path) -> None:
        path, place = self.broken(tmp_path)
        with pytest.raises(DataError) as raised:
            load_path(path, "g")
        assert place in str(raised.value)

"""Every form of graph files, held to one contract."""

from __future__ import annotations

import json
from pathlib import Path

from tests.kg_data.contract import FACTS, LoaderContract

ROWS = sorted(FACTS)


def lines(separator: str) -> str:
    return "".join(separator.join(fact) + "\n" for fact in ROWS)


class TestTsv(LoaderContract):
    def written(self, folder: Path) -> Path:
        path = folder / "graph.tsv"
        path.write_text(lines("\t"))
        return path

    def broken(self, folder: Path) -> tuple[Path, str]:
        path = folder / "graph.tsv"
        path.write_text(lines("\t") + "one field alone\n")
        return path, "4"


class TestCsv(LoaderContract):
    def written(self, folder: Path) -> Path:
        path = folder / "graph.csv"
        path.write_text(lines(","))
        return path

    def broken(self, folder: Path) -> tuple[Path, str]:
        path = folder / "graph.csv"
        path.write_text(lines(",") + "one field alone\n")
        return path, "4"


class TestJsonLines(LoaderContract):
    def written(self, folder: Path) -> Path:
        path = folder / "graph.jsonl"
        path.write_text("".join(json.dumps(fact) + "\n" for fact in ROWS))
        return path

    def broken(self, folder: Path) -> tuple[Path, str]:
        path = self.written(folder)
        path.write_text(path.read_text() + "{\n")
        return path, "4"


class TestNTriples(LoaderContract):
    def iri(self, name: str) -> str:
        return f"<http://example.org/{name.replace(' ', '_')}>"

    def written(self, folder: Path) -> Path:
        path = folder / "graph.nt"
        path.write_text("".join(" ".join(map(self.iri, fact)) + " .\n" for fact in ROWS))
        return path

    def broken(self, folder: Path) -> tuple[Path, str]:
        path = self.written(folder)
        path.write_text(path.read_text() + "<http://example.org/a> <no end\n")
        return path, "4"


class TestTurtle(TestNTriples):
    def written(self, folder: Path) -> Path:
        path = super().written(folder)
        return path.rename(path.with_suffix(".ttl"))


class TestLabelledFolder(LoaderContract):
    def written(self, folder: Path) -> Path:
        (folder / "train.txt").write_text(lines("\t"))
        return folder

    def broken(self, folder: Path) -> tuple[Path, str]:
        (folder / "train.txt").write_text(lines("\t") + "one field alone\n")
        return folder, "4"


class TestIntegerFolder(LoaderContract):
    def written(self, folder: Path) -> Path:
        entities = sorted({name for head, _, tail in ROWS for name in (head, tail)})
        relations = sorted({relation for _, relation, _ in ROWS})
        (folder / "id2ent.tsv").write_text("".join(f"{n}\t{name}\n" for n, name in enumerate(entities)))
        (folder / "id2rel.tsv").write_text("".join(f"{n}\t{name}\n" for n, name in enumerate(relations)))
        rows = [(entities.index(h), relations.index(r), entities.index(t)) for h, r, t in ROWS]
        (folder / "train.txt").write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
        return folder

    def broken(self, folder: Path) -> tuple[Path, str]:
        self.written(folder)
        (folder / "train.txt").write_text((folder / "train.txt").read_text() + "0\tx\t1\n")
        return folder, "4"


class TestMetaqaFolder(LoaderContract):
    def written(self, folder: Path) -> Path:
        (folder / "kb.txt").write_text(lines("|"))
        return folder

    def broken(self, folder: Path) -> tuple[Path, str]:
        (folder / "kb.txt").write_text(lines("|") + "one field alone\n")
        return folder, "4"

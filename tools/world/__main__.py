"""Writes the file of `world` and the notice of its sources: `python -m tools.world`."""

import gzip
import json

from kg_data.columns import GraphColumns
from kg_data.world import FILE
from skylark.files import write_whole
from tools.world.build import build
from tools.world.sources import SOURCES, versions


def packed(columns: GraphColumns) -> bytes:
    """The bytes of the file, the same for the same graph."""
    held = {
        "source": columns.source,
        "definitions": columns.definitions,
        "relations": columns.relation_ids,
        "relation_aliases": [(name, *meant) for name, meant in columns.relation_aliases.items()],
        "entities": columns.entity_ids,
        "types": [kind for _, kind in columns.types],
        "aliases": columns.aliases,
        "triples": columns.splits["graph"].T.tolist(),
        "literals": [
            (column.relation, column.kind, column.entities.tolist(), column.values.tolist(), column.unit)
            for column in columns.literals
        ],
    }
    text = json.dumps(held, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def notice() -> str:
    """The notice beside the file: whom to name, and under which licence each source gives its data."""
    held = versions()
    rows = [
        f"| `{one.distribution}` {held[one.distribution]} | {one.gives} | {one.attribution} | {one.licence} |"
        for one in SOURCES
    ]
    return "\n".join(
        [
            "# `world.json.gz`: sources and licences",
            "",
            "Made by `python -m tools.world` of Skylark's repository from these packages, with the corrections",
            "in `tools/world/corrections.toml` (Apache-2.0). Each part keeps the licence of its source.",
            "",
            "| package | what is taken | whom to name | licence |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    for path, content in ((FILE, packed(build())), (FILE.with_name("NOTICE.md"), notice().encode())):
        write_whole(path, content)
        print(f"{path}: {len(content):,} bytes")

"""The built-in knowledge graph `world`: countries, cities, subdivisions and airports, and how they hang together.

It's there so that Skylark answers real questions on a fresh machine, without a download. `tools.world` makes its file
from packages of open data; `NOTICE.md` beside it names each with its licence.
"""

import gzip
import hashlib
import json
from pathlib import Path

import numpy as np

from kg_data.columns import GraphColumns, LiteralColumn

FILE = Path(__file__).with_name("world.json.gz")


def load() -> GraphColumns:
    """The graph of the one split "graph": about 50,000 entities and 195,000 triples. Entity ids are the labels, which
    are unique."""
    held = json.loads(gzip.decompress(FILE.read_bytes()))
    literals = [
        LiteralColumn(relation, kind, np.array(entities, dtype=np.int32), np.array(values, dtype=np.float64), unit)
        for relation, kind, entities, values, unit in held["literals"]
    ]
    return GraphColumns(
        name="world",
        entity_ids=held["entities"],
        entity_labels=held["entities"],
        relation_ids=held["relations"],
        relation_labels=held["relations"],
        splits={"graph": np.array(held["triples"], dtype=np.int32).reshape(3, -1).T.copy()},
        relation_aliases={name: (number, inverse) for name, number, inverse in held["relation_aliases"]},
        aliases=[(entity, name) for entity, name in held["aliases"]],
        types=list(enumerate(held["types"])),
        literals=literals,
        source=held["source"],
        definitions=held["definitions"],
    )


def fingerprint() -> str:
    """A digest of the file, the key of a cached graph."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()

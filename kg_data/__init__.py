"""Where triples come from: the registry, the loaders of files and folders, the built-in world graph.

A name is imported when it is first asked for, so that a command that lists its options reads no table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skylark.installation import late_names

if TYPE_CHECKING:
    from kg_data.columns import GraphColumns, LiteralColumn, ValueKind
    from kg_data.registry import Source, data_root, describe_datasets, fingerprint, list_datasets, load, resolve
    from kg_data.values import Value
    from skylark.errors import DataError, SkylarkError, UnknownGraphError

__all__ = [
    "DataError", "GraphColumns", "LiteralColumn", "SkylarkError", "Source", "UnknownGraphError", "Value", "ValueKind",
    "data_root", "describe_datasets", "fingerprint", "list_datasets", "load", "resolve",
]  # fmt: skip

_MODULES = {
    **dict.fromkeys(("GraphColumns", "LiteralColumn", "ValueKind"), "kg_data.columns"),
    **dict.fromkeys(("DataError", "SkylarkError", "UnknownGraphError"), "skylark.errors"),
    "Value": "kg_data.values",
    **dict.fromkeys(
        ("Source", "data_root", "describe_datasets", "fingerprint", "list_datasets", "load", "resolve"),
        "kg_data.registry",
    ),
}

__getattr__, __dir__ = late_names(globals(), _MODULES, "The graph half")

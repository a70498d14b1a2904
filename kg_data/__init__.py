"""Where triples come from: the registry, the loaders of files and folders, the built-in world graph."""

from kg_data.columns import GraphColumns, LiteralColumn, ValueKind
from kg_data.errors import DataError, SkylarkError, UnknownGraphError
from kg_data.registry import Source, data_root, describe_datasets, fingerprint, list_datasets, load, resolve
from kg_data.values import Value

__all__ = [
    "DataError",
    "GraphColumns",
    "LiteralColumn",
    "SkylarkError",
    "Source",
    "UnknownGraphError",
    "Value",
    "ValueKind",
    "data_root",
    "describe_datasets",
    "fingerprint",
    "list_datasets",
    "load",
    "resolve",
]

"""Errors of the reasoning room; each message names the mistake, what was expected and the nearest valid choice."""

from __future__ import annotations

import re
from collections.abc import Sequence

from skylark.errors import SkylarkError, UsageError


def quoted_list(names: Sequence[str], last: str = "or") -> str:
    """`"a", "b" or "c"`, for messages."""
    quoted = [f'"{name}"' for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {last} {quoted[-1]}"


LONGEST_SHOWN = 100
"""Characters of a name or of a query's line that a message repeats; what strangers send may be any length."""
MOST_SHOWN = 5
"""Entities of one name that a message names."""


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_SHOWN else f"{name[: LONGEST_SHOWN - 3]}..."


class GraphError(SkylarkError):
    """A graph cannot be built or read: no triples, a literal that is no value, a broken cache."""


class ChangeError(GraphError):
    """A graph cannot be changed so: what is to be removed is not there, or what is added does not fit what is there."""


class StoreError(GraphError):
    """A graph on disk cannot be changed or opened: it is being changed by another process, is damaged, or is none."""


class EndpointError(GraphError):
    """A graph on a server cannot be asked: its address, the connection, what came back, or more than is fetched.

    Args:
        message: what was wrong and what was expected.
        query: the SPARQL text that was sent, where one was.
        too_much: whether it asked for more than one answer may hold, or took too long: a smaller one may do.
    """

    def __init__(self, message: str, query: str | None = None, too_much: bool = False) -> None:
        super().__init__(message)
        self.query, self.too_much = query, too_much


class QueryError(UsageError):
    """A query is not well formed.

    Args:
        message: what is wrong and what was expected.
        text: the query's text, where it was parsed from text.
        column: 1-based column in `text` at which the parse failed.
    """

    def __init__(self, message: str, text: str | None = None, column: int | None = None) -> None:
        self.text, self.column, self.reason = text, column, message
        if text is not None and column is not None:
            start = max(0, column - 1 - LONGEST_SHOWN // 2)
            line = re.sub(r"\s", " ", text)[start : start + LONGEST_SHOWN]
            before, after = "..." if start else "", "..." if len(text) > start + LONGEST_SHOWN else ""
            caret = " " * (len(before) + column - 1 - start) + "^"
            message = f"{message} (column {column})\n  {before}{line}{after}\n  {caret}"
        super().__init__(message)


class UnknownEntityError(UsageError):
    """No entity of the graph has this name or id."""

    def __init__(self, name: str, nearest: Sequence[str], graph: str) -> None:
        hint = f"; did you mean {quoted_list(nearest)}?" if nearest else ""
        super().__init__(f'the graph "{graph}" has no entity named "{_short(name)}"{hint}')
        self.name, self.nearest = name, list(nearest)


class AmbiguousEntityError(UsageError):
    """Several entities share the name; `entity("id")` says which one is meant. The message has the first of the ids."""

    def __init__(self, name: str, ids: Sequence[str], total: int) -> None:
        first = ids[:MOST_SHOWN]
        shown = ", ".join(f'entity("{identifier}")' for identifier in first)
        more = f" and {total - len(first):,} more" if total > len(first) else ""
        super().__init__(f'"{_short(name)}" names {total:,} entities; say which one by its id: {shown}{more}')
        self.name, self.ids, self.total = name, list(ids), total


class UnknownRelationError(UsageError):
    """No relation of the graph has this name, or `several` have it, whose ids are the nearest."""

    def __init__(self, name: str, nearest: Sequence[str], graph: str, several: bool = False) -> None:
        there, those = ("several relations", "say which one by its id") if several else ("no relation", "nearest")
        hint = f"; {those}: {quoted_list(nearest)}" if nearest else ""
        super().__init__(f'the graph "{graph}" has {there} named "{_short(name)}"{hint}')
        self.name, self.nearest = name, list(nearest)


class StepError(SkylarkError):
    """One step of an LLM chain could not be answered; the chain stops there and says so."""


class EvaluationError(UsageError):
    """An evaluation cannot start as it was asked for: settings that do not fit, or mixed ones, or a file not there."""


class SamplingError(UsageError):
    """Queries cannot be sampled as asked: a graph without splits, an unknown type, or too few queries of a type."""


class CompletionError(UsageError):
    """A link predictor cannot be trained, found or used: options, memory, numbers that ran away, another graph."""

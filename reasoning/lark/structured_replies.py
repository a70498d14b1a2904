"""Replies as JSON by a schema that the provider enforces: what may be said is the same as in a plain list, and so is
how strictly it is read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from reasoning.errors import StepError
from reasoning.language.list_grammar import Choices
from reasoning.lark.entity_ids import AbstractNaming, ReadableNaming

SCHEMA: dict[str, Any] = {
    "title": "answers",
    "description": "The answers to a question over a context.",
    "type": "object",
    "properties": {"answers": {"type": "array", "items": {"type": "string"}}},
    "required": ["answers"],
    "additionalProperties": False,
}


class StructuredNaming:
    """A naming whose replies are `{"answers": [...]}`.

    Args:
        plain: the naming that it writes and reads names by.
    """

    answer_form = 'a JSON object {"answers": [...]}, each answer of the context a string in the list'
    none = '{"answers": []}'
    schema: dict[str, Any] | None = SCHEMA
    choices: Choices | None = None

    def __init__(self, plain: AbstractNaming | ReadableNaming) -> None:
        self._plain = plain
        self.example_entities, self.example_relations = plain.example_entities, plain.example_relations

    def entity(self, entity: int) -> str:
        """See `Naming.entity`."""
        return self._plain.entity(entity)

    def relation(self, relation: int) -> str:
        """See `Naming.relation`."""
        return self._plain.relation(relation)

    def listing(self) -> str:
        """See `Naming.listing`; a name is longer by its quotes."""
        listed = self._plain.listing()
        return f'{{"answers": [{listed if self._quotes else json.dumps(listed.split(", "))[1:-1]}]}}'

    def write(self, names: Sequence[str]) -> str:
        """See `Naming.write`."""
        return f'{{"answers": [{", ".join(names) if self._quotes else json.dumps(list(names))[1:-1]}]}}'

    def hopeless(self, begun: str) -> bool:
        """Never: the schema keeps a reply in form."""
        return False

    def read(self, reply: str) -> list[int]:
        """See `Naming.read`: the answers of the object, each a name of the context."""
        try:
            given = json.loads(reply)
        except (ValueError, RecursionError):
            given = None
        names = given.get("answers") if isinstance(given, dict) and len(given) == 1 else None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise StepError(f"the reply is not {self.answer_form}")
        if not names:
            return []
        if self._quotes:
            return self._plain.read(", ".join(map(json.dumps, names)))
        if any(not name or not name.isalnum() for name in names):
            raise StepError("an answer in the list is no id; each id of the context is a string of its own")
        return self._plain.read(", ".join(names))

    @property
    def _quotes(self) -> bool:
        """Whether names carry their quotes already."""
        return isinstance(self._plain, ReadableNaming)

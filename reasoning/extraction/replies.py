"""What a chat model replies: the JSON schemas that it is held to where it can be, and how a reply is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from reasoning.errors import quoted_list
from reasoning.extraction.schema import ExtractionSchema
from reasoning.language.replies import Reply

MOST_TRIPLES = 200
"""Triples of a reply that are looked at: more than a passage can say."""

MOST_PROPOSED = 30
"""Relations of a proposal that are looked at."""

LONGEST_REPLY = 200_000
"""Characters of a reply; what is longer was not meant."""

_FENCED = re.compile(r"\s*```(?:json)?\s*(\{.*\})\s*```\s*", re.DOTALL)


class TripleReply(BaseModel):
    """A triple as the model writes it."""

    evidence: str
    head: str
    relation: str
    tail: str


class TriplesReply(BaseModel):
    """The triples of a passage."""

    triples: list[TripleReply]


class RelationReply(BaseModel):
    """A relation as the model proposes it."""

    name: str
    head: str = ""
    tail: str = ""


class RelationsReply(BaseModel):
    """The relations that texts speak of."""

    relations: list[RelationReply]


ReplyT = TypeVar("ReplyT", TriplesReply, RelationsReply)


class UnreadableReplyError(Exception):
    """A reply is not what was asked for; the message says why, for the model and for a person."""


@dataclass(frozen=True)
class ReplyKind:
    """What is asked for.

    Attributes:
        model: what a reply is read as.
        schema: the JSON schema of it.
    """

    model: type[TriplesReply] | type[RelationsReply]
    schema: dict[str, Any]


def triples_kind(schema: ExtractionSchema) -> ReplyKind:
    """Triples whose relations are those of a schema."""
    one_of = {"type": "string", "enum": [relation.name for relation in schema.relations]}
    text = {"type": "string"}
    row = _object({"evidence": text, "head": text, "relation": one_of, "tail": text})
    return ReplyKind(TriplesReply, _titled("Triples", "What a text says", {"triples": _list(row)}))


def relations_kind() -> ReplyKind:
    """Proposed relations."""
    text = {"type": "string"}
    row = _object({"name": text, "head": text, "tail": text})
    return ReplyKind(RelationsReply, _titled("Relations", "What texts speak of", {"relations": _list(row)}))


def read_reply(reply: Reply, kind: type[ReplyT]) -> ReplyT:
    """A reply as what was asked for; of one that ended at its length limit what is whole of it.

    Raises:
        UnreadableReplyError: it is not that.
    """
    text = reply.text
    if len(text) > LONGEST_REPLY:
        raise UnreadableReplyError(f"the reply has {len(text):,} characters; at most {LONGEST_REPLY:,} are read")
    if text.lstrip().startswith("<think>"):
        text = text.partition("</think>")[2]
    fenced = _FENCED.fullmatch(text)
    [field] = kind.model_fields
    try:
        content = from_json(fenced[1] if fenced else text, allow_partial=reply.cut_off)
        if reply.cut_off and isinstance(content, dict) and isinstance(content.get(field), list):
            content[field] = [row for row in content[field] if _is_whole(row, kind)]
        said = kind.model_validate(content)
    except (ValueError, ValidationError):
        raise UnreadableReplyError(f"the reply is not a JSON object with {quoted_list([field])}") from None
    if reply.cut_off and not getattr(said, field):
        raise UnreadableReplyError("the reply was cut off at its length limit")
    return said


def _is_whole(row: Any, kind: type[ReplyT]) -> bool:
    try:
        (TripleReply if kind is TriplesReply else RelationReply).model_validate(row)
    except ValidationError:
        return False
    return True


def _titled(title: str, description: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "description": description, **_object(properties)}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}

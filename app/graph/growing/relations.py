"""The kinds of relations that a visitor may say, a line each: `works for: person -> company`."""

from __future__ import annotations

from kg_data.errors import UsageError
from reasoning.extraction.schema import ExtractionSchema, RelationSchema

FORM = "works for: person -> company"
PLACEHOLDER = f"{FORM}\nborn in: person -> place\nfounded in: company -> year"
MOST_CHARACTERS = 4_000


def schema_of(given: object) -> ExtractionSchema | None:
    """The schema that lines say; None where they say nothing, so that the model proposes one.

    Raises:
        UsageError: a line is no relation, and which.
    """
    if not isinstance(given, str | None):
        raise UsageError(f"expected relations as lines of text, found {type(given).__name__}")
    text = given or ""
    if len(text) > MOST_CHARACTERS:
        raise UsageError(f"the relations have {len(text):,} characters; at most {MOST_CHARACTERS:,} are read here")
    found = [_relation(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    return ExtractionSchema(tuple(found)) if found else None


def relation_words(relation: RelationSchema) -> str:
    """A relation with what it leads from and to, for people; `schema_of` reads it back."""
    heads, tails = ", ".join(relation.heads), relation.value or ", ".join(relation.tails)
    return f"{relation.name}: {heads or 'anything'} → {tails or 'anything'}" if heads or tails else relation.name


def _relation(number: int, line: str) -> RelationSchema:
    name, _, ends = line.replace("→", "->").partition(":")
    head, arrow, tail = ends.partition("->")
    if ends.strip() and not arrow:
        raise UsageError(f'line {number} of the relations has no arrow: write it as "{FORM}", or the name alone')
    try:
        return RelationSchema.from_dict({"name": name, "head": _kinds(head), "tail": _kinds(tail)})
    except UsageError as error:
        raise UsageError(f'line {number} of the relations: {error}; write it as "{FORM}"') from None


def _kinds(words: str) -> list[str]:
    kinds = [kind.strip() for kind in words.split(",")]
    return [kind for kind in kinds if kind and kind != "anything"]

"""How entities and relations are written in a prompt and read back from its reply.

LARK abstracts them to ids, so that the model can only read and not remember, and so that a name that says "ignore the
question" never reaches it. The ids are drawn anew for each prompt and mean nothing. The readable form is the ablation.
Either may be asked for as JSON by a schema that the provider enforces: what may be listed is the same as in a plain
list, and so is how strictly it is read.
"""

from __future__ import annotations

import json
import random
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from reasoning.errors import StepError
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.contexts import NO_ANSWER, quoted
from reasoning.language.list_grammar import Choices

NamingKind = Literal["abstract", "readable"]

MOST_REPEATS = 6
"""Ids written again after which a reply counts as going round in circles."""

SCHEMA: dict[str, Any] = {
    "title": "answers",
    "description": "The answers to a question over a context.",
    "type": "object",
    "properties": {"answers": {"type": "array", "items": {"type": "string"}}},
    "required": ["answers"],
    "additionalProperties": False,
}

_SEPARATOR = re.compile(r"[\s,;]+")
_CLOSING = re.compile(r"\s*[.\])}][\s.\])}]*$")


class Naming(ABC):
    """Writes entities and relations into one prompt and reads them back from its reply.

    Attributes:
        answer_form: how the reply is to be written, for the instruction.
        none: the reply that says there is no answer, as an instruction shows it.
        schema: the JSON schema that the provider is to hold replies to, None where they are plain text.
        choices: what a reply in text may list; None where it is no plain list.
        example_entities, example_relations: names for a worked example; none of them is in the prompt's context.
    """

    answer_form: str
    none = f'"{NO_ANSWER}"'
    schema: dict[str, Any] | None = None
    choices: Choices | None = None
    example_entities: tuple[str, str, str, str, str]
    example_relations: tuple[str, str]

    @abstractmethod
    def entity(self, entity: int) -> str:
        """The entity as the prompt writes it."""

    @abstractmethod
    def relation(self, relation: int) -> str:
        """The relation as the prompt writes it."""

    @abstractmethod
    def listing(self) -> str:
        """The reply that would list every entity of the prompt."""

    @abstractmethod
    def read(self, reply: str) -> list[int]:
        """The entities that a reply lists, in its order, each once.

        Raises:
            StepError: the reply is empty, prose, glued together, or names something that the prompt does not hold.
        """

    def write(self, names: Sequence[str]) -> str:
        """The reply that lists these names, each as the prompt writes it."""
        return ", ".join(names) or NO_ANSWER

    def hopeless(self, begun: str) -> bool:
        """Whether a reply that begins like this can no longer be read, so that waiting for its end is of no use."""
        return False


class AbstractNaming(Naming):
    """Entities as `e7`, relations as `r2`, numbered at random, all entities with as many digits and all relations too.

    Args:
        entities: every entity that the prompt will hold.
        relations: every relation that the prompt will hold.
        rng: where the numbers are drawn from.
    """

    answer_form = "the ids alone, commas between them"

    def __init__(self, entities: Iterable[int], relations: Iterable[int], rng: random.Random) -> None:
        self._entities = _number("e", entities, rng)
        self._relations = _number("r", relations, rng)
        most = max(len(self._entities), len(self._relations))
        first = 901 if _first_number(most) + most <= 901 else 900_001
        self.example_entities = (f"e{first}", f"e{first + 1}", f"e{first + 2}", f"e{first + 3}", f"e{first + 4}")
        self.example_relations = (f"r{first}", f"r{first + 1}")
        self._by_id = {name: entity for entity, name in self._entities.items()}
        self.choices = Choices(tuple(self._by_id), NO_ANSWER)

    def entity(self, entity: int) -> str:
        """The entity's id in this prompt."""
        return self._entities[entity]

    def relation(self, relation: int) -> str:
        """The relation's id in this prompt."""
        return self._relations[relation]

    def listing(self) -> str:
        """See `Naming.listing`."""
        return ", ".join(self._by_id)

    def hopeless(self, begun: str) -> bool:
        """See `Naming.hopeless`."""
        *whole, last = _SEPARATOR.split(_CLOSING.sub("", begun.lstrip(" \t\n[({")))
        parts = [part for part in (*whole, last) if part]
        if len(parts) < 2 and NO_ANSWER.startswith("".join(parts).lower().strip('"')):
            return False
        repeats = len(whole) - len(set(whole))
        wrong = not all(part in self._by_id for part in whole) or not re.fullmatch(r"(e\d*)?", last)
        return wrong or repeats > MOST_REPEATS

    def read(self, reply: str) -> list[int]:
        """See `Naming.read`; brackets around the list and a full stop behind it are allowed."""
        text = _unwrapped(reply)
        if text.strip('"').lower() == NO_ANSWER:
            return []
        entities: dict[int, None] = {}
        for part in _SEPARATOR.split(text):
            if not re.fullmatch(r"e\d+", part):
                if re.fullmatch(r"(e\d+){2,}", part):
                    raise StepError(f'"{part}" glues several ids together; separate them by commas')
                raise StepError(f'"{_short(part)}" is not an id; reply with {self.answer_form}, or "{NO_ANSWER}"')
            if part not in self._by_id:
                raise StepError(f'the id "{part}" is not in the context')
            entities[self._by_id[part]] = None
        return list(entities)


class ReadableNaming(Naming):
    """Entities and relations by their display names, quoted: data, not instructions.

    Args:
        entities: every entity that the prompt will hold.
        kg: the graph that names them.
    """

    answer_form = "names in double quotes, exactly as in the context, separated by commas"
    example_entities = (
        '"Ann of the example"',
        '"Bob of the example"',
        '"Cem of the example"',
        '"Dee of the example"',
        '"Eve of the example"',
    )
    example_relations = ('"knows"', '"employs"')

    def __init__(self, entities: Iterable[int], kg: KnowledgeGraph) -> None:
        self._kg = kg
        self._by_name = {kg.name(entity): entity for entity in entities}
        self.choices = Choices(tuple(map(quoted, self._by_name)), NO_ANSWER)
        self._by_key: dict[str, set[int]] = {}
        for name, entity in self._by_name.items():
            self._by_key.setdefault(fold(name), set()).add(entity)

    def entity(self, entity: int) -> str:
        """The entity's quoted name."""
        return quoted(self._kg.name(entity))

    def relation(self, relation: int) -> str:
        """The relation's quoted name."""
        return quoted(self._kg.relation_label(relation))

    def listing(self) -> str:
        """See `Naming.listing`."""
        return ", ".join(map(self.entity, self._by_name.values()))

    def read(self, reply: str) -> list[int]:
        """See `Naming.read`; a reply without any quotes is parted at its commas and lines.

        A name may differ in case and accents where that leaves no doubt. An entity that is called None is meant by its
        name in quotes.
        """
        text = _unwrapped(reply)
        if text.lower() == NO_ANSWER or (text.strip('"').lower() == NO_ANSWER and NO_ANSWER not in self._by_key):
            return []
        try:
            parts = json.loads(f"[{text}]") if '"' in text else [p for p in re.split(r"\s*[,\n]\s*", text) if p]
        except (ValueError, RecursionError):
            raise StepError(f'"{_short(text)}" is not a list of names; reply with {self.answer_form}') from None
        entities: dict[int, None] = {}
        for part in parts:
            fitting = self._fitting(part) if isinstance(part, str) else set()
            if len(fitting) != 1:
                problem = "could be several names" if fitting else "is no name"
                raise StepError(f'"{_short(str(part))}" {problem} in the context; reply with {self.answer_form}')
            entities[next(iter(fitting))] = None
        return list(entities)

    def _fitting(self, name: str) -> set[int]:
        return {self._by_name[name]} if name in self._by_name else self._by_key.get(fold(name), set())


class StructuredNaming(Naming):
    """A naming whose replies are `{"answers": [...]}`.

    Args:
        plain: the naming that it writes and reads names by.
    """

    answer_form = 'a JSON object {"answers": [...]}, each answer of the context a string in the list'
    none = '{"answers": []}'
    schema = SCHEMA

    def __init__(self, plain: AbstractNaming | ReadableNaming) -> None:
        self._plain = plain
        self._quotes_names = isinstance(plain, ReadableNaming)
        self.example_entities, self.example_relations = plain.example_entities, plain.example_relations

    def entity(self, entity: int) -> str:
        """See `Naming.entity`."""
        return self._plain.entity(entity)

    def relation(self, relation: int) -> str:
        """See `Naming.relation`."""
        return self._plain.relation(relation)

    def listing(self) -> str:
        """See `Naming.listing`; an id is longer by its quotes."""
        listed = self._plain.listing()
        return self.write([listed] if self._quotes_names else listed.split(", "))

    def write(self, names: Sequence[str]) -> str:
        """See `Naming.write`."""
        return f'{{"answers": [{", ".join(names) if self._quotes_names else json.dumps(list(names))[1:-1]}]}}'

    def read(self, reply: str) -> list[int]:
        """See `Naming.read`: the answers of the object, each a name of the context."""
        try:
            read = json.loads(reply)
        except (ValueError, RecursionError):
            read = None
        names = read.get("answers") if isinstance(read, dict) and len(read) == 1 else None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise StepError(f"the reply is not {self.answer_form}")
        if not names:
            return []
        if self._quotes_names:
            return self._plain.read(", ".join(map(json.dumps, names)))
        if any(not name or not name.isalnum() for name in names):
            raise StepError("an answer in the list is no id; each id of the context is a string of its own")
        return self._plain.read(", ".join(names))


def id_digits(count: int) -> int:
    """Digits of each of `count` ids in one prompt.

    All have the same number of digits, so that what a context costs is known before its ids are drawn, and no id is
    the beginning of another.
    """
    digits = 1
    while count > 9 * 10 ** (digits - 1):
        digits += 1
    return digits


def _first_number(count: int) -> int:
    return int(10 ** (id_digits(count) - 1))


def _number(letter: str, items: Iterable[int], rng: random.Random) -> dict[int, str]:
    unique = sorted(set(items))
    first = _first_number(len(unique))
    numbers = rng.sample(range(first, first + len(unique)), len(unique))
    return {item: f"{letter}{number}" for item, number in zip(unique, numbers, strict=True)}


def _unwrapped(reply: str) -> str:
    text = reply.strip()
    if not text:
        raise StepError("the reply is empty")
    if text.endswith("."):
        text = text[:-1].rstrip()
    if text[:1] + text[-1:] in ("[]", "{}", "()"):
        text = text[1:-1].strip() or NO_ANSWER
    if not text.strip(" .,;\n"):
        raise StepError("the reply holds nothing but punctuation")
    return text.rstrip(" ,;\n")


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."

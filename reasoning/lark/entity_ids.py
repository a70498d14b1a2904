"""How entities and relations are written in a prompt.

LARK abstracts them to ids, so that the model can only read and not remember, and so that a name that says "ignore the
question" never reaches it. The ids are drawn anew for each prompt and mean nothing. The readable form is the ablation.
"""

from __future__ import annotations

import json
import random
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Protocol

from reasoning.errors import StepError
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.copying import CONTEXT_END, CONTEXT_START
from reasoning.language.list_grammar import Choices

NamingKind = Literal["abstract", "readable"]
NONE = "none"
MOST_REPEATS = 6
"""Ids written again after which a reply counts as going round in circles."""

_MARKER = re.compile("|".join(map(re.escape, (CONTEXT_START, CONTEXT_END))), re.IGNORECASE)
_JOINERS = "\u200c\u200d"
_PARTING = re.compile(r"[\s,;]+")
_CLOSING = re.compile(r"\s*[.\])}][\s.\])}]*$")


class Naming(Protocol):
    """Writes entities and relations into one prompt and reads them back from its reply."""

    answer_form: str
    """How the reply is to be written, for the instruction."""

    none: str
    """The reply that says there is no answer, as an instruction shows it."""

    schema: dict[str, Any] | None
    """The JSON schema that the provider is to hold replies to, None where they are plain text."""

    choices: Choices | None
    """What a reply in text may list; None where it is no plain list."""

    example_entities: tuple[str, str, str, str, str]
    """Names for the worked example's entities; none of them is in the graph's part of the prompt."""

    example_relations: tuple[str, str]
    """Names for the worked example's relations."""

    def entity(self, entity: int) -> str:
        """The entity as the prompt writes it."""

    def relation(self, relation: int) -> str:
        """The relation as the prompt writes it."""

    def listing(self) -> str:
        """The reply that would list every entity of the prompt."""

    def write(self, names: Sequence[str]) -> str:
        """The reply that lists these names, each as the prompt writes it."""

    def hopeless(self, begun: str) -> bool:
        """Whether a reply that begins like this can no longer be read, so that waiting for its end is of no use."""

    def read(self, reply: str) -> list[int]:
        """The entities that a reply lists, in its order, each once.

        Raises:
            StepError: the reply is empty, prose, glued together, or names something that the prompt does not hold.
        """


class AbstractNaming:
    """Entities as `e7`, relations as `r2`, numbered at random, all entities with as many digits and all relations too.

    Args:
        entities: every entity that the prompt will hold.
        relations: every relation that the prompt will hold.
        rng: where the numbers are drawn from.
    """

    answer_form = "the ids alone, commas between them"
    none = f'"{NONE}"'
    schema: dict[str, Any] | None = None

    def __init__(self, entities: Iterable[int], relations: Iterable[int], rng: random.Random) -> None:
        self._entities = _number("e", entities, rng)
        self._relations = _number("r", relations, rng)
        most = max(len(self._entities), len(self._relations))
        first = 901 if _first_number(most) + most <= 901 else 900_001
        self.example_entities = (f"e{first}", f"e{first + 1}", f"e{first + 2}", f"e{first + 3}", f"e{first + 4}")
        self.example_relations = (f"r{first}", f"r{first + 1}")
        self._by_id = {name: entity for entity, name in self._entities.items()}
        self.choices: Choices | None = Choices(tuple(self._by_id), NONE)

    def entity(self, entity: int) -> str:
        """The entity's id in this prompt."""
        return self._entities[entity]

    def relation(self, relation: int) -> str:
        """The relation's id in this prompt."""
        return self._relations[relation]

    def listing(self) -> str:
        """See `Naming.listing`."""
        return ", ".join(self._by_id)

    def write(self, names: Sequence[str]) -> str:
        """See `Naming.write`."""
        return ", ".join(names) or NONE

    def hopeless(self, begun: str) -> bool:
        """See `Naming.hopeless`."""
        *whole, last = _PARTING.split(_CLOSING.sub("", begun.lstrip(" \t\n[({")))
        said = [part for part in (*whole, last) if part]
        if len(said) < 2 and NONE.startswith("".join(said).lower().strip('"')):
            return False
        repeats = len(whole) - len(set(whole))
        wrong = not all(part in self._by_id for part in whole) or not re.fullmatch(r"(e\d*)?", last)
        return wrong or repeats > MOST_REPEATS

    def read(self, reply: str) -> list[int]:
        """See `Naming.read`; brackets around the list and a full stop behind it are let pass."""
        text = _unwrapped(reply)
        if text.strip('"').lower() == NONE:
            return []
        found: dict[int, None] = {}
        for part in _PARTING.split(text):
            if not re.fullmatch(r"e\d+", part):
                if re.fullmatch(r"(e\d+){2,}", part):
                    raise StepError(f'"{part}" glues several ids together; separate them by commas')
                raise StepError(f'"{_short(part)}" is not an id; reply with {self.answer_form}, or "{NONE}"')
            if part not in self._by_id:
                raise StepError(f'the id "{part}" is not in the context')
            found[self._by_id[part]] = None
        return list(found)


class ReadableNaming:
    """Entities and relations by their display names, quoted: data, not instructions.

    Args:
        entities: every entity that the prompt will hold.
        kg: the graph that names them.
    """

    answer_form = "names in double quotes, exactly as in the context, separated by commas"
    none = f'"{NONE}"'
    schema: dict[str, Any] | None = None
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
        self.choices: Choices | None = Choices(tuple(map(quoted, self._by_name)), NONE)
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
        return ", ".join(self.entity(entity) for entity in self._by_name.values())

    def write(self, names: Sequence[str]) -> str:
        """See `Naming.write`."""
        return ", ".join(names) or NONE

    def hopeless(self, begun: str) -> bool:
        """Never: a name may go on in any way."""
        return False

    def read(self, reply: str) -> list[int]:
        """See `Naming.read`; a reply without any quotes is parted at its commas and lines.

        A name may differ in case and accents where that leaves no doubt. An entity that is called None is meant by its
        name in quotes.
        """
        text = _unwrapped(reply)
        if text.lower() == NONE or (text.strip('"').lower() == NONE and NONE not in self._by_key):
            return []
        try:
            parts = json.loads(f"[{text}]") if '"' in text else [p for p in re.split(r"\s*[,\n]\s*", text) if p]
        except (ValueError, RecursionError):
            raise StepError(f'"{_short(text)}" is not a list of names; reply with {self.answer_form}') from None
        found: dict[int, None] = {}
        for part in parts:
            fitting = self._fitting(part) if isinstance(part, str) else set()
            if len(fitting) != 1:
                problem = "could be several names" if fitting else "is no name"
                raise StepError(f'"{_short(str(part))}" {problem} in the context; reply with {self.answer_form}')
            found[next(iter(fitting))] = None
        return list(found)

    def _fitting(self, name: str) -> set[int]:
        return {self._by_name[name]} if name in self._by_name else self._by_key.get(fold(name), set())


def quoted(name: str) -> str:
    """A name as a JSON string that stays on its line and within its quotes, whoever chose the name.

    Beside what JSON escapes, everything is escaped that ends a line for some reader (U+2028), turns the direction of
    the text, cannot be seen (so that nobody sees what it says to the model) or stands alone of a surrogate pair, and
    the angle brackets of the markers around a context. Joiners, which emoji and many scripts need, are kept.
    """
    written = _MARKER.sub(lambda found: f"\\u003c{found[0][1:]}", json.dumps(name, ensure_ascii=False))
    if written.isprintable():
        return written
    return "".join(json.dumps(character)[1:-1] if _unseen(character) else character for character in written)


def _unseen(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in _JOINERS


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
        text = text[1:-1].strip() or NONE
    if not text.strip(" .,;\n"):
        raise StepError("the reply holds nothing but punctuation")
    return text.rstrip(" ,;\n")


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."

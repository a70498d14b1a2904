"""Names of entities and relations: spelling, folding, search by likeness, and what tells namesakes apart."""

from __future__ import annotations

import json
import re
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import merge
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

if TYPE_CHECKING:
    from reasoning.graph.remote.names import EndpointLabels, LookedUpNames
    from reasoning.graph.updates.overlay import ChangedKeys, ChangedStrings

RESERVED = frozenset(
    {"entity", "count", "exists", "top", "bottom", "sum", "average", "minimum", "maximum", "every", "name_starts"}
    | {"it", "today", "date"}
)
"""Words of the query language, which a relation of that name is told from by quotes."""

_PATH = re.compile(r"[^\s<>()\[\]{}\"']+")
_IDENTIFIER = re.compile(r"[^\W\d]\w*")


def relation_text(name: str) -> str:
    """A relation's name as the grammar writes it: bare where it can be, else quoted."""
    return name if _IDENTIFIER.fullmatch(name) and name not in RESERVED else quoted(name)


def quoted(text: str) -> str:
    """A text as the grammar quotes it, with JSON's escapes."""
    # Half a surrogate pair cannot be written to any stream, so it stays escaped.
    return json.dumps(text, ensure_ascii=not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text))


def label_words(label: str) -> str:
    """`/people/person/place_of_birth` to "place of birth", `locatedIn` to "located in", `concept:x` to "x".

    Only what may be a path is cut: a label with blanks or brackets, such as "price / unit", keeps all its words.
    """
    last = re.split(r"[/:.#]", label.rstrip("/:.#"))[-1] if _PATH.fullmatch(label) else label
    last = last or label
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", last).replace("_", " ").strip()
    return (spaced or label).lower() if not spaced.isupper() else spaced


SHORTEST = 4
"""Shorter names are not corrected: "Mali", "Bali" and "Male" are one letter apart."""
MOST_NAMESAKES = 500
"""Names looked through for those that only brackets tell apart."""

LONGEST = 200
"""Of longer names this much is compared with others: likeness costs time by length, and no one types more."""
ALIAS_HANDICAP = 10.0
"""How much nearer (0 to 100) an alias must be than a label to be offered before it."""

Scorer = Callable[..., Any]
"""How two keys are compared, as rapidfuzz has it."""

_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_ASCII = str.maketrans({code: None if chr(code) in "'`." else " " for code in range(128) if not chr(code).isalnum()})
_NUMBER = re.compile(r"\d+")
_GAPS = re.compile(r"[\W_]+")
_JOINTS = re.compile(r"['’`ʻʼ´.]")


class StringColumn(Sequence[str]):
    """An immutable sequence of strings over one UTF-8 blob.

    Args:
        blob: uint8, shape (bytes,).
        offsets: int64, shape (n + 1,): string i is `blob[offsets[i]:offsets[i + 1]]`.
    """

    def __init__(self, blob: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None:
        self.blob, self.offsets = blob, offsets
        self._view: memoryview = blob.data

    def __reduce__(self) -> tuple[Any, ...]:
        return StringColumn, (self.blob, self.offsets)  # a view of memory cannot be pickled

    @classmethod
    def from_strings(cls, strings: Iterable[str]) -> StringColumn:
        """Pack strings; lone surrogates survive the way in and out."""
        blob, lengths = bytearray(), array("q", [0])
        for text in strings:
            encoded = text.encode("utf-8", "surrogatepass")
            blob += encoded
            lengths.append(len(encoded))
        return cls(np.frombuffer(blob, dtype=np.uint8), np.cumsum(lengths, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self.raw(index % len(self)).decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        whole = self.blob.tobytes()
        bounds = self.offsets.tolist()
        return (whole[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise(bounds))

    def followed_by(self, more: StringColumn) -> StringColumn:
        """These strings and then more."""
        if not len(more):
            return self
        offsets = np.concatenate((self.offsets, self.offsets[-1] + more.offsets[1:]))
        return StringColumn(np.concatenate((self.blob[: int(self.offsets[-1])], more.blob)), offsets)

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return self.blob.nbytes + self.offsets.nbytes

    def holding(self, text: str, most: int) -> list[int]:
        """The strings, by index, of the first `most` places where one has `text`, not empty, in it."""
        pattern = re.escape(text.encode("utf-8", "surrogatepass"))
        places = [match.start() for match in islice(re.finditer(pattern, self._view), most)]
        starts = (np.searchsorted(self.offsets, places, "right") - 1).tolist()
        return [at for at in dict.fromkeys(starts) if text in self[at]]

    def raw(self, index: int) -> bytes:
        """The UTF-8 bytes of one string."""
        return bytes(self._view[int(self.offsets[index]) : int(self.offsets[index + 1])])

    def span(self, key: str, order: NDArray[np.int32] | None = None) -> range:
        """Positions equal to `key` in a column sorted by bytes (`order` sorts it where it is not)."""
        wanted = key.encode("utf-8", "surrogatepass")
        start = self._bisect(wanted, order, after=False)
        return range(start, self._bisect(wanted, order, after=True))

    def first(self, key: str, order: NDArray[np.int32]) -> int | None:
        """The first position equal to `key`, by an order that sorts the column by bytes; None where there is none."""
        wanted = key.encode("utf-8", "surrogatepass")
        place = self._bisect(wanted, order, after=False)
        return place if place < len(self) and self.raw(int(order[place])) == wanted else None

    def starting(self, prefix: str) -> range:
        """Positions that begin with `prefix`, not empty, in a column sorted by bytes."""
        wanted = prefix.encode("utf-8", "surrogatepass")
        # UTF-8 has no byte 255, so the last one can always be followed by the next.
        beyond = wanted[:-1] + bytes([wanted[-1] + 1])
        return range(self._bisect(wanted, None, after=False), self._bisect(beyond, None, after=False))

    def _bisect(self, wanted: bytes, order: NDArray[np.int32] | None, after: bool) -> int:
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            found = self.raw(middle if order is None else int(order[middle]))
            if found < wanted or (after and found == wanted):
                low = middle + 1
            else:
                high = middle
        return low


def byte_order(strings: Sequence[str]) -> NDArray[np.int32]:
    """The permutation that sorts strings by their UTF-8 bytes (code-point order, the same thing), shape (n,)."""
    return np.array(sorted(range(len(strings)), key=strings.__getitem__), dtype=np.int32)


def fold(name: str) -> str:
    """The key of a name: no case, no accents, no punctuation, single spaces; the name itself if nothing is left."""
    if name.isascii():  # the same, ten times faster, and twice as fast again for a single word
        lower = name.lower()
        return lower if lower.isalnum() else " ".join(lower.translate(_ASCII).split()) or name
    # Compatibility forms such as a bold letter are capitals only once they are taken apart.
    plain = unicodedata.normalize("NFKD", name.casefold()).casefold().translate(_LETTERS)
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    # An apostrophe or okina joins, any other mark parts: "Nuku'alofa" is one word, "Guinea-Bissau" two.
    plain = _JOINTS.sub("", plain)
    return _GAPS.sub(" ", plain).strip() or name


@dataclass(frozen=True)
class Match:
    """What a name was read as.

    Attributes:
        entities: the entities that fit equally well; one unless the name is shared.
        corrected_to: the name that was read, where the spelling did not fit any name.
    """

    entities: tuple[int, ...]
    corrected_to: str | None = None


class StoredKeys:
    """Folded keys of labels, ids and aliases in arrays, each with the entity that it is a key of.

    Args:
        texts: sorted by bytes, shape (k,).
        entities: int32, shape (k,): the entity of each key, rising among equal ones.
    """

    def __init__(self, texts: StringColumn, entities: NDArray[np.int32]) -> None:
        self.texts, self.entities = texts, entities

    def __reduce__(self) -> tuple[Any, ...]:
        return StoredKeys, (self.texts, self.entities)  # without the list, which is made anew in no time

    @classmethod
    def collect(cls, labels: Sequence[str], ids: Sequence[str], aliases: Iterable[tuple[int, str]]) -> StoredKeys:
        """Fold and sort the names of entities, and their other names as (entity, name) pairs."""
        return cls.sorted(
            chain(
                (
                    (key, entity)
                    for entity, (label, identifier) in enumerate(zip(labels, ids, strict=True))
                    for key in keys_of(label, identifier)
                ),
                ((fold(name), entity) for entity, name in aliases),
            )
        )

    @classmethod
    def sorted(cls, pairs: Iterable[tuple[str, int]]) -> StoredKeys:
        """Sort (key, entity) pairs; one that comes twice is kept once."""
        keys: list[str] = []
        entities = array("i")
        for key, entity in pairs:
            keys.append(key)
            entities.append(entity)
        order = byte_order(keys)
        owners = np.frombuffer(entities, dtype=np.int32)[order]
        groups = np.zeros(len(order), dtype=np.int32)  # equal keys, one number
        for place, (before, here) in enumerate(pairwise(order.tolist()), start=1):
            groups[place] = keys[before] != keys[here]
        np.cumsum(groups, out=groups)
        within = np.lexsort((owners, groups))
        kept = np.ones(len(order), dtype=bool)
        kept[1:] = (np.diff(groups) != 0) | (np.diff(owners[within]) != 0)
        order, owners = order[within][kept], owners[within][kept]
        return cls(StringColumn.from_strings(keys[place] for place in order.tolist()), owners)

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return self.texts.nbytes + self.entities.nbytes

    @property
    def whole(self) -> StoredKeys:
        """Itself."""
        return self

    def with_key(self, key: str) -> list[int]:
        """Entities under a key, rising."""
        span = self.texts.span(key)
        return self._owners(span)

    def starting(self, prefix: str, most: int) -> list[int]:
        """The entity of each of the first `most` keys that begin with `prefix`, not empty."""
        return self._owners(self.texts.starting(prefix)[:most])

    def renumbered(self, numbers: NDArray[np.int32]) -> StoredKeys:
        """The same with other numbers of entities, which keep their order."""
        return StoredKeys(self.texts, numbers[self.entities])

    def starting_with_keys(self, prefix: str, most: int) -> list[tuple[str, int]]:
        """The first `most` keys that begin with `prefix`, not empty, each with its entity."""
        span = self.texts.starting(prefix)[:most]
        return list(zip(self.texts[span.start : span.stop], self._owners(span), strict=True))

    def changed(self, stays: Callable[[str, int], bool], added: Sequence[tuple[str, int]]) -> StoredKeys:
        """The keys that stay, and further ones with their entities, sorted, none of which is here."""
        items = ((key, entity) for key, entity in self.items() if stays(key, entity))
        owners = array("i")

        def keys() -> Iterator[str]:
            for key, entity in merge(items, added):
                owners.append(entity)
                yield key

        texts = StringColumn.from_strings(keys())
        return StoredKeys(texts, np.array(owners, dtype=np.int32))

    def items(self) -> Iterator[tuple[str, int]]:
        """Every key with its entity, in order."""
        return zip(self._listed, self.entities.tolist(), strict=True)

    def like(self, key: str, scorer: Scorer, limit: int, cutoff: float) -> list[tuple[str, float, int]]:
        """The keys most like one by a measure of rapidfuzz, best first: (key, score, entity)."""
        hits = process.extract(key, self._listed, scorer=scorer, limit=limit, score_cutoff=cutoff)
        return [(text, score, int(self.entities[position])) for text, score, position in hits]

    def _owners(self, span: range) -> list[int]:
        owners: list[int] = self.entities[span.start : span.stop].tolist()
        return owners

    @cached_property
    def _listed(self) -> list[str]:
        return list(self.texts)


class NameIndex:
    """Finds the entities of a graph by their names."""

    def __init__(self, keys: KeyTable, labels: Labels, ids: Strings) -> None:
        self._keys, self._labels, self._ids = keys, labels, ids

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays; labels and ids are the table's."""
        return self._keys.nbytes

    @property
    def whole(self) -> StoredKeys:
        """All names as arrays."""
        return self._keys.whole

    def with_key(self, key: str) -> list[int]:
        """Entities under a folded key."""
        return self._keys.with_key(key)

    def called(self, text: str) -> list[int]:
        """Entities with a name that is a text but for case, accents and marks."""
        return self.with_key(fold(text))

    def expect(self, texts: Sequence[str]) -> None:
        """Make ready for several texts that `called` will be asked for: here they are all at hand."""

    def beginning(self, key: str, most: int) -> list[int]:
        """The entity of each of the first `most` names that begin with a folded key, not empty."""
        return self._keys.starting(key, most)

    def with_disambiguator(self, key: str) -> list[int]:
        """Entities whose label is of a folded key with brackets behind: "Córdoba (Andalusia)" under "cordoba"."""
        found = []
        for entity in self._keys.starting(f"{key} ", MOST_NAMESAKES):
            label = self._labels[entity]
            if label.endswith(")") and fold(label.rpartition(" (")[0]) == key:
                found.append(entity)
        return list(dict.fromkeys(found))

    def holding(self, key: str) -> list[int]:
        """Entities whose label has a folded key in it as whole words: "Republic of the Congo" of "congo"."""
        within = f" {key} "
        found = (entity for text, entity in self._keys.items() if within in f" {text} ")
        return [entity for entity in dict.fromkeys(found) if within in f" {fold(self._labels[entity])} "]

    def longer_by(self, key: str, endings: Sequence[str]) -> list[int]:
        """Entities whose label is a folded key with one of some endings: "Uzbekistan" under "uzbek"."""
        found = [entity for ending in endings for entity in self.with_key(key + ending)]
        return [entity for entity in dict.fromkeys(found) if fold(self._labels[entity]) in {key + e for e in endings}]

    def spelling(self, text: str, most: int) -> list[int]:
        """The entities of the first `most` places where a label has a text in it, as it is spelled."""
        return self._labels.holding(text, most)

    def match(self, name: str) -> Match | None:
        """Read a name: exact label, exact id, folded key, close spelling, in this order; None where nothing fits."""
        fitting = self.with_key(fold(name))
        if fitting:
            for exact in (self._labels, self._ids):
                same = [entity for entity in fitting if exact[entity] == name]
                if same:
                    return Match(tuple(same))
            labelled = [entity for entity in fitting if fold(self._labels[entity]) == fold(name)]
            return Match(tuple(labelled or fitting))
        found = self.respelled(name)
        return Match((found[0],), corrected_to=self._labels[found[0]]) if len(found) == 1 else None

    def respelled(self, name: str) -> list[int]:
        """Entities whose names are a slip away (a letter missing, added, changed or swapped; two in a long name).

        Of several the nearest, among which labels win over aliases. Another number is no slip: "Apollo 12" is not
        "Apollo 13".
        """
        key = fold(name)
        if len(key) < SHORTEST or len(name) > LONGEST:
            return []
        slips = 1 if len(key) < 2 * SHORTEST else 2
        hits = self._keys.like(key, OSA.distance, 50, slips)
        hits = [hit for hit in hits if _NUMBER.findall(hit[0]) == _NUMBER.findall(key)]
        near = [(entity, text) for text, distance, entity in hits if distance == hits[0][1]]
        labelled = {entity for entity, text in near if fold(self._labels[entity]) == text}
        return sorted(labelled or {entity for entity, _ in near})

    def nearest(self, name: str, count: int = 3) -> list[str]:
        """Labels of the entities whose names are most like `name`, best first."""
        scores: dict[str, float] = {}
        for text, score, entity in self._keys.like(fold(name)[:LONGEST], fuzz.ratio, 20 * count, 50.0):
            label = self._labels[entity]
            # A foreign name that happens to be near is a worse guess than the name that a person sees.
            scores[label] = max(scores.get(label, 0.0), score + (ALIAS_HANDICAP if fold(label) == text else 0.0))
        return sorted(scores, key=lambda label: -scores[label])[:count]

    def aliases(self) -> dict[int, list[str]]:
        """Names of entities beside label and id, folded."""
        found: dict[int, list[str]] = {}
        for key, entity in self._keys.items():
            found.setdefault(entity, []).append(key)
        for entity, keys in found.items():
            own = {fold(name) for name in {self._labels[entity], self._ids[entity]}}
            found[entity] = [key for key in keys if key not in own]
        return found


KeyTable: TypeAlias = "StoredKeys | ChangedKeys"
"""Folded keys, wherever they are kept."""
Strings: TypeAlias = "Sequence[str] | ChangedStrings"
"""Ids or labels of entities, wherever they are kept."""
Labels: TypeAlias = "StringColumn | ChangedStrings | EndpointLabels"
"""Labels of entities, in which can be searched."""
Names: TypeAlias = "NameIndex | LookedUpNames"
"""What finds the entities of a graph by their names, wherever these are kept."""


def keys_of(label: str, identifier: str) -> list[str]:
    """The folded keys of an entity's own names: one where both fold alike."""
    key = fold(label)
    if identifier == label or (other := fold(identifier)) == key:
        return [key]
    return [key, other]


def nearest_texts(name: str, choices: Iterable[str], count: int = 3) -> list[str]:
    """The choices most like `name`, best first, folded before they are compared."""
    by_key = {fold(choice): choice for choice in choices}
    hits = process.extract(fold(name)[:LONGEST], list(by_key), scorer=fuzz.WRatio, limit=count, score_cutoff=45.0)
    return [by_key[key] for key, _, _ in hits]

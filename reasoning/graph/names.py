"""Names on disk, and finding an entity by the name that a person types.

A million Python strings take a second to load and 60 MB; one blob with offsets takes neither, can be memory-mapped, and
a sorted column of it can be searched where it lies.

People leave out accents and capitals and misspell; data sets repeat names. A name is looked up by a folded key (case,
accents, punctuation and spacing removed) over labels, ids and aliases; where no key fits, a single close spelling is
taken and reported, and otherwise the error lists the nearest names.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import overload

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

SHORTEST = 4
"""Shorter names are not corrected: "Mali", "Bali" and "Male" are one letter apart."""
MOST_NAMESAKES = 500
"""Names looked through for those that only brackets tell apart."""

LONGEST = 200
"""Of longer names this much is compared with others: likeness costs time by length, and no one types more."""
ALIAS_HANDICAP = 10.0
"""How much nearer (0 to 100) an alias must be than a label to be offered before it."""

_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_ASCII = str.maketrans({code: None if chr(code) in "'`." else " " for code in range(128) if not chr(code).isalnum()})
_NUMBER = re.compile(r"\d+")
_GAPS = re.compile(r"[\W_]+")


class StringColumn(Sequence[str]):
    """An immutable sequence of strings over one UTF-8 blob.

    Args:
        blob: uint8, shape (bytes,).
        offsets: int64, shape (n + 1,): string i is `blob[offsets[i]:offsets[i + 1]]`.
    """

    def __init__(self, blob: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None:
        self.blob, self.offsets = blob, offsets
        self._view: memoryview = blob.data

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

    def raw(self, index: int) -> bytes:
        """The UTF-8 bytes of one string."""
        return bytes(self._view[int(self.offsets[index]) : int(self.offsets[index + 1])])

    def span(self, key: str, order: NDArray[np.int32] | None = None) -> range:
        """Positions equal to `key` in a column sorted by bytes (`order` sorts it where it is not)."""
        wanted = key.encode("utf-8", "surrogatepass")
        start = self._bisect(wanted, order, after=False)
        return range(start, self._bisect(wanted, order, after=True))

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
    if name.isascii():  # the same, ten times faster
        return " ".join(name.lower().translate(_ASCII).split()) or name
    # Compatibility forms such as a bold letter are capitals only once they are taken apart.
    plain = unicodedata.normalize("NFKD", name.casefold()).casefold().translate(_LETTERS)
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    # An apostrophe or okina joins, any other mark parts: "Nuku'alofa" is one word, "Guinea-Bissau" two.
    plain = re.sub(r"['’`ʻʼ´.]", "", plain)
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


class NameIndex:
    """Folded keys of labels, ids and aliases, sorted, each pointing at an entity.

    Args:
        keys: sorted by bytes, shape (k,).
        entities: int32, shape (k,): the entity of each key.
        label: gives an entity's label.
        identifier: gives an entity's id.
    """

    def __init__(
        self,
        keys: StringColumn,
        entities: NDArray[np.int32],
        label: Callable[[int], str],
        identifier: Callable[[int], str],
    ) -> None:
        self.keys, self.entities, self._label, self._identifier = keys, entities, label, identifier

    @staticmethod
    def collect(
        labels: Sequence[str], ids: Sequence[str], aliases: Iterable[tuple[int, str]]
    ) -> tuple[StringColumn, NDArray[np.int32]]:
        """Fold and sort names into `keys` and `entities`.

        Args:
            labels, ids: by entity.
            aliases: (entity, other name) pairs.
        """
        keys: list[str] = []
        entities = array("i")
        for entity, (label, identifier) in enumerate(zip(labels, ids, strict=True)):
            key = fold(label)
            keys.append(key)
            entities.append(entity)
            if identifier != label and (other := fold(identifier)) != key:
                keys.append(other)
                entities.append(entity)
        for entity, name in aliases:
            keys.append(fold(name))
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
        return StringColumn.from_strings(keys[place] for place in order.tolist()), owners

    def with_key(self, key: str) -> list[int]:
        """Entities under a folded key."""
        span = self.keys.span(key)
        return [int(entity) for entity in self.entities[span.start : span.stop]]

    def beginning(self, key: str) -> range:
        """Positions in `keys` and `entities` of the names that begin with a folded key, not empty."""
        return self.keys.starting(key)

    def told_apart(self, key: str) -> list[int]:
        """Entities whose label is of a folded key with brackets behind: "Córdoba (Andalusia)" under "cordoba"."""
        found = []
        for position in self.keys.starting(f"{key} ")[:MOST_NAMESAKES]:
            entity = int(self.entities[position])
            label = self._label(entity)
            if label.endswith(")") and fold(label.rpartition(" (")[0]) == key:
                found.append(entity)
        return list(dict.fromkeys(found))

    def holding(self, key: str) -> list[int]:
        """Entities whose label has a folded key in it as whole words: "Republic of the Congo" of "congo"."""
        within = f" {key} "
        found = (int(self.entities[at]) for at, text in enumerate(self._texts) if within in f" {text} ")
        return [entity for entity in dict.fromkeys(found) if within in f" {fold(self._label(entity))} "]

    def longer_by(self, key: str, endings: Sequence[str]) -> list[int]:
        """Entities whose label is a folded key with one of some endings: "Uzbekistan" under "uzbek"."""
        found = [entity for ending in endings for entity in self.with_key(key + ending)]
        return [entity for entity in dict.fromkeys(found) if fold(self._label(entity)) in {key + e for e in endings}]

    def match(self, name: str) -> Match | None:
        """Read a name: exact label, exact id, folded key, close spelling, in this order; None where nothing fits."""
        fitting = self.with_key(fold(name))
        if fitting:
            for exact in (self._label, self._identifier):
                same = [entity for entity in fitting if exact(entity) == name]
                if same:
                    return Match(tuple(same))
            labelled = [entity for entity in fitting if fold(self._label(entity)) == fold(name)]
            return Match(tuple(labelled or fitting))
        entity = self._respelled(fold(name)) if len(name) <= LONGEST else None
        return None if entity is None else Match((entity,), corrected_to=self._label(entity))

    def _respelled(self, key: str) -> int | None:
        """The one entity whose name is a slip away (a letter missing, added, changed or swapped; two in a long name).

        A label that near wins over aliases; where several entities remain there is no telling, so None. Another number
        is no slip: "Apollo 12" is not "Apollo 13".
        """
        if len(key) < SHORTEST:
            return None
        slips = 1 if len(key) < 2 * SHORTEST else 2
        hits = process.extract(key, self._texts, scorer=OSA.distance, limit=50, score_cutoff=slips)
        hits = [hit for hit in hits if _NUMBER.findall(hit[0]) == _NUMBER.findall(key)]
        near = [(int(self.entities[position]), text) for text, distance, position in hits if distance == hits[0][1]]
        labelled = {entity for entity, text in near if fold(self._label(entity)) == text}
        fitting = labelled or {entity for entity, _ in near}
        return fitting.pop() if len(fitting) == 1 else None

    def nearest(self, name: str, count: int = 3) -> list[str]:
        """Labels of the entities whose names are most like `name`, best first."""
        hits = process.extract(
            fold(name)[:LONGEST], self._texts, scorer=fuzz.ratio, limit=20 * count, score_cutoff=50.0
        )
        scores: dict[str, float] = {}
        for text, score, position in hits:
            label = self._label(int(self.entities[position]))
            # A foreign name that happens to be near is a worse guess than the name that a person sees.
            scores[label] = max(scores.get(label, 0.0), score + (ALIAS_HANDICAP if fold(label) == text else 0.0))
        return sorted(scores, key=lambda label: -scores[label])[:count]

    @cached_property
    def _texts(self) -> list[str]:
        return list(self.keys)


def nearest_texts(name: str, choices: Iterable[str], count: int = 3) -> list[str]:
    """The choices most like `name`, best first, folded before they are compared."""
    by_key = {fold(choice): choice for choice in choices}
    hits = process.extract(fold(name)[:LONGEST], list(by_key), scorer=fuzz.WRatio, limit=count, score_cutoff=45.0)
    return [by_key[key] for key, _, _ in hits]

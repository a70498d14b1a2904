"""Columns of strings that can be memory-mapped.

A million Python strings take a second to load and 60 MB; one blob with offsets takes neither, and a sorted column can
be searched where it lies.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np
from numpy.typing import NDArray


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

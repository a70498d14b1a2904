"""Candidate scoring: a taught model reads a sheet once and marks each candidate on it, keep or drop.

A model that writes its answer as text spends most of its work on the form of prompt and reply. Here a candidate is
one token, what is asked stands first, and the probability of the mark is the candidate's score: what is not on the
sheet cannot be named. Sheets are packed behind each other, none seeing the others.

Things are existing single-token words of the vocabulary, drawn anew for each sheet, so that none means anything;
words whose embeddings are near each other are left out. The model is cut to its lower layers, which do this work. An
adapter names the base model that it was taught on, since on another it would mark nonsense without any error.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reasoning.lm.calls import folder_digest
from reasoning.lm.decoding import SharedPasses
from reasoning.lm.embedded import PACKAGED, EmbeddedChatModel
from reasoning.lm.errors import LLMError, need_packages
from reasoning.lm.local_weights import find_weights, model_name, open_model
from reasoning.lm.low_rank import lower_layers, merge_adapter, rows_fingerprint, with_adapter
from reasoning.lm.mark_scheme import MarkScheme
from skylark.models import find_device

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from peft import LoraConfig


MARKS_FILE = "marking.json"

FORMAT = 2
"""Of `marking.json`: 1 (version 0.1.0, which states no number) names no base."""


@dataclass(frozen=True)
class Marks:
    """What belongs to an adapter beside its weights.

    Attributes:
        scheme: how sheets are written.
        layers: how many of the model's layers are used.
        temperature: divides the log-odds, so that the probabilities are calibrated (Guo et al. 2017).
        base: fingerprint of the model that it was taught on; None in adapters of version 0.1.0.
    """

    scheme: MarkScheme
    layers: int
    temperature: float = 1.0
    base: str | None = None

    @classmethod
    def read(cls, folder: Path) -> Marks:
        """From an adapter's folder; an LLMError where it holds no adapter that marks, a damaged one, or one of a newer
        form."""
        try:
            stored = json.loads((folder / MARKS_FILE).read_text(encoding="utf-8"))
            form = int(stored.get("format", 1))
            if form > FORMAT:
                raise LLMError(f"{folder} has form {form}, and this version reads adapters up to form {FORMAT}: "
                               f"install a newer version, or teach it again")  # fmt: skip
            scheme = MarkScheme.from_dict(stored["scheme"])
            return cls(scheme, int(stored["layers"]), float(stored["temperature"]), stored.get("base"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise LLMError(
                f"{folder} is not an adapter made by `python -m reasoning teach steps` "
                f"({type(error).__name__}: {error})"
            ) from error

    def write(self, folder: Path) -> None:
        """Into an adapter's folder."""
        stored = {
            "format": FORMAT,
            "base": self.base,
            "layers": self.layers,
            "temperature": self.temperature,
            "scheme": self.scheme.to_dict(),
        }
        (folder / MARKS_FILE).write_text(json.dumps(stored) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Sheet:
    """Token ids with the places where the model says whether what it just read is an answer.

    Attributes:
        tokens: int64, shape (t,).
        places: positions in `tokens` behind which the model marks, int64, shape (p,).
        candidates: what each mark keeps or drops, by number, int32, shape (p,); one candidate may have several marks.
    """

    tokens: NDArray[np.int64]
    places: NDArray[np.int64]
    candidates: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.tokens)


def keep_logits(decoder: Any, readout: Any, sheets: Sequence[Sheet]) -> Any:
    """The log-odds of keeping against dropping at every place of the sheets, in order, by the head's row of `keep` less
    that of `drop` (`readout`, shape (width,)); a float32 tensor."""
    import torch

    device = readout.device
    lengths = [len(sheet) for sheet in sheets]
    sheet_of = torch.tensor(np.repeat(np.arange(len(sheets)), lengths), device=device)
    tokens = torch.tensor(np.concatenate([sheet.tokens for sheet in sheets]), device=device)
    positions = torch.tensor(np.concatenate([np.arange(length) for length in lengths]), device=device)
    order = torch.arange(len(tokens), device=device)
    visible = (sheet_of[:, None] == sheet_of[None, :]) & (order[:, None] >= order[None, :])
    dtype = next(decoder.parameters()).dtype
    mask = torch.zeros(visible.shape, dtype=dtype, device=device).masked_fill_(~visible, torch.finfo(dtype).min)
    output = decoder(
        input_ids=tokens[None], attention_mask=mask[None, None], position_ids=positions[None], use_cache=False
    )
    starts = np.cumsum([0, *lengths[:-1]])
    places = np.concatenate([sheet.places + start for sheet, start in zip(sheets, starts, strict=True)])
    hidden = output.last_hidden_state[0, torch.tensor(places, device=device)]
    return hidden.float() @ readout


def batches(sheets: Sequence[Sheet], most_tokens: int) -> list[list[int]]:
    """Positions of sheets in passes of at most so many tokens, like lengths together; a longer sheet goes alone."""
    passes: list[list[int]] = []
    room = 0
    for position in sorted(range(len(sheets)), key=lambda at: len(sheets[at])):
        if not passes or len(sheets[position]) > room:
            passes.append([])
            room = most_tokens
        passes[-1].append(position)
        room -= len(sheets[position])
    return passes


PACKAGED_ADAPTER = Path(__file__).parent / "adapters" / "steps"
"""The adapter of the packaged SmolLM2-135M-Instruct; its README says how it was made."""


def adapter_of(llm: BaseChatModel) -> Path | None:
    """The folder of the adapter that makes a chat model mark, an LLMError where it holds none; None where it answers in
    words."""
    if not isinstance(llm, EmbeddedChatModel) or llm.adapter is None:
        return None
    if llm.adapter == PACKAGED:
        return PACKAGED_ADAPTER if llm.source is None else None
    folder = Path(llm.adapter).expanduser()
    if not (folder / MARKS_FILE).is_file():
        raise LLMError(f"{folder} holds no adapter made by `python -m reasoning teach steps`")
    return folder


def scheme_of(llm: BaseChatModel) -> MarkScheme:
    """How sheets are written for a chat model that marks; its weights are not loaded."""
    folder = adapter_of(llm)
    assert folder is not None
    return _scheme(folder)


@cache
def _scheme(folder: Path) -> MarkScheme:
    return Marks.read(folder).scheme


def adapter_digest(llm: BaseChatModel) -> str | None:
    """A hex digest of a chat model's adapter: whether two runs were answered by the same."""
    folder = adapter_of(llm)
    return None if folder is None else folder_digest(folder)


TOKENS_OF_A_PASS = 1024


@dataclass
class Student:
    """A model that marks.

    Attributes:
        decoder: the transformer without its head, cut to `marks.layers`; while it is taught, with PEFT's layers.
        readout: float32, shape (width,).
        marks: what belongs to its adapter.
    """

    decoder: Any
    readout: Any
    marks: Marks

    def log_odds(self, sheets: list[Sheet], most_tokens: int = TOKENS_OF_A_PASS) -> list[NDArray[np.float32]]:
        """Log-odds of keeping at each sheet's places, before the temperature; several sheets share a pass."""
        import torch

        odds: list[NDArray[np.float32]] = [np.zeros(0, np.float32)] * len(sheets)
        with torch.inference_mode():
            for batch in batches(sheets, most_tokens):
                packed = [sheets[position] for position in batch]
                flat = keep_logits(self.decoder, self.readout, packed).cpu().numpy()
                ends = np.cumsum([len(sheet.places) for sheet in packed])
                for position, part in zip(batch, np.split(flat, ends[:-1]), strict=True):
                    odds[position] = part
        return odds

    def probabilities(self, sheets: list[Sheet]) -> list[NDArray[np.float64]]:
        """The calibrated probability that each candidate is to be kept."""
        return [1 / (1 + np.exp(-odds.astype(np.float64) / self.marks.temperature)) for odds in self.log_odds(sheets)]


def open_base(source: str | None, dtype: str = "float32") -> tuple[Any, Any]:
    """The model that an adapter belongs to, on the processor, and its tokenizer; `source` and errors as for
    `find_weights`.

    Raises:
        LLMError: a package or the weights are missing, or they cannot be read.
    """
    need_packages("A model with an adapter", "torch", "transformers")
    return open_model(find_weights(source), model_name(source), dtype=dtype)


def fingerprint(model: Any, scheme: MarkScheme) -> str:
    """Names a base model by the head's rows that the scheme reads."""
    return rows_fingerprint(model, [scheme.keep, scheme.drop, *sorted(scheme.operations.values())])


def attach(model: Any, marks: Marks, config: LoraConfig, device: str = "cpu") -> tuple[Any, Student]:
    """A causal language model, cut and frozen, with PEFT's new matrices in float32; and the same as it marks."""
    readout = _readout(model, marks.scheme).to(device)
    decoder = lower_layers(model, marks.layers).requires_grad_(False)
    adapter = with_adapter(decoder, config)
    for parameter in adapter.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return adapter.to(device).train(), Student(adapter, readout, marks)


def load_student(folder: Path, source: str | None = None, device: str = "cpu") -> Student:
    """A taught model, its adapter merged into the weights (`find_weights`), float32; an LLMError where either is
    missing or damaged, or they do not belong together."""
    marks = Marks.read(folder)
    model, tokenizer = open_base(source)
    check_base(model, tokenizer, marks, folder)
    decoder = merge_adapter(lower_layers(model, marks.layers).requires_grad_(False), folder)
    return Student(decoder.to(device), _readout(model, marks.scheme).to(device), marks)


def _readout(model: Any, scheme: MarkScheme) -> Any:
    """The head's row for keeping less that for dropping: float32, shape (width,)."""
    weight = model.get_output_embeddings().weight
    return (weight[scheme.keep] - weight[scheme.drop]).detach().float()


def check_base(model: Any, tokenizer: Any, marks: Marks, folder: Path) -> None:
    """Refuse an adapter of another base model: an LLMError where fingerprints differ, or of version 0.1.0 the words."""
    scheme = marks.scheme
    if max(scheme.tokens) < len(tokenizer):
        if marks.base is not None:
            fits = marks.base == fingerprint(model, scheme)
        else:
            fits = all(tokenizer.decode([token]).strip() == name for token, name in scheme.names.items())
        if fits:
            return
    raise LLMError(
        f"The adapter {folder} was taught on another base model than {getattr(model, 'name_or_path', 'this one')}: "
        f"take that model, or teach an adapter on this one"
    )


Probabilities = list[NDArray[np.float64]]
"""That each candidate of each sheet is to be kept."""

Passes = SharedPasses[Sequence[Sheet], Probabilities]


def shared(student: Student) -> Passes:
    """A student's passes."""

    def marked(asked: Sequence[Sequence[Sheet]]) -> list[Probabilities]:
        marks = iter(student.probabilities([sheet for sheets in asked for sheet in sheets]))
        return [[next(marks) for _ in sheets] for sheets in asked]

    return SharedPasses(marked)


_loaded: dict[tuple[Path, str | None, str], Passes] = {}
_loading = threading.Lock()


def passes_of(llm: EmbeddedChatModel) -> Passes:
    """The passes of the student of a chat model that marks, its weights loaded at the first call (or an LLMError) and
    shared."""
    folder = adapter_of(llm)
    assert folder is not None
    device = find_device(llm.device, LLMError)
    with _loading:
        key = (folder.resolve(), llm.source, device)
        if key not in _loaded:
            _loaded[key] = shared(load_student(folder, llm.source, device))
        return _loaded[key]

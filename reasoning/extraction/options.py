"""How texts are put to a language model that is to extract triples."""

from __future__ import annotations

from dataclasses import dataclass

from kg_data.errors import UsageError
from reasoning.language.options import ModelOptions

LEAST_CHUNK = 50
"""Tokens; a sentence should have room."""


@dataclass(frozen=True, kw_only=True)
class ExtractionOptions(ModelOptions):
    """How texts are put to a language model; the options of the model itself are in `ModelOptions`.

    Attributes:
        chunk_tokens: tokens of text that one request shows, three characters counted as one: where a tokenizer makes
            more of a text than that, as of scripts without blanks, a request holds up to three times as many.
        repairs: replies asked for again, with what is wrong with the last one shown, before a passage has failed.
        cache: keep replies on disk, so that a run that was stopped goes on where it was, and the same text costs
            nothing the second time.
        max_new_tokens: of a model in this process; a passage full of facts has long replies.
    """

    chunk_tokens: int = 600
    repairs: int = 1
    cache: bool = True
    max_new_tokens: int = 1024

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.chunk_tokens < LEAST_CHUNK:
            raise UsageError(f"chunk_tokens must be at least {LEAST_CHUNK}, not {self.chunk_tokens}")
        if self.repairs < 0:
            raise UsageError(f"repairs must be at least 0, not {self.repairs}")

"""How a language model is loaded and asked, whatever it is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kg_data.devices import check_names
from reasoning.language.errors import LLMError


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """How a language model is loaded and asked.

    Attributes:
        device: where a model in this process runs: "auto" (a GPU where there is one), "cpu", "cuda", "cuda:1", "mps".
        dtype: of its weights: "auto" (as stored on a GPU, float32 on a processor), "float32", "bfloat16", "float16".
        adapter: the folder of an adapter for a model in this process, made by `python -m reasoning teach steps`, which
            answers the steps of method lark; "packaged" for the one that comes with the embedded model.
        max_new_tokens: most tokens of one reply of a model in this process.
        timeout: seconds for one reply, retries included, turns waited for under `requests_per_minute` not.
        retries: requests sent again for one reply after an error that may pass: too many requests, an error of the
            server's, a lost connection. A chat model object of your own may retry by itself beside that.
        requests_per_minute: most requests sent to a hosted model in a minute, evenly spaced; None for no limit.
        max_concurrency: most requests under way at once; None for 4 to a provider and 1 to any other model.
        cache: keep a hosted model's replies on disk and read them back where the same is asked again.
        price_in, price_out: USD for a million tokens of prompt and of reply, where the list of known prices has no
            entry for the model or a wrong one.
    """

    device: str = "auto"
    dtype: str = "auto"
    adapter: str = "packaged"
    max_new_tokens: int = 512
    timeout: float = 120.0
    retries: int = 4
    requests_per_minute: float | None = None
    max_concurrency: int | None = None
    cache: bool = False
    price_in: float | None = None
    price_out: float | None = None

    def __post_init__(self) -> None:
        check_names(self.device, self.dtype, LLMError)
        if not (self.timeout > 0 and math.isfinite(self.timeout)):
            raise LLMError(f"timeout must be a number of seconds above 0, not {self.timeout!r}")
        if self.max_new_tokens < 1:
            raise LLMError(f"max_new_tokens must be at least 1, not {self.max_new_tokens}")
        if self.retries < 0:
            raise LLMError(f"retries must be at least 0, not {self.retries}")
        if self.max_concurrency is not None and self.max_concurrency < 1:
            raise LLMError(f"max_concurrency must be at least 1, not {self.max_concurrency}")
        rate = self.requests_per_minute
        if rate is not None and not (rate > 0 and math.isfinite(rate)):
            raise LLMError(f"requests_per_minute must be above 0, not {rate!r}")
        if (self.price_in is None) != (self.price_out is None):
            raise LLMError("price_in and price_out belong together: give both, in USD per million tokens")
        if any(not (0 <= price < math.inf) for price in (self.price_in, self.price_out) if price is not None):
            raise LLMError("price_in and price_out must be at least 0")

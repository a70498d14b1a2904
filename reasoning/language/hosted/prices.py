"""What a model's tokens cost, from the public list of prices that the package genai-prices carries.

A price that the list does not know is None and never 0: a run that looks free must be free.
"""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel

from reasoning.language.hosted.providers import address, display_name, is_hosted, provider_of, runs_here
from reasoning.language.options import ModelOptions


def cost(llm: BaseChatModel, options: ModelOptions, input_tokens: int, output_tokens: int) -> float | None:
    """USD for so many tokens, by today's list price or by the user's own; None where neither is known.

    A model in this process costs 0. A model at an address that is not a known provider's has no list price, whatever
    its name: it may be anybody's server.
    """
    if options.price_in is not None and options.price_out is not None:
        return (options.price_in * input_tokens + options.price_out * output_tokens) / 1_000_000
    if runs_here(llm):
        return 0.0
    if not is_hosted(llm):
        return None
    from genai_prices import Usage, calc_price

    usage, name, where = Usage(input_tokens=input_tokens, output_tokens=output_tokens), display_name(llm), address(llm)
    try:
        if where is None:
            return float(calc_price(usage, name, provider_id=provider_of(llm)).total_price)
        return float(calc_price(usage, name, provider_api_url=where).total_price)
    except LookupError:
        return None

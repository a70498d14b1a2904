"""Models that somebody else runs, named "provider:model" and reached through LangChain's integration packages."""

from __future__ import annotations

import difflib
import importlib.util
import os
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel

from reasoning.llms.errors import LLMError
from reasoning.llms.redaction import redact


@dataclass(frozen=True)
class Provider:
    """What a provider needs.

    Args:
        package: the LangChain integration, as pip names it.
        keys: environment variables, any one of which holds the key; none where no key is needed.
        example: a model of theirs, for messages.
    """

    package: str
    keys: tuple[str, ...]
    example: str


PROVIDERS = {
    "anthropic": Provider("langchain-anthropic", ("ANTHROPIC_API_KEY",), "claude-haiku-4-5"),
    "deepseek": Provider("langchain-deepseek", ("DEEPSEEK_API_KEY",), "deepseek-chat"),
    "google_genai": Provider("langchain-google-genai", ("GOOGLE_API_KEY", "GEMINI_API_KEY"), "gemini-2.5-flash"),
    "groq": Provider("langchain-groq", ("GROQ_API_KEY",), "llama-3.3-70b-versatile"),
    "mistralai": Provider("langchain-mistralai", ("MISTRAL_API_KEY",), "mistral-small-latest"),
    "ollama": Provider("langchain-ollama", (), "llama3.2"),
    "openai": Provider("langchain-openai", ("OPENAI_API_KEY",), "gpt-5-mini"),
}


def load_hosted(provider: str, model: str) -> BaseChatModel:
    """The chat model `model` of `provider`, at temperature 0; nothing is sent yet.

    No limit on new tokens is set: models that think first spend the same allowance on it, and a limit that suits the
    short answers asked for here would leave nothing for the answer.

    Raises:
        LLMError: the provider is unknown, its package is not installed, its key is not set, or it refuses the model.
    """
    from langchain.chat_models import init_chat_model

    known = PROVIDERS.get(provider)
    if known and importlib.util.find_spec(known.package.replace("-", "_")) is None:
        raise LLMError(
            f"{provider}:{model} needs the package {known.package}, which is not installed: "
            f"run `pip install {known.package}`"
        )
    if known and known.keys and not any(os.environ.get(key) for key in known.keys):
        raise LLMError(f"{provider}:{model} needs a key: set the environment variable {' or '.join(known.keys)}")
    try:
        return init_chat_model(model, model_provider=provider, temperature=0)
    except ValueError as error:
        if str(error).startswith("Unsupported provider"):
            raise LLMError(unknown_name(f"{provider}:{model}")) from None
        raise LLMError(f"{provider}:{model} cannot be used: {redact(str(error))}") from None
    except ImportError as error:
        raise LLMError(f"{provider}:{model} cannot be loaded: {error}") from error
    except Exception as error:  # each provider's own errors
        # Not chained: the provider's own error, shown under ours, might print a key.
        raise LLMError(f"{provider}:{model} cannot be used, {type(error).__name__}: {redact(str(error))}") from None


def unknown_name(name: str) -> str:
    """The message for a `name` that is no model, with the nearest valid ones."""
    examples = {key: f"{key}:{provider.example}" for key, provider in PROVIDERS.items()}
    near = difflib.get_close_matches(name.partition(":")[0].lower(), ["embedded", "copy", *PROVIDERS], n=2, cutoff=0.5)
    shown = [examples.get(key, key) for key in near] or ["embedded", "copy", examples["openai"], examples["ollama"]]
    return (
        f"No language model is called {name!r}; the nearest valid names: {', '.join(shown)} "
        f'(valid are "embedded", "copy" and "provider:model", with providers such as {", ".join(PROVIDERS)})'
    )


def display_name(llm: BaseChatModel) -> str:
    """The model's name as its provider gives it, else the kind of chat model it is."""
    for attribute in ("name_of_model", "model_name", "model", "model_id"):
        value = getattr(llm, attribute, None)
        if isinstance(value, str) and value:
            return value
    return llm._llm_type

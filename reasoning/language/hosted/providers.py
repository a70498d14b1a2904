"""Models that somebody else runs, named "provider:model" and reached through LangChain's integration packages."""

from __future__ import annotations

import difflib
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from reasoning.language.copying import CopyEverythingChatModel
from reasoning.language.embedded import EmbeddedChatModel
from reasoning.language.errors import LLMError, UnknownLLMError, need_packages
from reasoning.language.hosted.redaction import HIDDEN, redact


@dataclass(frozen=True)
class Provider:
    """What a provider needs.

    Args:
        package: the LangChain integration, as pip names it.
        keys: environment variables, any one of which holds the key; none where no key is needed.
        example: a model of theirs, for messages.
        once: settings with which its client sends a request once and leaves retries to Skylark.
    """

    package: str
    keys: tuple[str, ...]
    example: str
    once: Mapping[str, int] = field(default_factory=lambda: {"max_retries": 0})


HUB_EXAMPLE = "Qwen/Qwen3-0.6B"

PROVIDERS = {
    "anthropic": Provider("langchain-anthropic", ("ANTHROPIC_API_KEY",), "claude-haiku-4-5"),
    "deepseek": Provider("langchain-deepseek", ("DEEPSEEK_API_KEY",), "deepseek-chat"),
    "google_genai": Provider(
        "langchain-google-genai",
        ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        "gemini-2.5-flash",
        {"max_retries": 1},  # it counts the first request too
    ),
    "groq": Provider("langchain-groq", ("GROQ_API_KEY",), "llama-3.3-70b-versatile"),
    "mistralai": Provider("langchain-mistralai", ("MISTRAL_API_KEY",), "mistral-small-latest"),
    "ollama": Provider("langchain-ollama", (), "llama3.2", {}),
    "openai": Provider("langchain-openai", ("OPENAI_API_KEY",), "gpt-5-mini"),
}


NOT_PROVIDERS = ("langchain_core", "langchain_community")
"""LangChain packages whose chat models stand for no provider in particular, some of them for tests."""


def load_hosted(provider: str, model: str, key: str | None = None) -> BaseChatModel:
    """The chat model `model` of `provider`, at temperature 0; nothing is sent yet.

    No limit on new tokens is set: models that think first spend the same allowance on it, and a limit that suits the
    short answers asked for here would leave nothing for the answer.

    Args:
        provider: a name of `PROVIDERS`, or another that LangChain knows.
        model: the provider's name of the model.
        key: used in place of that in the environment; it is in no error.

    Raises:
        UnknownLLMError: the provider is unknown.
        LLMError: its package is not installed, its key is not set, or it refuses the model.
    """
    need_packages("A hosted language model", "langchain", "genai_prices")
    from langchain.chat_models import init_chat_model

    known = PROVIDERS.get(provider)
    if known:
        _check(known, f"{provider}:{model}", key)
    settings: dict[str, Any] = {**(known.once if known else {}), "temperature": 0}
    if key is not None:
        settings["api_key"] = SecretStr(key)  # every provider of `PROVIDERS` that takes a key knows it by this name
    try:
        return cast(BaseChatModel, init_chat_model(model, model_provider=provider, **settings))
    except ValueError as error:
        if str(error).startswith("Unsupported provider"):
            raise unknown_llm(f"{provider}:{model}") from None
        raise LLMError(f"{provider}:{model} cannot be used: {_hidden(error, key)}") from None
    except ImportError as error:
        raise LLMError(f"{provider}:{model} cannot be loaded: {error}") from error
    except Exception as error:  # each provider's own errors
        # Not chained: the provider's own error, shown under ours, might print a key.
        raise LLMError(f"{provider}:{model} cannot be used, {type(error).__name__}: {_hidden(error, key)}") from None


def _hidden(error: Exception, key: str | None) -> str:
    message = str(error)
    return redact(message.replace(key, HIDDEN) if key else message)


def is_installed(provider: Provider) -> bool:
    """Whether its integration package is there."""
    return importlib.util.find_spec(provider.package.replace("-", "_")) is not None


def _check(provider: Provider, name: str, key: str | None) -> None:
    if not is_installed(provider):
        raise LLMError(
            f"{name} needs the package {provider.package}, which is not installed: run `pip install {provider.package}`"
        )
    if key is None and provider.keys and not any(os.environ.get(key, "").strip() for key in provider.keys):
        raise LLMError(f"{name} needs a key: set the environment variable {' or '.join(provider.keys)}")


def unknown_llm(name: str) -> UnknownLLMError:
    """The error for a `name` that is no model, with the nearest valid ones."""
    examples = {key: f"{key}:{provider.example}" for key, provider in PROVIDERS.items()} | {"hf": f"hf:{HUB_EXAMPLE}"}
    known = ["embedded", "copy", *examples]
    near = difflib.get_close_matches(name.partition(":")[0].strip().lower(), known, n=2, cutoff=0.5)
    shown = [examples.get(key, key) for key in near] or ["embedded", "copy", examples["openai"], examples["ollama"]]
    valid = (
        '"embedded", "copy", "hf:" with a name on the Hugging Face hub or a folder, and "provider:model", '
        f"with providers such as {', '.join(PROVIDERS)}"
    )
    return UnknownLLMError(name, shown, valid)


def display_name(llm: BaseChatModel) -> str:
    """The model's name as its provider gives it, else the kind of chat model it is."""
    for attribute in ("name_of_model", "model_name", "model", "model_id"):
        value = getattr(llm, attribute, None)
        if isinstance(value, str) and value:
            return value
    return llm._llm_type


def runs_here(llm: BaseChatModel) -> bool:
    """Whether a model runs in this process, so that nothing is sent and nobody charges for it."""
    return isinstance(llm, EmbeddedChatModel | CopyEverythingChatModel)


def is_hosted(llm: BaseChatModel) -> bool:
    """Whether a model comes from a provider's LangChain package (`langchain_openai` and its like)."""
    package = type(llm).__module__.partition(".")[0]
    return package.startswith("langchain_") and package not in NOT_PROVIDERS


def provider_of(llm: BaseChatModel) -> str:
    """The provider's name, as LangChain's tracing calls it."""
    return str(llm._get_ls_params().get("ls_provider", ""))


def address(llm: BaseChatModel) -> str | None:
    """Where a model's requests go, None where its package does not say.

    The client comes first: it knows an address that was set by an environment variable.
    """
    for client in ("root_client", "_client", "client"):
        value = getattr(getattr(llm, client, None), "base_url", None)
        if value:
            return str(value)
    for attribute in ("anthropic_api_url", "openai_api_base", "groq_api_base", "api_base", "endpoint", "base_url"):
        value = getattr(llm, attribute, None)
        if isinstance(value, str) and value:
            return value
    return None

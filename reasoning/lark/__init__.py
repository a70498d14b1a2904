"""Method `lark`: a language model answers every step of the chain, the earlier answers put in (Choudhary & Reddy 2023).

For each step a subgraph is retrieved, entities and relations are abstracted to ids drawn anew, and the model's reply
is read strictly: ids of the context or nothing. A reply that cannot be read is shown its error once; then the step has
failed, the chain stops and says so. Exact execution of the same step stands beside each reply as a check; it never
enters a prompt. What no context could hold (values, counts, a complement over the whole graph) is done exactly and
marked.
"""

from __future__ import annotations

from reasoning.lark.method import run_chain
from reasoning.lark.steps import LarkOptions

__all__ = ["LarkOptions", "run_chain"]

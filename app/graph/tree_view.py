"""A query as a drawn tree: what is asked at the top, what it is asked of below, with the size of every set.

It is a nested list, so that a screen reader reads it too; where there is room it is drawn from left to right with a
line to each branch, else, as on a phone, from level to level.
"""

from __future__ import annotations

from app.server.markup import name, text
from reasoning import KnowledgeGraph, Query
from reasoning.wording.query_tree import TreeNode, tree_of

MOST_ACROSS = 530
"""Pixels beyond which a tree is not drawn from left to right: half of the page."""
LETTER, LEVEL = 7.4, 63
"""Width of a letter, and of what a level adds to its words: the padding of its box and the line to the next."""


def tree_html(query: Query, kg: KnowledgeGraph) -> str:
    """The tree of a query whose names are all in the graph."""
    tree = tree_of(query, kg)
    looks = "sk-tree sk-across" if _width(tree) <= MOST_ACROSS else "sk-tree"
    return f'<ul class="{looks}" aria-label="The query as a tree">{_node(tree)}</ul>'


def _width(node: TreeNode) -> float:
    return len(node.words) * LETTER + LEVEL + max(map(_width, node.branches), default=0)


def _node(node: TreeNode) -> str:
    label = name(node.key) if node.kind == "entity" else f"{text(node.before)}<b>{text(node.key)}</b>{text(node.after)}"
    size = f'<span class="sk-size{" sk-empty" if node.empty else ""}">{text(node.told)}</span>' if node.told else ""
    below = "".join([_node(branch) for branch in node.branches])
    drawn = f'<span class="sk-drawn"><span class="sk-node sk-node-{node.kind}">{label}</span>{size}</span>'
    return f"<li>{drawn}{f'<ul>{below}</ul>' if below else ''}</li>"

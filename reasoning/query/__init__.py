"""Logical queries: the tree, its text form, the benchmarks' forms, English, and the chain of single steps.

Importing the package loads what supplies the methods that `Query` declares.
"""

import reasoning.wording  # noqa: F401
from reasoning.query import grammar, records, sparql, structures  # noqa: F401

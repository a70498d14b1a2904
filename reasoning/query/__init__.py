"""Logical queries: the tree, its grammar, the benchmarks' forms, SPARQL, and the chain of single steps."""

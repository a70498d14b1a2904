"""Logical queries: the tree, its text form, the benchmarks' forms, English, and the chain of single steps."""

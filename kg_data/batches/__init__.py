"""Long lists of work done by several processes, or on a cluster, so that what comes out is what one process gives.

The items are cut into shards, each with a file of its own that one worker writes; the lines go into the results in the
items' order. A worker or the driver may die at any moment: what was done is on disk, line by line. Both halves evaluate
so; it lives in the lowest room because imports go one way.
"""

"""Where triples come from: the registry, the loaders of files and folders, the built-in world graph."""

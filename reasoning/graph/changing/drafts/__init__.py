"""A graph while it is being changed, subject by subject: each draft reads on from what was and gives what is other."""

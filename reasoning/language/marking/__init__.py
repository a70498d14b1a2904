"""Steps of chains answered by marks: a taught model reads a step once and says of each candidate whether it stays.

A language model that writes its answer as text spends most of its work on the form of prompt and reply. Here an entity
is one token, what is asked stands first, and behind each candidate the model may say one of two things, keep or drop:
an entity that is not in the context cannot be named, and the probability of the mark is the candidate's score.
"""

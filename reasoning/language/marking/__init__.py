"""Answers by marks: a taught model reads a sheet once and says of each candidate on it whether it stays.

A language model that writes its answer as text spends most of its work on the form of prompt and reply. Here a
candidate is one token, what is asked stands first, and behind each candidate the model may say one of two things, keep
or drop: what is not on the sheet cannot be named, and the probability of the mark is the candidate's score.
"""

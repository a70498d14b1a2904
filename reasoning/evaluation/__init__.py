"""Measuring a method on query files and question files, so that two runs can be compared and a stopped one goes on."""

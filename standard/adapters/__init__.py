"""Adapters: each gives a tool the folder of a suite and writes its answer as the CSV that the score reads."""

"""Exports of catalogues: read as they are, joined with what was listed, and written back with what a plan says."""

"""The version of everything that a content's row depends on."""

ALGORITHM = "mf5"
"""Raised whenever a signature of the same bytes may change: rows of another version are made anew, never compared."""

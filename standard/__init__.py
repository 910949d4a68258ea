"""A standard of what is a duplicate, and a suite of cases that any tool can take. CC0, see LICENSE."""

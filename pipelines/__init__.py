"""Composition only: one module per pipeline, the command line, the engine's options."""

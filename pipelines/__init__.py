"""Composition only: one module per step of the mission here; the command line, engines and records in their folders."""

"""What changed since the previous run: objects against its plan, and what its cluster ids became."""

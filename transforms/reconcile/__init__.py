"""After the move: what the plan says should be there against what targets list. Pure; no store is asked here."""

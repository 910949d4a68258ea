"""Plans for other tools: what to set aside, what to carry over, and what serves every object afterwards."""

"""Labels: which candidate component each content belongs to."""

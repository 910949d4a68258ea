"""What a clean saves and what it costs: prices, the savings table, the summary, sampling and the capacity model."""

"""What a run would cost and free, before anyone starts it."""

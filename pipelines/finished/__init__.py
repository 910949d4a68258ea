"""What is done with a finished run: check it, sign it off, hand it over, take verdicts back."""

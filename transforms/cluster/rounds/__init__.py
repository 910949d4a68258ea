"""Families that one worker can't hold: held back, settled in rounds, and taken up again."""

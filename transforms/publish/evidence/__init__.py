"""The record of a plan as archives keep it: PREMIS 3, and lists of what is disposed of."""

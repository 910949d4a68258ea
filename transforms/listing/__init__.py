"""Listing: sources -> objects. Buckets, folders and inventory reports become rows of one table."""

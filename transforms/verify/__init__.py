"""Verify: the promises of a finished run checked again, from its tables alone.

The checks are SQL over the Parquet files (DuckDB), so that nothing of the code that decided is trusted.
"""

"""The tables: one module each, with the pyarrow schema, the row order and the version. Imports nothing of ours."""

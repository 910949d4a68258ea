"""objects -> contents, failures: read each distinct content once, decode it small, hash in batches."""

"""The stages, one room each, in data-flow order: listing, fingerprint, match, cluster, retain, estimate, publish."""

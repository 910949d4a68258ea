"""Collections of blocks that the local runner would hold in memory, held in files."""

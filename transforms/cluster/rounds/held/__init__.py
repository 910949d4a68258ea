"""What waits under DIR while rounds go on."""

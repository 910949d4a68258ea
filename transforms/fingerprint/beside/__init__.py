"""What lies beside pictures and speaks of them: XMP sidecars."""

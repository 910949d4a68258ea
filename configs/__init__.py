"""Settings, validated once and frozen; ready policies; dated price books."""

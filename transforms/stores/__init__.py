"""The stores: read, list, stat and look up holds at sources; write to the output only.

This room alone imports cloud SDKs. It owns credentials, retries, rate limits and the read-only guard.
"""

"""The documentation as a site: pages that are generated from the code, and what Markdown of ours needs on the way."""

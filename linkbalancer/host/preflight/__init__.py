"""What the preflight looks at on this host, one noun a file: `read` looks, `parse` understands what it saw."""

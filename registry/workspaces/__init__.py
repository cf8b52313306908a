"""`credanchor.toml`, the contract as shipped, and the embedded chain for development."""

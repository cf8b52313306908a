"""Every log of a registry, closed by a proof, and what it tells."""

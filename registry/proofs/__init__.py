"""What the chain holds, and how that is known: from a block's hash to facts. Pure."""

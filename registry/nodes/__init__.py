"""What is asked of nodes over JSON-RPC, none of them believed."""

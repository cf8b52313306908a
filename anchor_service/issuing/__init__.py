"""From rosters to signed credentials."""

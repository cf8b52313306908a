"""Files, facts, policy and a clock's reading to a verdict. Pure."""

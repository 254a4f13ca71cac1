"""Which destinations are allowed: rules, where they come from, and what they say of a destination."""
